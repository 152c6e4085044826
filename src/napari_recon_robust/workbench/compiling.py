"""Tells whether numba compiles: a time that is measured meanwhile does not hold for the next image."""

from collections.abc import Callable
from functools import cache
from typing import Any


def watch(on_event: Callable[[str, int], None]) -> None:
    """Call a function whenever numba begins to compile another, or ends: with the module of that and 1 or -1.

    It is called in any thread, but never in two at a time, as all wait for numba's one lock. To import numba takes half
    a second; where it is not installed nothing is compiled.
    """
    try:
        from numba.core import event
    except ImportError:
        return

    class Listener(event.Listener):
        def on_start(_, event: Any) -> None:
            on_event(_module(event), 1)

        def on_end(_, event: Any) -> None:
            on_event(_module(event), -1)

    event.register("numba:compile", Listener())


def _module(event: Any) -> str:
    return str(event.data["dispatcher"].py_func.__module__)


class Compilations:
    """Counts what numba compiles in this process, in any thread.

    running: how many are under way. events: how many began or ended.
    """

    def __init__(self) -> None:
        self.running = self.events = 0

    def count(self, module: str, change: int) -> None:
        """Count one that begins (1) or ends (-1), in whichever module, as `watch` tells of it."""
        self.running = max(self.running + change, 0)  # what ends may have begun before it was watched
        self.events += 1

    def none_since(self, events: int) -> bool:
        """Whether nothing was compiled since there were that many events."""
        return self.running == 0 and self.events == events


@cache
def compilations() -> Compilations:
    """The counts since the first call, which imports numba (half a second) where it is installed."""
    counted = Compilations()
    watch(counted.count)
    return counted
