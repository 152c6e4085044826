"""While nothing else is to be done, the next slice in the direction of scrolling is computed."""

from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtWidgets import QApplication

from ..workbench import Workbench
from .jobs import Jobs

LANE = "measure"  # the lane of all that reads the scan
_BUSY = ("foreground", LANE, "render")
_ASKED = ("foreground", "render", "prepare")  # lanes of what a user asks for
_REST = 150  # ms
_ACTS = (QEvent.Type.KeyPress, QEvent.Type.MouseButtonPress, QEvent.Type.Wheel)


class LookingAhead(QObject):
    """Starts looking ahead when the picture is there, and stops at once for whatever the user does."""

    def __init__(self, bench: Workbench, jobs: Jobs, parent: QObject) -> None:
        super().__init__(parent)
        self._bench, self._jobs = bench, jobs
        self._under_way = False
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(_REST)
        self._rest.timeout.connect(self._begin)
        jobs.idle.connect(self._on_idle)
        jobs.added.connect(self._on_added)

    def _on_idle(self, lane: str) -> None:
        if lane == LANE:
            self._end()
        if lane in _BUSY:
            self._rest.start()

    def _begin(self) -> None:
        if any(self._jobs.busy(lane) for lane in _BUSY):
            return
        task = self._bench.ahead.task()
        if task is not None:
            self._jobs.latest(task, LANE)
            self._under_way = True
            QApplication.instance().installEventFilter(self)

    def _end(self) -> None:
        if self._under_way:
            self._under_way = False
            QApplication.instance().removeEventFilter(self)

    def stop(self) -> None:
        """Stop looking ahead."""
        if self._under_way:
            self._end()
            self._jobs.cancel(LANE)

    def _on_added(self, lane: str) -> None:
        """Make room for what the user asks for."""
        if lane in _ASKED:
            self.stop()
        elif lane == LANE:
            self._end()  # another slice is read in its place

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Stop for the user's hand."""
        if event is not None and event.type() in _ACTS:
            self.stop()
        return False
