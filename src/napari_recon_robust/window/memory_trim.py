"""Gives memory that is free back to the system."""

import ctypes
from collections.abc import Callable
from functools import cache

from qtpy.QtCore import QObject, QTimer

from ..ground.progress import Job, Progress
from ..workbench.task import Task
from .jobs import Jobs

LANE = "memory"
_REST = 2000  # ms without a job


class MemoryTrim(QObject):
    """Gives memory back when the jobs of a window rest.

    glibc keeps what is freed for each thread, in case that thread wants it again. After a search these are some hundred
    megabytes, and more with each scan that is opened, though nothing of the scans before is kept.
    """

    def __init__(self, jobs: Jobs) -> None:
        super().__init__(jobs)
        self._jobs = jobs
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(_REST)
        self._rest.timeout.connect(self._at_rest)
        jobs.idle.connect(self._on_idle)

    def _on_idle(self, lane: str) -> None:
        if lane != LANE:
            self._rest.start()

    def _at_rest(self) -> None:
        if not self._jobs.working:  # else it rests again later
            self._jobs.latest(Task("Giving memory back", give_back(), lambda _: None), LANE)


def give_back() -> Job[None]:
    """Give free memory back to the system; only glibc has to be asked to do so."""
    yield Progress(0.0)
    trim = _trim()
    if trim is not None:
        trim(0)


@cache
def _trim() -> Callable[[int], int] | None:
    """Glibc's function, or None where there is another library."""
    try:
        return ctypes.CDLL(None).malloc_trim
    except (AttributeError, TypeError):  # Windows knows no None
        return None
