"""Tells whether numba compiles: a time that is measured meanwhile does not hold for the next image."""

from functools import cache
from typing import Any


class Compilations:
    """Counts what numba compiles in this process, in any thread: all threads wait for its one lock.

    running: how many are under way. events: how many began or ended.
    """

    def __init__(self) -> None:
        self.running = self.events = 0

    def none_since(self, events: int) -> bool:
        """Return whether nothing was compiled since there were that many events."""
        return self.running == 0 and self.events == events


@cache
def compilations() -> Compilations:
    """Return the counts since the first call, which imports numba (half a second) where it is installed."""
    counted = Compilations()
    try:
        from numba.core import event
    except ImportError:
        return counted

    class Listener(event.Listener):
        def on_start(_, event: Any) -> None:
            counted.running += 1
            counted.events += 1

        def on_end(_, event: Any) -> None:
            counted.running = max(counted.running - 1, 0)  # it may have begun before the listener was there
            counted.events += 1

    event.register("numba:compile", Listener())
    return counted
