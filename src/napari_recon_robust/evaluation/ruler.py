"""What is measured in images by hand: distances, areas, and profiles along a line."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..ground.table import csv_lines, quoted

Points = NDArray[np.float64]
Pixel = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Profile:
    """The values of several images along one line.

    at: the distance from its start, (n,), in `unit`, "mm" or "px". places: (n, 2) rows and columns. values: (n,) each,
    fractions of one maximum, by the names of the images; NaN beyond an image.
    """

    at: NDArray[np.float64]
    unit: str
    places: Points
    values: Mapping[str, NDArray[np.float64]]


def distance(points: Points, pixel: Pixel | None = None) -> float:
    """The length of a path (n, 2) of rows and columns; pixel: its (row, column) size in mm, else it is in pixels."""
    return float(np.hypot(*np.diff(points * (pixel or (1.0, 1.0)), axis=0).T).sum())


def area(points: Points, pixel: Pixel | None = None) -> float:
    """The area within a closed outline (n, 2) of rows and columns that does not cross itself, in mm² or pixels."""
    rows, columns = (points * (pixel or (1.0, 1.0))).T
    return abs(float(rows @ np.roll(columns, -1) - columns @ np.roll(rows, -1))) / 2


def profile(
    images: Mapping[str, NDArray[np.floating]], line: Points, maximum: float, pixel: Pixel | None = None
) -> Profile:
    """Images (rows, columns) along a line (2, 2), at every pixel of its length, interpolated linearly.

    maximum: what is 1. pixel: its (row, column) size in mm, or None where that is not known.
    """
    from scipy.ndimage import map_coordinates

    steps = max(math.ceil(distance(line)), 1)
    places = line[0] + np.linspace(0.0, 1.0, steps + 1)[:, None] * (line[1] - line[0])
    values = {
        name: map_coordinates(np.asarray(image, np.float64), places.T, order=1, cval=np.nan) / maximum
        for name, image in images.items()
    }
    at = np.linspace(0.0, distance(line, pixel), steps + 1)
    return Profile(at, "px" if pixel is None else "mm", places, values)


def to_csv(found: Profile) -> str:
    """A profile as CSV with a head; values beyond an image are left empty."""
    rows = [[f"distance_{found.unit}", "row", "column", *map(quoted, found.values)]]
    for number, (at, place) in enumerate(zip(found.at, found.places, strict=True)):
        values = (float(one[number]) for one in found.values.values())
        cells = ("" if math.isnan(value) else f"{value:.6g}" for value in values)
        rows.append([f"{at:.6g}", *(f"{each:.6g}" for each in place), *cells])
    return csv_lines(rows)
