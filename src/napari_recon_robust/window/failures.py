"""What went wrong last, and what takes it back."""

from collections.abc import Callable
from typing import Any
from weakref import ref

from ..workbench.task import Task


class Failures:
    """Knows whose failure was said last, and takes it back when it is true no more.

    emit: says a sentence to whoever follows failures, `note` among them; what fails without a job is said past this.
    recovered: tells the lane on which something was taken back, "" for what needed no job. refusal: why the last task
    could not be started; empty once that is true no more.
    """

    def __init__(self, emit: Callable[[str], object], recovered: Callable[[str], object]) -> None:
        self._emit, self._recovered = emit, recovered
        self.refusal = ""
        self._lane = ""  # whose failure was said last; none for what failed without a job
        self._task: ref[Task[Any]] | None = None  # the same; it may hold a measurement
        self._saying: tuple[str, Task[Any] | None] = "", None  # whose failure is being said

    def say(self, sentence: str, lane: str, task: Task[Any] | None = None) -> None:
        """Say what went wrong on a lane, and of which task."""
        self._saying = lane, task
        self._emit(sentence)
        self._saying = "", None

    def refuse(self, sentence: str, lane: str) -> None:
        """Say why a task cannot be started, which is true until what is under way on its lane is done."""
        self.refusal = sentence
        self.say(sentence, lane)

    def note(self, sentence: str) -> None:
        """Note what was said, by this or by others."""
        self._lane, task = self._saying
        self._task = None if task is None else ref(task)
        if sentence != self.refusal:
            self.refusal = ""

    def recover_lane(self, lane: str) -> None:
        """Take back what went wrong on a lane, or could not be started on it."""
        if self._lane == lane:
            self._lane = self.refusal = ""
            self._recovered(lane)

    def recover_task(self, task: Task[Any]) -> None:
        """Take back that this task failed, now that something else is wanted in its place."""
        if self._task is not None and task is self._task():
            self._task = None
            self.recover_lane(self._lane)

    def recover_without_job(self) -> None:
        """Take back what went wrong without a job, now that something of its kind has gone well."""
        if not self._lane:
            self._recovered("")
