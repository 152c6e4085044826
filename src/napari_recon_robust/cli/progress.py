"""How far a job is, on the error output."""

import time
from collections.abc import Callable
from typing import TypeVar

import click

from ..ground.progress import Job, run
from ..ground.progress import Progress as Step

T = TypeVar("T")

_SILENT, _QUICK = 30.0, 5.0  # seconds between two lines of a log: at most, and at least


def follow(job: Job[T], title: str, *, timed: bool = True) -> T:
    """Run a job with a progress bar on stderr, if that is a terminal; else with a line now and then.

    timed: the bar tells the time left by its own speed, into which counts what an earlier run has done already.
    """
    from rich.console import Console
    from rich.progress import Progress, TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        return run(job, Lines(title))
    columns = [one for one in Progress.get_default_columns() if timed or not isinstance(one, TimeRemainingColumn)]
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(title, total=1.0)
        return run(job, lambda step: bar.update(task, completed=step.fraction, description=step.message or title))


class Lines:
    """Prints on stderr how far a job is, for a log: every half minute, and after each tenth that took five seconds."""

    def __init__(self, title: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._title, self._clock = title, clock
        self._said, self._tenth = clock(), 0

    def __call__(self, step: Step) -> None:
        """Print a line if one is due."""
        passed, tenth = self._clock() - self._said, int(10 * step.fraction)
        if passed >= _SILENT or (passed >= _QUICK and tenth != self._tenth):
            self._said, self._tenth = self._clock(), tenth
            click.echo(f"{self._title}: {step.message or f'{step.fraction:.0%}'}", err=True)
