"""The Perturb dock: choose a region, perturb it, look at the result at every smaller budget."""

from typing import TYPE_CHECKING

import napari.viewer
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QVBoxLayout, QWidget

from ...controls.parts import Fold, button, words
from .. import keys
from ..session import Session
from .analyses import AnalysesPanel
from .fragile import FragilePlaces
from .kind import KindPanel
from .outcome import OutcomePanel
from .page import Page
from .region_list import RegionList

if TYPE_CHECKING:
    from ...perturbations.base import Perturbed


class PerturbDock(Page):
    """A thin view on `regions` and `perturbing` of the workbench, in parts from the top to the bottom."""

    title = "Perturb"

    def __init__(self, napari_viewer: "napari.viewer.Viewer") -> None:
        super().__init__(Session.of(napari_viewer))
        self.empty = words("Nothing is open yet: open k-space or the sample under Reconstruct.")
        self.regions = RegionList(self.session)
        self.fragile = FragilePlaces(self.session)
        self.kind = KindPanel(self.session)
        self.outcome = OutcomePanel(self.session)
        self.analyses = AnalysesPanel(self.session)
        self.body = QWidget()
        parts = QVBoxLayout(self.body)
        parts.setContentsMargins(0, 0, 0, 0)
        parts.setSpacing(self.column.spacing())
        further = Fold("Study this further", self.analyses)
        attacks = button("History and queue  e", keys.words_of("attacks"), lambda: self.session.bring("Attacks"))
        for part in (self.regions, self.fragile, self.kind, self.outcome, attacks, further):
            parts.addWidget(part)
        self.column.addWidget(self.empty)
        self.column.addWidget(self.body)
        self.column.addStretch(1)
        self.tour_stops = {"region": self.regions, "run": self.kind.run}
        self._follow()
        self._show_opened()
        self._on_finished()
        self.session.join(self, self.title)

    def _follow(self) -> None:
        bench = self.bench
        self.listen(bench.acquisition.opened, self._on_opened)
        self.listen(bench.acquisition.measured, self._on_measured)
        self.listen(bench.acquisition.left, self._on_measured)
        self.listen(bench.regions.changed, self.regions.show_all)
        self.listen(bench.regions.chosen_changed, self.regions.show_chosen)
        self.listen(self.session.painting.changed, self.regions.show_brush)
        self.listen(self.session.panels.drawing.tool_changed, self.regions.show_tool)
        self.listen(bench.undoing.changed, self.regions.undo.show_steps)
        self.listen(bench.fragility.changed, self.fragile.show_found)
        self.listen(bench.analysing.changed, self.analyses.show_found)
        self.listen(bench.reconstruction.method_changed, self.analyses.list_methods)
        self.listen(bench.perturbing.kind_changed, self._on_kind)
        self.listen(bench.perturbing.previewed, self._on_preview)
        self.listen(bench.perturbing.finished, self._on_finished)
        self.listen(bench.perturbing.earlier_changed, self.outcome.show_earlier)
        self.listen(self.session.panels.navigation.clicked, self.kind.put)
        self.listen(self.session.looked, self.outcome.show_look)
        self.listen(self.session.jobs.started, self._show_running)
        self.listen(self.session.jobs.ended, self._show_running)

    def _on_opened(self) -> None:
        QTimer.singleShot(0, self._show_opened)  # the panels are built in this turn of the event loop

    def _show_opened(self) -> None:
        self.empty.setVisible(not self.bench.acquisition.is_open)
        self.body.setVisible(self.bench.acquisition.is_open)
        if not self.bench.acquisition.is_open:
            self._show_running()
            return
        self.kind.list_kinds()
        self.analyses.list_methods()
        if self.bench.perturbing.kind is None:
            self.bench.perturbing.choose_default()
        else:
            self._on_kind()
        self._on_measured()

    def _on_measured(self) -> None:
        self.regions.show_all()
        self.kind.budgets.show_thermal()
        self._show_running()

    def _on_kind(self) -> None:
        self.kind.show_kind()
        self.fragile.show_kind()

    def _on_preview(self, perturbed: "Perturbed | None") -> None:
        if perturbed is None:
            self._on_finished()
        else:
            self.outcome.show_curve(perturbed)

    def _on_finished(self) -> None:
        self.outcome.show_result()

    def _show_running(self, _: str = "") -> None:
        free = self.session.jobs.free() and self.bench.acquisition.slice is not None
        for one in (self.kind.run, self.fragile.find):
            one.setEnabled(free)
        self.analyses.show_running()
