"""Properties that are computed once."""

import threading
from dataclasses import dataclass

from napari_recon_robust.ground.cached_property import cached_property


@dataclass(frozen=True)
class Slow:
    """Waits with its value until it may go on."""

    begun: threading.Event
    go: threading.Event

    @cached_property
    def value(self) -> object:
        """A new object."""
        self.begun.set()
        assert self.go.wait(60)
        return object()


def slow() -> Slow:
    return Slow(threading.Event(), threading.Event())


def test_it_is_computed_once_and_stays_with_the_instance() -> None:
    one, other = slow(), slow()
    one.go.set()
    other.go.set()
    assert one.value is one.value
    assert one.value is not other.value
    assert Slow.value.__doc__ == "A new object."


def test_a_long_one_does_not_hold_up_that_of_another_instance() -> None:
    long, short = slow(), slow()
    thread = threading.Thread(target=lambda: long.value)
    thread.start()
    assert long.begun.wait(60)
    short.go.set()
    found: list[object] = []
    other = threading.Thread(target=lambda: found.append(short.value))
    other.start()
    other.join(60)
    assert found, "it waits for the lock of the other"
    long.go.set()
    thread.join(60)
