"""One job in another thread: the only place that knows superqt's workers, and what goes wrong in them.

With napari's own workers, which are built on these, napari would ask for each whether the window may be closed.
"""

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from psygnal import EmitLoopError
from qtpy.QtCore import QObject, Signal
from superqt.utils import WorkerBase

from ..ground.errors import ModelError, ReconRobustError
from ..ground.progress import Cancelled, Job, Progress, cancellable
from ..ground.wanted import Wanted
from .collecting import uncollected

_log = logging.getLogger(__name__)
_asked = 0  # threads of torch
_NICE = 10  # as `nice` counts
_PERIOD = 0.03  # seconds between two reports of one job to the window
# Seconds for which a job keeps Python to itself while the window waits; Python's own are ten times that.
_SLICE = 0.0005
# Errors begin small, since the command line prints them after its name; other first words may be names of files.
_OPENERS = {
    "a",
    "all",
    "an",
    "importing",
    "its",
    "it",
    "no",
    "several",
    "slice",
    "that",
    "the",
    "there",
    "these",
    "this",
    "two",
    "white",
}


@dataclass(frozen=True)
class Failed:
    """What a job raised; it is returned in place of a result."""

    error: Exception


class _Reports(QObject):
    progressed = Signal(object)


class _Worker(WorkerBase[Any]):
    """A job, driven in a thread of Qt's pool."""

    def __init__(self, label: str, job: Job[Any], cancelled: threading.Event) -> None:
        super().__init__()
        self.reports = _Reports()
        self._label, self._job, self._cancelled = label, job, cancelled

    def work(self) -> Any:
        """Return the job's result, None for a cancelled one, or what went wrong.

        Whatever is raised is returned: superqt would report no end of it, and the lane stay taken.
        """
        try:
            return _drive(self._label, self._job, self._cancelled, self.reports.progressed.emit)
        except RuntimeError as error:  # which is what torch raises
            return Failed(_converted(self._label, error))
        except Exception as error:
            return Failed(error)


def start_worker(
    label: str,
    job: Job[Any],
    cancelled: threading.Event,
    *,
    on_progress: Callable[[Progress], object],
    on_returned: Callable[[Any], object],
) -> None:
    """Run a job in a thread until it ends or is cancelled; the two callbacks run in the window's thread."""
    worker = _Worker(label, job, cancelled)
    worker.reports.progressed.connect(on_progress)
    worker.returned.connect(on_returned)
    worker.finished.connect(uncollected.end)
    uncollected.begin()
    worker.start()


def _drive(label: str, job: Job[Any], cancelled: threading.Event, report: Callable[[Progress], object]) -> Any:
    """Drive the job in the worker's thread, without gradients; a cancelled job is closed in that thread too."""
    last = -_PERIOD
    preview, previewed = None, False
    with _in_short_turns():
        _give_way()
        try:
            while not cancelled.is_set():
                try:
                    with _without_gradients(), cancellable(cancelled.is_set):
                        progress = next(job)
                except StopIteration as stop:
                    return stop.value
                except Cancelled:
                    return None
                preview = preview if progress.preview is None else progress.preview
                now = time.monotonic()
                first = preview is not None and not previewed  # does not wait: what comes next may take long, or fail
                if now - last >= _PERIOD or progress.fraction >= 1 or first:
                    last, previewed = now, previewed or first
                    report(Progress(progress.fraction, progress.message, preview))
                    preview = None
            return None
        finally:
            _close(label, job)


def _close(label: str, job: Job[Any]) -> None:
    """Close a job; what it raises then is logged: its result, or what went wrong before, is what counts."""
    try:
        job.close()
    except Exception:
        _log.exception("%s could not be closed", label)


@contextmanager
def _short_turns() -> Iterator[None]:
    """Let threads take shorter turns, as long as any job runs.

    The window's thread lets go of Python's lock at every call into OpenGL, and gets it back from a job that computes in
    Python only at the end of that job's turn: a frame of a hundred calls would take half a second.
    """
    usual = sys.getswitchinterval()
    sys.setswitchinterval(min(_SLICE, usual))
    yield
    sys.setswitchinterval(usual)


_turns = Wanted(_short_turns)


@contextmanager
def _in_short_turns() -> Iterator[None]:
    _turns.begin()
    try:
        yield
    finally:
        _turns.end()


def _give_way() -> None:
    """Let the window's thread go before this one where both want a core; Linux has a priority for each thread.

    A new layout of the images takes twice as long beside a search of equal priority.
    """
    if sys.platform == "linux":
        thread = threading.get_native_id()
        with suppress(OSError):  # some containers keep it from a process
            os.setpriority(os.PRIO_PROCESS, thread, max(os.getpriority(os.PRIO_PROCESS, thread), _NICE))


def _without_gradients() -> AbstractContextManager[object]:
    """Switch gradients off in this thread, if torch is loaded: a job without torch must not load it."""
    torch = sys.modules.get("torch")
    if torch is None:
        return nullcontext()
    _set_threads(_asked)
    no_grad: AbstractContextManager[object] = torch.no_grad()
    return no_grad


def use_threads(count: int) -> None:
    """Let jobs that start from now on use so many threads of torch; 0 leaves one core to the window."""
    global _asked
    _asked = count


@lru_cache(maxsize=1)  # so that torch is told only when the number has changed
def _set_threads(asked: int) -> None:
    import torch

    torch.set_num_threads(asked or max(min(_most(), (os.cpu_count() or 2) - 1), 1))


@cache
def _most() -> int:
    """How many threads torch has begun with."""
    import torch

    return torch.get_num_threads()


def _converted(label: str, error: RuntimeError) -> ModelError:
    _log.info("%s failed", label, exc_info=error)
    if "memory" in str(error).lower():
        return ModelError(f"{label} ran out of memory; choose a smaller matrix or another method.")
    return ModelError(f"{label} failed ({_first_line(error)}); change a setting and start it again.")


def sentence(error: Exception) -> str:
    """Say an error in one sentence; one that is not written for users is logged with its traceback."""
    while isinstance(error, EmitLoopError) and isinstance(error.__cause__, Exception):
        error = error.__cause__
    if isinstance(error, ReconRobustError):
        words = " ".join(str(error).split())
        return words[:1].upper() + words[1:] if words.partition(" ")[0] in _OPENERS else words
    _log.error("a job failed", exc_info=error)
    if isinstance(error, MemoryError):
        return "There is not enough memory for this; close other programs or choose a smaller matrix."
    return f"Something went wrong ({type(error).__name__}: {_first_line(error)}); nothing is lost, try again."


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
