"""Work in other threads: the one place that knows napari's workers, and what goes wrong in them.

A lane runs one task at a time. A foreground lane refuses a second one; on a background lane the latest request
waits and those before it are forgotten, so that a slider never builds a queue.
"""

import atexit
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from weakref import WeakSet

from napari.qt.threading import create_worker
from psygnal import EmitLoopError
from qtpy.QtCore import QObject, QThreadPool, Signal

from ..errors import ModelError, ReconRobustError
from ..progress import Progress
from ..workbench.task import Task

_log = logging.getLogger(__name__)
_PERIOD = 0.03  # seconds between two reports of one job to the window
_LANES = 5
_all: "WeakSet[Jobs]" = WeakSet()


@atexit.register
def stop_all() -> None:
    """A thread that still works while the interpreter goes would abort the process: it is asked to stop, and awaited.

    Registered after Qt's own cleaning up, and therefore done before it.
    """
    for jobs in list(_all):
        jobs.cancel_all()
    QThreadPool.globalInstance().waitForDone()  # also for jobs that were told to stop before


@dataclass(eq=False)
class _Running:
    task: Task[Any]
    quiet: bool
    cancelled: threading.Event = field(default_factory=threading.Event)
    preview: Any = None


class Jobs(QObject):
    """Runs tasks in napari's workers and brings their results back to the window's thread.

    Signals, all in the window's thread: `started(label)`, `progressed(Progress)` and `ended(message)` of what is
    shown at the foot of the docks; `failed(sentence)` of any lane; `idle(lane)` when a lane has nothing to do.
    """

    started = Signal(str)
    progressed = Signal(object)
    ended = Signal(str)
    failed = Signal(str)
    idle = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._running: dict[str, _Running] = {}
        self._waiting: dict[str, tuple[Task[Any], bool]] = {}
        self._shut = False
        _all.add(self)
        pool = QThreadPool.globalInstance()
        if pool.maxThreadCount() < _LANES:  # on two cores a render would wait for the search beside it
            pool.setMaxThreadCount(_LANES)

    def start(self, task: Task[Any], lane: str = "foreground") -> bool:
        """Run a task at the foot of the docks, unless its lane is busy: then say so and return False."""
        if lane in self._running:
            self.failed.emit(
                f"{task.label} has to wait: {self._running[lane].task.label.lower()} is under way; "
                "cancel it or let it finish, then start again."
            )
            return False
        self._launch(lane, task, quiet=False)
        return True

    def latest(self, task: Task[Any], lane: str, *, quiet: bool = True) -> None:
        """Run a task as soon as its lane is free; a newer request replaces one that still waits."""
        if lane in self._running:
            self._waiting[lane] = (task, quiet)
        else:
            self._launch(lane, task, quiet)

    def replace(self, task: Task[Any], lane: str, *, quiet: bool = True) -> None:
        """Like `latest`, and what runs on the lane is cancelled."""
        self.cancel(lane)
        self.latest(task, lane, quiet=quiet)

    def cancel(self, lane: str = "foreground") -> None:
        """Ask a lane's task to stop at its next step, and forget what waits behind it."""
        self._waiting.pop(lane, None)
        if lane in self._running:
            self._running[lane].cancelled.set()

    def cancel_all(self) -> bool:
        """Stop everything, at each job's next step; whether there was anything."""
        for lane in list(self._running):
            self.cancel(lane)
        return self.working

    @property
    def working(self) -> bool:
        """Whether a task runs on any lane."""
        return bool(self._running)

    def shut(self) -> None:
        """Stop everything for good: what still comes back is dropped, and nothing new is started."""
        self._shut = True
        self._waiting.clear()
        self.cancel_all()

    def busy(self, lane: str = "foreground") -> bool:
        """Whether a task runs on a lane."""
        return lane in self._running

    def _launch(self, lane: str, task: Task[Any], quiet: bool) -> None:
        if self._shut:
            return
        running = _Running(task, quiet)
        self._running[lane] = running
        if not quiet:
            self.started.emit(task.label)
        worker = create_worker(
            _drive,
            running,
            _start_thread=False,
            _ignore_errors=True,
            _connect={
                "yielded": lambda progress: self._on_progress(running, progress),
                "returned": lambda outcome: self._on_returned(lane, running, outcome),
                "aborted": lambda: self._end(lane, running, "Stopped."),
            },
        )
        worker.start()

    def _on_progress(self, running: _Running, progress: Progress) -> None:
        if progress.preview is not None:
            running.preview = progress.preview
            if running.task.preview is not None and not (running.cancelled.is_set() or self._shut):
                self._guard(running.task.preview, progress.preview)
        if not running.quiet:
            self.progressed.emit(progress)

    def _on_returned(self, lane: str, running: _Running, outcome: Any) -> None:
        task = running.task
        if self._shut:
            self._end(lane, running, "")
            return
        if isinstance(outcome, _Failed):
            self._end(lane, running, "")
            self.failed.emit(sentence(outcome.error))
            return
        if outcome is not _STOPPED:
            self._end(lane, running, "")
            self._guard(task.accept, outcome)
            return
        self._end(lane, running, f"{task.label}: cancelled.")
        more = None if task.stopped is None else self._guard(task.stopped, running.preview)
        if more is not None and lane not in self._running:
            self._launch(lane, more, running.quiet)

    def _guard(self, callback: Callable[[Any], Any], value: Any) -> Any:
        """What the workbench makes of a result may fail too, and must not take the window with it."""
        try:
            return callback(value)
        except Exception as error:
            self.failed.emit(sentence(error))
            return None

    def _end(self, lane: str, running: _Running, message: str) -> None:
        if self._running.get(lane) is not running:
            return
        del self._running[lane]
        if not running.quiet:
            self.ended.emit(message)
        if lane in self._waiting:
            task, quiet = self._waiting.pop(lane)
            self._launch(lane, task, quiet)
        else:
            self.idle.emit(lane)


