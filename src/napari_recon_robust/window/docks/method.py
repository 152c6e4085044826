"""Choosing a method and turning its knobs; what it is, what it was trained for, how good its image is."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from qtpy.QtGui import QStandardItemModel
from qtpy.QtWidgets import QComboBox, QVBoxLayout, QWidget
from superqt.utils import signals_blocked

from ...controls.knob_panel import KnobPanel
from ...controls.parts import button, column, heading, row, set_faint, show_text, warning, words
from ...evaluation.measures import MEASURES
from ...ground.errors import ReconRobustError
from ...ground.numbers import written
from ...workbench.domain import outside, trained_for
from ...workbench.reconstruction import Rendered
from ..session import Session
from .own_model import OwnModelBox

if TYPE_CHECKING:
    from ...evaluation.metrics import Metrics
    from ...reconstructors.base import Reconstructor

FIRST_METHOD = "tv"
_BEGINNING = {"To begin with": [FIRST_METHOD, "unrolled-hqs", "ensemble"]}  # a head of the list, and its methods
_ROOT_SUM_OF_SQUARES = "Reference: root sum of squares (RSS), in which noise lights up the background."


class MethodBox(QWidget):
    """A thin view on `reconstruction` of the workbench; its page says when to look at it again."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session, self.bench = session, session.bench
        self.knobs: KnobPanel | None = None
        self.list = QComboBox()
        self.list.setToolTip("Reconstruction method")
        self.list.setAccessibleName("Reconstruction method")
        self.list.setMinimumWidth(80)  # not that of its longest entry
        self.list.currentIndexChanged.connect(self._choose)
        self.own_model = OwnModelBox(session)
        self.own_button = button("Own model…", "Open a model of your own", self.own_model.ask, checkable=True)
        self.summary = words(faint=True)
        self.warning = warning()
        self.auto = button(
            "Auto",
            "Let k-space lines that are held out choose the knobs: no reference needed",
            lambda: session.attempt(self.bench.reconstruction.automatic),
        )
        self.preview = button("Preview", "Reconstruct at these knobs", session.following.render)
        self.mark = words(faint=True)
        self.scores = words()
        self._knob_place = QVBoxLayout()
        column(
            heading("Method"),
            row(self.list, self.own_button, stretch=0),
            self.own_model,
            self.summary,
            self.warning,
            self._knob_place,
            row(self.auto, self.preview, self.mark, stretch=2),
            self.scores,
            into=self,
            spacing=4,
        )

    def list_methods(self) -> None:
        """List all methods under headings, once, and choose the first one if none is chosen yet."""
        if self.list.count():
            return
        from ...reconstructors import registry

        with signals_blocked(self.list):
            for heading, ids in (_BEGINNING | registry.grouped()).items():
                self._head(heading)
                for id in ids:
                    if self.list.findData(id) < 0:  # each once, or the keys would not get past the second
                        self._list(registry.get(id))
            for method in self.bench.reconstruction.own_models.values():
                self._list_own(method)
            self.list.setCurrentIndex(-1)
        if self.bench.reconstruction.method is None:
            self.list.setCurrentIndex(self.list.findData(FIRST_METHOD))

    def _head(self, heading: str) -> None:
        """List a heading, which cannot be chosen."""
        self.list.addItem(heading)
        model = self.list.model()
        assert isinstance(model, QStandardItemModel)
        head = model.item(self.list.count() - 1)
        head.setEnabled(False)
        font = head.font()
        font.setBold(True)
        head.setFont(font)

    def _list_own(self, method: "Reconstructor") -> None:
        """List an own model below the others; the first one brings the heading."""
        from ...reconstructors.registry import OTHERS

        if self.list.findText(OTHERS) < 0:
            self._head(OTHERS)
        self._list(method)

    def _list(self, method: "Reconstructor") -> None:
        self.list.addItem(method.label, method.id)
        self.list.setItemData(self.list.count() - 1, method.summary, 3)  # Qt.ToolTipRole

    def _choose(self) -> None:
        id = self.list.currentData()
        if id is not None:
            self.session.choose_method(id)

    def show_method(self) -> None:
        """Show the knobs of a newly chosen method, and nothing of an image yet."""
        method = self.bench.reconstruction.reconstructor
        if method is None:
            return
        self.list_methods()  # a saved case, or an own model, brings its method before the scan's are listed
        with signals_blocked(self.list):
            if self.list.findData(method.id) < 0:
                self._list_own(method)
            self.list.setCurrentIndex(self.list.findData(method.id))
        if self.knobs is not None:
            self._knob_place.removeWidget(self.knobs)
            self.knobs.hide()
            self.knobs.deleteLater()
        self.knobs = KnobPanel(method.knobs)
        self.knobs.set_values(self.bench.reconstruction.knobs)
        self.knobs.turned.connect(self.session.knob_turning.turn)
        self.knobs.refused.connect(self.session.jobs.failed)
        self.session.slider_drags.follow(self.knobs)
        self._knob_place.addWidget(self.knobs)
        self.auto.setVisible(bool(self.bench.reconstruction.axes))
        self.show_domain()
        self.mark.setText("")
        show_text(self.scores, "")

    def show_domain(self) -> None:
        """Describe the method in a line, and say where this scan is outside of what its weights were trained for."""
        method, measured = self.bench.reconstruction.reconstructor, self.bench.acquisition.slice
        if method is None:
            return
        seconds = self.bench.reconstruction.seconds.get(method.id)
        took = "" if seconds is None else f" A slice takes {_about(seconds)} here."
        try:
            domain = trained_for(method)
            concern = "" if measured is None else outside(method, measured.measurement)
        except ReconRobustError as error:
            domain, concern = None, str(error)
        trained = "" if domain is None else f" Trained for {domain}."
        self.summary.setText(f"{method.summary}{trained}{took}")
        shown = self.bench.reconstruction.shown
        doubt = "" if shown is None else shown.caution
        cautions = () if measured is None else measured.cautions
        show_text(self.warning, " ".join(filter(None, (method.caution, concern, *cautions, doubt))))
        self.preview.setVisible(self.session.knob_turning.slow)

    def show_knobs(self) -> None:
        """Show the values of the knobs after they were turned."""
        if self.knobs is not None:
            self.knobs.set_values(self.bench.reconstruction.knobs)

    def show_unrendered(self) -> None:
        """Clear what was said of an image, since no image belongs to what is set now."""
        self.mark.setText("")
        show_text(self.scores, "")

    def show_rendered(self, rendered: Rendered) -> None:
        """Say what the image is and how it scores; until it is exact, the scores of the image before stand back."""
        asked = ": press Preview" if rendered.earlier and self.session.knob_turning.slow else ""
        self.mark.setText(f"{rendered.mark}{asked}")
        set_faint(self.scores, not rendered.exact)
        if rendered.exact:
            self.show_domain()
        if rendered.metrics is not None:
            lines = [
                f"{region.capitalize()}: {', '.join(_briefly(scores))}" for region, scores in rendered.metrics.items()
            ]
            if rendered.method.reference_kind == "rss":
                lines.append(_ROOT_SUM_OF_SQUARES)
            show_text(self.scores, "\n".join(lines))
        elif rendered.exact:
            show_text(self.scores, "")

    def show_prepared(self) -> None:
        """Show the map under the pad as far as it is prepared."""
        if self.knobs is not None and self.knobs.pad is not None:
            self.knobs.pad.set_map(self.bench.reconstruction.consistency(), "dark: true to the data")


def _about(seconds: float) -> str:
    return "less than 0.1 s" if seconds < 0.1 else f"about {written(seconds, '.2g')} s"


def _briefly(scores: "Metrics") -> Iterator[str]:
    """Each metric with its name, or with its unit alone where it has one, since the dock is narrow."""
    for name, one in MEASURES.items():
        value = one.said(getattr(scores, name))
        yield value if one.unit else f"{one.name} {value}"
