"""Long work is a generator: it yields `Progress` often and returns its result; closing it cancels it."""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")
S = TypeVar("S")
U = TypeVar("U")


@dataclass(frozen=True)
class Progress:
    """How far a job is.

    fraction: 0 to 1. message: a few words for the user. preview: the best result so far
    (its type is the job's own), or None. notice: whether the message is to be kept where the user sees it.
    """

    fraction: float
    message: str = ""
    preview: Any = None
    notice: bool = False


Job = Generator[Progress, None, T]


def run(job: Job[T], on_progress: Callable[[Progress], object] | None = None) -> T:
    """Drive a job to its end and return its result; `on_progress` sees every step, and may raise to cancel it."""
    try:
        while True:
            progress = next(job)
            if on_progress is not None:
                on_progress(progress)
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        job.close()


def relayed(steps: Generator[S, None, T], change: Callable[[S], U]) -> Generator[U, None, T]:
    """Run a job, or any generator, yield each of its steps changed, and return its result.

    So a job becomes a part of a longer one, or gets other previews.
    """
    try:
        while True:
            yield change(next(steps))
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        steps.close()
