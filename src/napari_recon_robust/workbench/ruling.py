"""What a user measures by hand on the images: one line for a profile, distances and areas."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from ..evaluation.ruler import Pixel, Points, Profile, area, distance, profile, to_csv
from ..ground.errors import InputError
from ..ground.numbers import written
from ..ground.progress import Job, Progress
from .acquisition import Acquisition
from .task import Task

Kind = Literal["profile", "distance", "area"]
_LEAST = 1.0  # pixels; what is shorter was a click


@dataclass(frozen=True, eq=False)
class Ruled:
    """One thing that was measured. points: (n, 2) rows and columns; slice: where, None for a line on every slice."""

    kind: Kind
    points: Points
    slice: int | None


class Ruling:
    """The lines and outlines that were drawn on the slices of what is open.

    kind: what the mouse draws now, or None. Signals: `changed()`, something was drawn or erased; `kind_changed()`.
    """

    changed = Signal()
    kind_changed = Signal()

    def __init__(self, acquisition: Acquisition) -> None:
        self._acquisition = acquisition
        self.kind: Kind | None = None
        self._drawn: list[Ruled] = []
        acquisition.opened.connect(self._forget)
        acquisition.closed.connect(self._forget)

    def take(self, kind: Kind | None) -> None:
        """Let the mouse draw this, or nothing."""
        if kind != self.kind:
            self.kind = kind
            self.kind_changed.emit()

    def draw(self, points: Points) -> None:
        """Take what was drawn, (n, 2) rows and columns, as the present kind.

        A click alone is nothing, nor is an outline beside the image, which is a line at its edge. A new line for
        the profile replaces the one before.
        """
        if self.kind is None or (area if self.kind == "area" else distance)(points) < _LEAST:
            return
        if self.kind == "profile":
            self._drawn = [one for one in self._drawn if one.kind != "profile"]
        self._drawn.append(Ruled(self.kind, points, None if self.kind == "profile" else self._acquisition.index))
        self.changed.emit()

    def erase(self) -> None:
        """Erase what was drawn last on the present slice."""
        here = self.on(self._acquisition.index)
        if here:
            self._drawn.remove(here[-1])
            self.changed.emit()

    def put(self, drawn: Iterable[Ruled]) -> None:
        """Take these in place of what was drawn."""
        self._drawn = list(drawn)
        self.changed.emit()

    @property
    def drawn(self) -> tuple[Ruled, ...]:
        """What was drawn on any slice."""
        return tuple(self._drawn)

    def on(self, index: int) -> list[Ruled]:
        """What was drawn on a slice."""
        return [one for one in self._drawn if one.slice in (None, index)]

    @property
    def line(self) -> Points | None:
        """The line of the profile, (2, 2), or None."""
        return next((one.points for one in self._drawn if one.kind == "profile"), None)

    @property
    def pixel(self) -> Pixel | None:
        """The (row, column) size of a pixel in mm, or None."""
        voxel = self._acquisition.voxel
        return None if voxel is None else voxel[:2]

    def words(self, one: Ruled) -> str:
        """What was measured with its unit: pixels where millimetres are not known."""
        of_area = one.kind == "area"
        value = (area if of_area else distance)(one.points, self.pixel)
        unit = "px" if self.pixel is None else "mm²" if of_area else "mm"
        return f"{written(value, '.3g' if value < 100 else '.0f')} {unit}"

    def profile(self, images: Mapping[str, NDArray[np.floating]], maximum: float) -> Profile | None:
        """Images of the slice, (rows, columns), along the line as fractions of a maximum; None without a line."""
        if self.line is None or not images or not maximum > 0:
            return None
        return profile(images, self.line, maximum, self.pixel)

    def save(self, found: Profile | None, path: Path) -> Task[Path]:
        """Write a profile as CSV; InputError without one, WritingError where it cannot be written."""
        if found is None:
            raise InputError("there is no profile yet; draw a line across the image.")
        return Task(f"Saving {path.name}", _save(found, path), lambda _: None, done=f"Saved as {path.name}.")

    def _forget(self) -> None:
        if self._drawn:
            self._drawn = []
            self.changed.emit()


def _save(found: Profile, path: Path) -> Job[Path]:
    yield Progress(0.0, f"Saving {path.name}")
    from ..ground.writing import write

    write(path, to_csv(found).encode())
    return path
