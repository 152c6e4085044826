"""Where a scan and the outlines of its regions lie in the world."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..data.orientation import AS_STORED, Directions, Turn


@dataclass(frozen=True)
class Geometry:
    """Where a scan lies in the world.

    shape: (slices, rows, columns). voxel: (slice, row, column) in mm, or None where it is not known.
    upright: how the picture is turned to be seen as radiologists look at it. turn: what the user has done to it beyond
    that. Both are in the layers' transform alone. directions: of the stored rows and columns in the patient, if known.
    """

    shape: tuple[int, int, int]
    voxel: tuple[float, float, float] | None = None
    upright: Turn = AS_STORED
    turn: Turn = AS_STORED
    directions: Directions | None = None

    @property
    def laid(self) -> Turn:
        """How the stored image is laid on the screen."""
        return self.turn.after(self.upright)

    @property
    def aspect(self) -> float:
        """The height of a pixel over its width, as the picture is laid."""
        _, height, width = self.voxel or (1.0, 1.0, 1.0)
        return width / height if self.laid.quarters % 2 else height / width

    @property
    def length(self) -> float:
        """The longer side of the picture, in the shorter sides of its pixels.

        A share of it is as wide a line on the screen whatever the matrix, and where pixels are oblong in one direction
        wider, in none so thin that it vanishes.
        """
        sides = self.transform["scale"][1:]
        return float(np.multiply(self.shape[1:], sides).max() / min(sides))

    @property
    def letters(self) -> dict[str, str]:
        """The sides of the patient at the edges of the picture; empty where they are not known."""
        return self.laid.letters(self.directions)

    def world(self, row: float, column: float) -> tuple[float, float]:
        """Where a pixel is on the screen: down and to the right, in the world's units."""
        transform = self.transform
        _, along, across = transform["scale"]
        _, down, right, _ = transform["affine"] @ [0.0, row * along, column * across, 1.0]
        return float(down), float(right)

    def across(self, row: float, column: float) -> float:
        """How far a pixel lies from the left edge of the picture to the right one, as a fraction."""
        axis, forwards = self.laid.across
        share = ((row, column)[axis] + 0.5) / self.shape[1 + axis]
        return share if forwards else 1 - share

    @property
    def transform(self) -> dict[str, Any]:
        """The keywords that give an image and its regions one place in the world."""
        scale = self.voxel or (1.0, 1.0, 1.0)
        return {
            "scale": scale,
            "affine": self.laid.affine(*self.shape[1:], pixel=scale[1:]),
            "units": ("mm" if self.voxel else "pixel",) * 3,
            "axis_labels": ("slice", "row", "column"),
        }


@dataclass(frozen=True, eq=False)
class Outline:
    """One shape of a region. vertices: (n, 2) rows and columns, pixel centres at whole numbers. number: beside it."""

    kind: str
    vertices: np.ndarray
    slice: int
    selected: bool = False
    number: str = ""
