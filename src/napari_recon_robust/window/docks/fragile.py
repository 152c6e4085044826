"""Where is it fragile? The map over the picture, what its colours mean, and how far it is trusted."""

from qtpy.QtWidgets import QCheckBox, QVBoxLayout, QWidget
from superqt.utils import signals_blocked

from ...controls.parts import button, row, show_text, words
from ..session import Session

# For noise, and for kinds that insert a feature.
QUESTIONS = ("Where is it fragile?", "Where would it be lost?")
TIPS = (
    "Attack the whole slice at the budget below, and list the regions that change most",
    "Insert the feature below everywhere, many in each image, and list the places where least of it is kept",
)


class FragilePlaces(QWidget):
    """A thin view on `fragility` of the workbench; its page says when to look at it again."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.bench = session.bench
        self.find = button(QUESTIONS[0], TIPS[0], lambda: session.attempt(self.bench.fragility.run))
        self.map = QCheckBox("Map")
        self.map.setToolTip("The map over the reconstruction: bright is bad. It ranks places for this method")
        self.map.toggled.connect(session.panels.overlay.show)
        self.legend = words(faint=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(row(self.find, self.map, stretch=0))
        column.addWidget(self.legend)
        self.show_found()

    def show_kind(self) -> None:
        """Ask what fits the kind of perturbation."""
        kind = int(self.bench.fragility.of_features)
        self.find.setText(QUESTIONS[kind])
        self.find.setToolTip(TIPS[kind])

    def show_found(self) -> None:
        """Say what there is a map of."""
        found = self.bench.fragility.found
        self.map.setEnabled(found is not None)
        with signals_blocked(self.map):
            self.map.setChecked(found is not None)
        show_text(self.legend, "" if found is None else found.legend)
