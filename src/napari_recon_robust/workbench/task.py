"""Long work of a review, apart from the thread that does it."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from ..ground.progress import Job, Progress, relayed, run

if TYPE_CHECKING:
    from .regions import Region
    from .state import State

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class RunningSearch:
    """A search as it was begun: an attack, or a map of the slice. words: what it is of.

    state: what the review was set to, with a measured slice; chosen: the regions that were chosen.
    """

    what: Literal["attack", "map"]
    words: str
    state: "State"
    chosen: "tuple[Region, ...]"


@dataclass(frozen=True, eq=False)
class Task(Generic[T]):
    """A job, and what becomes of its result.

    job: touches no state of the workbench, so it may run in any thread. accept: puts the result into the
    workbench; preview: shows an intermediate one; stopped: takes the last preview (or None) of a cancelled job
    and may return a task that makes something of it; given_up: called when it fails or is cancelled, be it
    before it has begun. These four belong to the thread that owns the workbench.
    gives_way: whether a task that is started meanwhile takes its place. done: what is said when the job has ended.
    models: own models that it calls, which nothing may interrupt; once cancelled, such a task ends beside the next one.
    search: what is told of, should the window be closed before it ends.
    """

    label: str
    job: Job[T]
    accept: Callable[[T], object]
    preview: Callable[[Any], object] | None = None
    stopped: "Callable[[Any], Task[Any] | None] | None" = None
    given_up: Callable[[], object] | None = None
    gives_way: bool = False
    done: str = ""
    models: Collection[object] = ()
    search: RunningSearch | None = None

    def run(self, on_progress: Callable[[Progress], object] | None = None) -> T:
        """Run the job here and now; scripts and tests do so."""

        def follow(progress: Progress) -> None:
            if progress.preview is not None and self.preview is not None:
                self.preview(progress.preview)
            if on_progress is not None:
                on_progress(progress)

        try:
            result = run(self.job, follow)
        except BaseException:
            self.give_up()
            raise
        self.accept(result)
        return result

    def give_up(self) -> None:
        """Tell whoever has to know that there will be no result."""
        if self.given_up is not None:
            self.given_up()


def part(job: Job[T], start: float, end: float) -> Job[T]:
    """Make a job a part of another one: its progress runs from `start` to `end`."""
    return relayed(job, lambda step: replace(step, fraction=start + step.fraction * (end - start)))
