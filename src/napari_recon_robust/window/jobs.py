"""Lanes of jobs: which job runs, which one waits, and what is shown of them.

A lane runs one task at a time. A foreground lane refuses a second one; on a background lane the latest request
waits and those before it are forgotten, so that a slider never builds a queue. A quiet task comes to the foot of the
docks once it takes longer than its caller allowed, unless what is shown there is as urgent; then it comes when that has
ended. For the window a
cancelled task is over at once. Its thread still finishes a step that nothing can interrupt; then the next task of the
lane starts. An own model may take minutes for such a step: it is left to end beside the next task, unless that calls it
too, so that there is never more than one such thread for each model.
"""

import atexit
import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from weakref import WeakSet, ref

from qtpy.compat import isalive
from qtpy.QtCore import QObject, QThreadPool, QTimer, Signal

from ..ground.errors import ReconRobustError
from ..ground.progress import Progress
from ..workbench.task import Task
from .failures import Failures
from .worker import Failed, sentence, start_worker

_LANES = 6
_all: "WeakSet[Jobs]" = WeakSet()


@atexit.register
def stop_all() -> None:
    """Stop all threads and wait for them: one that still works when the interpreter ends would abort the process.

    This is registered after Qt's own cleaning up, and therefore runs before it.
    """
    for jobs in list(_all):
        if isalive(jobs):
            jobs.shut()
    _pool().waitForDone()  # also for jobs that were told to stop before


def _pool() -> QThreadPool:
    pool = QThreadPool.globalInstance()
    assert pool is not None
    return pool


@dataclass(eq=False)
class _Order:
    """A task that runs on a lane, or waits for it.

    patience: seconds after which it is due at the foot; progress: how far it is.
    """

    task: Task[Any]
    quiet: bool
    patience: float = 0.0
    due: bool = False
    progress: Progress | None = None
    cancelled: threading.Event = field(default_factory=threading.Event)
    preview: Any = None


