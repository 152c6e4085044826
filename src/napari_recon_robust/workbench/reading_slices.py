"""Which slice of the case that is read is shown."""

from typing import TYPE_CHECKING

from psygnal import Signal

if TYPE_CHECKING:
    from .reading import Reading


class ReadingSlices:
    """The slices of the case, the same of all its images. at: the one that is shown, from 0. Signal: `turned()`."""

    turned = Signal()

    def __init__(self, reading: "Reading", most: int) -> None:
        """most: slices of any case of the study."""
        self._reading, self.most = reading, most
        self.at = 0

    @property
    def count(self) -> int:
        """How many the case has."""
        return 1 if self._reading.shown is None else self._reading.shown.slices

    def turn(self, slice: int) -> None:
        """Show another one; beyond the ends there is none."""
        slice = min(max(slice, 0), self.count - 1)
        if slice != self.at:
            self._reading.clock.leave(self.at)
            self.at, self._reading.marks.selected = slice, -1
            self.turned.emit()

    def step(self, by: int) -> None:
        """Go on by so many slices, or back."""
        self.turn(self.at + by)
