"""The queue of perturbations runs on a lane of its own, so that nothing waits for it."""

from collections.abc import Iterable

from qtpy.QtCore import QObject, QTimer

from ..workbench import Workbench
from ..workbench.queueing import Order
from .jobs import Jobs

LANE = "queue"


class Queueing(QObject):
    """Runs the orders of the workbench's queue one after another."""

    def __init__(self, bench: Workbench, jobs: Jobs, parent: QObject) -> None:
        super().__init__(parent)
        self.queue, self.jobs = bench.queue, jobs
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self._go_on)
        bench.queue.changed.connect(self._on_changed)
        bench.acquisition.closed.connect(self._on_closed)
        jobs.idle.connect(self._on_idle)

    def cancel(self, orders: Iterable[Order] | None = None) -> None:
        """Cancel these orders, by default all, with the one that is under way."""
        running = self.queue.running
        self.queue.cancel(orders)
        if running is not None and running.state == "cancelled":
            self.jobs.cancel(LANE)

    def _on_changed(self) -> None:
        if not self.jobs.busy(LANE):
            self._soon.start(0)

    def _on_closed(self) -> None:
        self.jobs.cancel(LANE)

    def _on_idle(self, lane: str) -> None:
        if lane == LANE:
            self._soon.start(0)

    def _go_on(self) -> None:
        if self.jobs.busy(LANE):
            return
        if self.queue.running is not None:  # its thread was stopped with all others
            self.queue.cancel([self.queue.running])
        task = self.queue.next()
        if task is not None:
            self.jobs.latest(task, LANE)