class Jobs(QObject):
    """Runs tasks in napari's workers and brings their results back to the window's thread.

    Signals, all in the window's thread: `started(label)`, `progressed(Progress)` and `ended(message)` of what is
    shown at the foot of the docks; `resumed(Progress)`, what is still under way beside what has ended is shown there
    again; `failed(sentence)` of any lane; `recovered(lane)` when a task succeeds on the lane
    whose failure was said last, "" for what needed no job; `added(lane)` before a task runs on a lane or waits for it;
    `idle(lane)` when a lane has nothing to do; `said(sentence)`, what is to be said at the foot besides, and
    `moved_on()` when that is true no more. failures: takes back what went wrong.
    """

    started = Signal(str)
    progressed = Signal(object)
    resumed = Signal(object)
    ended = Signal(str)
    failed = Signal(str)
    recovered = Signal(str)
    added = Signal(str)
    idle = Signal(str)
    said = Signal(str)
    moved_on = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._running: dict[str, _Order] = {}
        self._waiting: dict[str, _Order] = {}
        self._left: set[_Order] = set()  # cancelled calls of own models that have not returned yet
        self._cancelled_on: set[str] = set()  # the lane of the task that the foot has said last was cancelled, if any
        self._shut = False
        self._next = QTimer(self)  # what follows in the same turn, such as a replacement, comes first
        self._next.setSingleShot(True)
        self._next.timeout.connect(self._resume)
        self.ended.connect(lambda _: self._next.start())
        for newer in (self.ended, self.said):
            newer.connect(lambda message: self._cancelled_on.clear() if message else None)
        self.failures = Failures(lambda said: self.failed.emit(said), lambda lane: self.recovered.emit(lane))
        self.failed.connect(self.failures.note)
        _all.add(self)
        if _pool().maxThreadCount() < _LANES:  # on two cores a render would wait for the search beside it
            _pool().setMaxThreadCount(_LANES)

    @contextmanager
    def saying(self) -> Iterator[None]:
        """Say at the foot what is raised for the user inside, and go on behind it."""
        try:
            yield
        except ReconRobustError as error:
            self.failed.emit(sentence(error))

    def start(self, task: Task[Any], lane: str = "foreground") -> bool:
        """Run a task at the foot of the docks, unless its lane is busy: then say so and return False."""
        if not self.takes(task.label, lane):
            return False
        self.cancel(lane)
        for other in self._running.values():
            other.quiet = True  # the foot is for what was started now
        self._enqueue(lane, _Order(task, quiet=False, due=True))
        return True

    def latest(self, task: Task[Any], lane: str, shown_after: float | None = None) -> None:
        """Run a task quietly as soon as its lane is free; a newer request replaces one that still waits.

        shown_after: seconds after which it comes to the foot, if it is not done by then; None for never.
        """
        order = _Order(task, quiet=True, patience=math.inf if shown_after is None else shown_after)
        self._enqueue(lane, order)
        if shown_after is not None:
            shown = ref(order)  # a task that is done by then is not to keep what it computed
            QTimer.singleShot(round(1000 * shown_after), lambda: self._come_forward(lane, shown()))

    def replace(self, task: Task[Any], lane: str, shown_after: float | None = None) -> None:
        """Do as `latest` does, and cancel what runs on the lane."""
        self.cancel(lane, said=False)
        self.latest(task, lane, shown_after)

    def _come_forward(self, lane: str, order: _Order | None) -> None:
        """Show a quiet task at the foot, if it is still under way and nothing as urgent is there."""
        if order is None or not isalive(self) or order not in _open(self._running, self._waiting):
            return
        order.due = True
        shown = [one for one in _open(self._running, self._waiting) if not one.quiet]
        if all(order.patience < one.patience for one in shown):
            for one in shown:
                one.quiet = True
            order.quiet = False
            self._announce(lane, order)

    def _resume(self) -> None:
        """Show what is due at the foot, now that what was there has ended; the most urgent first."""
        due = [one for one in _open(self._running, self._waiting) if one.due]
        if due and all(one.quiet for one in due):
            first = min(due, key=lambda one: one.patience)
            first.quiet = False
            self.resumed.emit(first.progress or Progress(0.0, f"{first.task.label}…"))

    def cancel(self, lane: str = "foreground", said: bool = True) -> None:
        """Cancel the task of a lane and the one behind it; the task may still use the best that it has found.

        said: whether the foot says so; what something newer takes the place of goes without a word.
        """
        stopped = self._stop(lane, said)
        if stopped is None or stopped.task.stopped is None:
            return
        more = self._guard(stopped.task.stopped, stopped.preview)
        if more is not None:
            self._enqueue(lane, _Order(more, stopped.quiet, stopped.patience, stopped.due))

    def cancel_shown(self) -> None:
        """Cancel what is shown at the foot."""
        shown = [lane for orders in (self._running, self._waiting) for lane, one in orders.items() if not one.quiet]
        for lane in dict.fromkeys(shown):
            self.cancel(lane)

    def cancel_all(self) -> None:
        """Cancel everything; no task may use what it has found."""
        for lane in [*self._running, *self._waiting]:
            self._stop(lane)

    @property
    def working(self) -> bool:
        """Whether a thread is at work on any lane, even if only at the last step of a cancelled task."""
        return bool(self._running or self._left)

    def shut(self) -> None:
        """Stop everything for good: what still comes back is dropped, and nothing new is started."""
        self._shut = True
        self.cancel_all()

    def busy(self, lane: str = "foreground") -> bool:
        """Whether a task runs on a lane, or waits for it."""
        return self.under_way(lane) is not None

    def takes(self, label: str, lane: str = "foreground") -> bool:
        """Whether `start` would take a task; where it would not, say so: ask before a name for its file is given."""
        if self.free(lane):
            return True
        under_way = self.under_way(lane)
        assert under_way is not None
        self.failures.refuse(
            f"{label} has to wait: {under_way.label.lower()} is under way; "
            "cancel it or let it finish, then start again.",
            lane,
        )
        return False

    def free(self, lane: str = "foreground") -> bool:
        """Whether `start` would take a task."""
        under_way = self.under_way(lane)
        return under_way is None or under_way.gives_way

    def under_way(self, lane: str = "foreground") -> Task[Any] | None:
        """The task that runs on a lane, or waits for it, unless it was cancelled."""
        for one in (self._running.get(lane), self._waiting.get(lane)):
            if one is not None and not one.cancelled.is_set():
                return one.task
        return None

    def _stop(self, lane: str, said: bool = True) -> _Order | None:
        """Cancel what waits and what runs on a lane, and return what ran."""
        waiting, running = self._waiting.pop(lane, None), self._running.get(lane)
        if running is not None and running.cancelled.is_set():
            running = None
        for one in (waiting, running):
            if one is not None:
                one.cancelled.set()
                one.task.give_up()
                if self.failures.refusal or not one.quiet:
                    self.failures.recover_lane(lane)
                if not one.quiet:
                    self.ended.emit(f"{one.task.label}: cancelled." if said else "")
                    if said:
                        self._cancelled_on.add(lane)
        return running

    def _enqueue(self, lane: str, one: _Order) -> None:
        if self._shut:
            return
        self.added.emit(lane)
        if lane in self._cancelled_on:  # it goes on after all, as with the next slice
            self._cancelled_on.clear()
            self.moved_on.emit()
        running = self._running.get(lane)
        if running is not None and running.cancelled.is_set() and running.task.models:
            self._left.add(self._running.pop(lane))
            _pool().releaseThread()  # or it would be one less for the lanes
        if not self._held_up(lane, one):
            self._launch(lane, one)
            return
        self._waiting[lane] = one
        if not one.quiet:
            self._announce(lane, one)

    def _held_up(self, lane: str, one: _Order) -> bool:
        """Whether a task has to wait: for its lane, or for a cancelled call of an own model that it calls."""
        called = {id(model) for left in self._left for model in left.task.models}
        return lane in self._running or any(id(model) in called for model in one.task.models)

    def _announce(self, lane: str, one: _Order) -> None:
        """Say at the foot that a task is under way, or for what it waits."""
        self.started.emit(one.task.label)
        if self._waiting.get(lane) is one:
            message = f"{one.task.label}: starts when the last step of what was cancelled has ended."
            self.progressed.emit(Progress(0.0, message))

    def _launch(self, lane: str, one: _Order) -> None:
        self._running[lane] = one
        order = ref(one)  # napari never frees its worker, nor what the worker's signals are connected to
        start_worker(
            one.task.label,
            one.task.job,
            one.cancelled,
            on_progress=lambda progress: self._on_progress(lane, order(), progress),
            on_returned=lambda outcome: self._on_returned(lane, order(), outcome),
        )
        if not one.quiet:
            self._announce(lane, one)

    def _on_progress(self, lane: str, running: _Order | None, progress: Progress) -> None:
        if running is None or running.cancelled.is_set():
            return
        running.progress = replace(progress, preview=None)
        if progress.preview is not None:
            running.preview = progress.preview
            if running.task.preview is not None:
                self._guard(running.task.preview, progress.preview)
        if not running.quiet:
            self.progressed.emit(progress)

    def _on_returned(self, lane: str, running: _Order | None, outcome: Any) -> None:
        if running is None:
            return
        dropped, failed = running.cancelled.is_set(), isinstance(outcome, Failed)
        if failed and not dropped:
            running.task.give_up()
        self._end(lane, running, "" if failed else running.task.done)
        if dropped:
            return  # nobody waits for its result any more, nor for what it raised
        if isinstance(outcome, Failed):
            self.failures.say(sentence(outcome.error), lane, running.task)
            return
        self.failures.recover_lane(lane)
        self._guard(running.task.accept, outcome)

    def _guard(self, callback: Callable[[Any], Any], value: Any) -> Any:
        """Call what the workbench makes of a result; if it fails, say so and let the window live on."""
        try:
            return callback(value)
        except Exception as error:
            self.failed.emit(sentence(error))
            return None

    def _end(self, lane: str, running: _Order | None, message: str) -> None:
        if running in self._left:
            self._left.remove(running)
            _pool().reserveThread()
        elif running is not None and self._running.get(lane) is running:
            del self._running[lane]
            if not (running.quiet or running.cancelled.is_set()):
                self.ended.emit(message)
        else:
            return
        for other, one in list(self._waiting.items()):
            if not self._held_up(other, one):
                self._launch(other, self._waiting.pop(other))
        if lane not in self._running and lane not in self._waiting:
            self.idle.emit(lane)


def _open(*lanes: dict[str, _Order]) -> list[_Order]:
    """What runs or waits and was not cancelled."""
    return [one for orders in lanes for one in orders.values() if not one.cancelled.is_set()]
