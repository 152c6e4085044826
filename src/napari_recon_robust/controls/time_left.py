"""How long a job will still take, in words, from how far it has come in the time since it began."""

import math
import time
from collections.abc import Callable

PATIENCE = 5.0  # s, after which it is said


class TimeLeft:
    """now: a clock in seconds."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self.begin()

    def begin(self, fraction: float = 0.0) -> None:
        """Note that a job begins, or is looked at from now on; fraction: how far it is by then."""
        self._began, self._start, self._fraction = self._now(), fraction, fraction

    def reach(self, fraction: float) -> None:
        """Note how far it is, from 0 to 1."""
        self._fraction = fraction

    @property
    def words(self) -> str:
        """Such as "about 20 s left", or for how long it runs while nothing is known; empty in the first seconds."""
        passed = self._now() - self._began
        if passed < PATIENCE:
            return ""
        if self._fraction <= self._start:
            return f"for {_span(passed)}"
        left = passed * (1 - self._fraction) / (self._fraction - self._start)
        return f"about {_span(left)} left" if left >= 1 else "nearly done"


def _span(seconds: float) -> str:
    if seconds < 20:
        return f"{math.ceil(seconds)} s"
    return f"{5 * math.ceil(seconds / 5)} s" if seconds < 90 else f"{math.ceil(seconds / 60)} min"
