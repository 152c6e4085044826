"""The Attacks dock: the history of what was done to this scan, and a queue of what is to be done."""

import napari.viewer

from ...controls.parts import words
from ..session import Session
from .history import HistoryPanel
from .page import Page
from .queue import QueuePanel


class AttacksDock(Page):
    """A thin view on `history` and `queue` of the workbench."""

    title = "Attacks"

    def __init__(self, napari_viewer: "napari.viewer.Viewer") -> None:
        super().__init__(Session.of(napari_viewer))
        bench = self.bench
        self.empty = words("Nothing is open yet: open k-space or the sample under Reconstruct.")
        self.history, self.queue = HistoryPanel(self.session), QueuePanel(self.session)
        for part in (self.empty, self.history, self.queue):
            self.column.addWidget(part)
        self.column.addStretch(1)
        self.listen(bench.history.changed, self.history.show_entries)
        self.listen(bench.perturbing.finished, self.history.show_current)
        self.listen(bench.queue.changed, self.queue.show_orders)
        acquisition = bench.acquisition
        for signal in (bench.regions.changed, bench.regions.chosen_changed, acquisition.measured, acquisition.left):
            self.listen(signal, self.queue.list_regions)
        for signal in (bench.perturbing.kind_changed, bench.perturbing.set_changed):
            self.listen(signal, self.queue.show_asked)
        for signal in (acquisition.opened, acquisition.closed, bench.reconstruction.method_changed):
            self.listen(signal, self._show_opened)
        self._show_opened()
        self.session.join(self, self.title)

    def _show_opened(self) -> None:
        is_open = self.bench.acquisition.is_open
        self.empty.setVisible(not is_open)
        self.history.setVisible(is_open)
        self.queue.setVisible(is_open)
        self.queue.list_all()
