"""Which slice of the case that is read is shown."""

from collections.abc import Callable

from psygnal import Signal


class ReadingSlices:
    """The slices of the case, the same of all its images.

    most: slices of any case of the study. count: those of this one. at: the one that is shown, from 0. leave: is called
    with that one before another is shown. Signal: `turned()`.
    """

    turned = Signal()

    def __init__(self, most: int, leave: Callable[[int], object]) -> None:
        self.most, self._leave = most, leave
        self.count, self.at = 1, 0

    def turn(self, slice: int) -> None:
        """Show another one; beyond the ends there is none."""
        slice = min(max(slice, 0), self.count - 1)
        if slice != self.at:
            self._leave(self.at)
            self.at = slice
            self.turned.emit()

    def step(self, by: int) -> None:
        """Go on by so many slices, or back."""
        self.turn(self.at + by)
