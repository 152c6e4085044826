"""Where a scan and the outlines of its regions lie in the world."""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Geometry:
    """Where a scan lies in the world.

    shape: (slices, rows, columns). voxel: (slice, row, column) in mm, or None where it is not known.
    upside_down: stored with the first row at the bottom, so that only the layers' transform turns it.
    """

    shape: tuple[int, int, int]
    voxel: tuple[float, float, float] | None = None
    upside_down: bool = False

    @property
    def transform(self) -> dict[str, Any]:
        """The keywords that give an image and its regions one place in the world."""
        scale = self.voxel or (1.0, 1.0, 1.0)
        affine = np.eye(4)
        if self.upside_down:
            affine[1, 1] = -1.0
            affine[1, 3] = (self.shape[1] - 1) * scale[1]
        return {
            "scale": scale,
            "affine": affine,
            "units": ("mm" if self.voxel else "pixel",) * 3,
            "axis_labels": ("slice", "row", "column"),
        }


@dataclass(frozen=True, eq=False)
class Outline:
    """One shape of a region. vertices: (n, 2) rows and columns, pixel centres at whole numbers."""

    kind: str
    vertices: np.ndarray
    slice: int
    selected: bool = False
