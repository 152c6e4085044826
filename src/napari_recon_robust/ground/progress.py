"""Long work is a generator: it yields `Progress` often and returns its result; closing it cancels it."""

import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")
S = TypeVar("S")
U = TypeVar("U")


@dataclass(frozen=True)
class Progress:
    """How far a job is.

    fraction: 0 to 1. message: a few words for the user. preview: the best result so far, of the type that the job
    returns, or None. notice: whether the message stays where the user sees it.
    """

    fraction: float
    message: str = ""
    preview: Any = None
    notice: bool = False


Job = Generator[Progress, None, T]


class Cancelled(BaseException):
    """Raised in a job that was cancelled within a step. Handlers of Exception let it pass."""


class _Here(threading.local):
    cancelled: Callable[[], bool] | None = None


_here = _Here()


@contextmanager
def cancellable(cancelled: Callable[[], bool]) -> Iterator[None]:
    """Let `run` and `stop_if_cancelled` in this thread raise Cancelled once `cancelled` is true."""
    before, _here.cancelled = _here.cancelled, cancelled
    try:
        yield
    finally:
        _here.cancelled = before


def not_cancelled() -> AbstractContextManager[None]:
    """Let nothing be cancelled in this thread meanwhile: what has been computed is brought home."""
    return cancellable(lambda: False)


def stop_if_cancelled() -> None:
    """Raise Cancelled if the job of this thread was cancelled, at a step that `run` does not see."""
    if _here.cancelled is not None and _here.cancelled():
        raise Cancelled


def run(job: Job[T], on_progress: Callable[[Progress], object] | None = None) -> T:
    """Drive a job to its end and return its result; `on_progress` sees every step, and may raise to cancel it.

    Raises Cancelled if the job that calls it is cancelled meanwhile (`cancellable`).
    """
    try:
        while True:
            progress = next(job)
            if on_progress is not None:
                on_progress(progress)
            stop_if_cancelled()
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        with not_cancelled():  # it may write what it has
            job.close()


def relayed(steps: Generator[S, None, T], change: Callable[[S], U]) -> Generator[U, None, T]:
    """Run a job, or any generator: yield `change` of each of its steps, and return its result.

    This makes a job a part of a longer one, or gives it other previews.
    """
    try:
        while True:
            yield change(next(steps))
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        steps.close()