_STOPPED = object()


@dataclass(frozen=True)
class _Failed:
    error: Exception


def _drive(running: _Running) -> Generator[Progress, None, Any]:
    """Drives the job in the worker's thread, without gradients; a cancelled job is closed in that thread too.

    What it raises is returned: superqt's workers swallow a RuntimeError, which is what torch raises, and napari
    would show any other in a window of its own.
    """
    job = running.task.job
    last = -_PERIOD
    preview = None
    try:
        while not running.cancelled.is_set():
            try:
                with _without_gradients():
                    progress = next(job)
            except StopIteration as stop:
                return stop.value
            preview = preview if progress.preview is None else progress.preview
            now = time.monotonic()
            if now - last >= _PERIOD or progress.fraction >= 1:
                last = now
                yield Progress(progress.fraction, progress.message, preview)
                preview = None
        if preview is not None:
            yield Progress(1.0, "", preview)
        return _STOPPED
    except RuntimeError as error:
        return _Failed(_converted(running.task.label, error))
    except Exception as error:
        return _Failed(error)
    finally:
        job.close()


def _without_gradients() -> AbstractContextManager[object]:
    """Autograd's mode belongs to the thread; a job that needs no torch does not load it."""
    torch = sys.modules.get("torch")
    if torch is None:
        return nullcontext()
    _leave_a_core()
    no_grad: AbstractContextManager[object] = torch.no_grad()
    return no_grad


@cache
def _leave_a_core() -> None:
    """One core stays with the window."""
    import torch

    torch.set_num_threads(max(min(torch.get_num_threads(), (os.cpu_count() or 2) - 1), 1))


def _converted(label: str, error: RuntimeError) -> ModelError:
    _log.info("%s failed", label, exc_info=error)
    if "memory" in str(error).lower():
        return ModelError(f"{label} ran out of memory; choose a smaller matrix or another method.")
    return ModelError(f"{label} failed ({_first_line(error)}); change a setting and start it again.")


def sentence(error: Exception) -> str:
    """An error in one sentence; what is not written for users is logged with its traceback."""
    while isinstance(error, EmitLoopError) and isinstance(error.__cause__, Exception):
        error = error.__cause__
    if isinstance(error, ReconRobustError):
        return " ".join(str(error).split())
    _log.error("a job failed", exc_info=error)
    if isinstance(error, MemoryError):
        return "There is not enough memory for this; close other programs or choose a smaller matrix."
    return f"Something went wrong ({type(error).__name__}: {_first_line(error)}); nothing is lost, try again."


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
