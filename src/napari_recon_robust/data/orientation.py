"""How an image is turned on the screen, and which sides of the patient its edges are."""

import math
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from ..ground.specification import Specification

Vector = tuple[float, float, float]

_AXES = ("RL", "AP", "IS")  # of the patient, from negative to positive x, y, z
_TILT = math.sin(math.radians(15))  # a direction closer to an axis than this has that axis' letter only
# Where (down, right) on the screen lead in a slice across x (sagittal), y (coronal) and z (axial).
_LAID = np.array([[[0, 0, -1], [0, 1, 0]], [[0, 0, -1], [1, 0, 0]], [[0, 1, 0], [1, 0, 0]]])
_EXACT = 1e-3  # of unit vectors that are stored as float32 and typed into headers


class Directions(Specification):
    """Where increasing rows and increasing columns lead in the patient.

    Unit vectors in DICOM's patient coordinates: x towards the left, y towards the back, z towards the head.
    """

    row: Vector
    column: Vector

    @classmethod
    def of(cls, row: ArrayLike, column: ArrayLike) -> Self | None:
        """The directions in a file; None if they are no unit vectors at a right angle, such as zeros."""
        vectors = np.array([row, column], float)
        if vectors.shape != (2, 3) or not np.allclose(vectors @ vectors.T, np.eye(2), atol=_EXACT):
            return None
        return cls(row=vector(vectors[0]), column=vector(vectors[1]))


class Plane(Specification):
    """Where an image (rows, columns) lies in the patient.

    first: the centre of the pixel (0, 0) in mm, in DICOM's patient coordinates; None where only the directions are
    known.
    """

    directions: Directions
    first: Vector | None = None

    def corner(self, shape: tuple[int, int], voxel: Vector) -> NDArray[np.float64]:
        """The centre of the first pixel in mm; where it is not known, that which puts the image's centre at zero.

        shape: (rows, columns). voxel: (row, column, slice) in mm.
        """
        if self.first is not None:
            return np.array(self.first, float)
        row, column = np.array(self.directions.row), np.array(self.directions.column)
        corner: NDArray[np.float64] = -((shape[0] - 1) * voxel[0] * row + (shape[1] - 1) * voxel[1] * column) / 2
        return corner

    def affine(self, shape: tuple[int, int], voxel: Vector) -> NDArray[np.float64]:
        """(4, 4): from (column, row, slice) to mm to the right, the front and the head, as NIfTI has them."""
        row, column = np.array(self.directions.row), np.array(self.directions.column)
        affine = np.eye(4)
        affine[:3, :3] = np.stack([voxel[1] * column, voxel[0] * row, voxel[2] * np.cross(column, row)], axis=1)
        affine[:3, 3] = self.corner(shape, voxel)
        affine[:2] *= -1  # DICOM's first two axes point to the left and to the back
        return affine

    def turned(self, turn: "Turn", shape: tuple[int, int], voxel: Vector) -> "Plane":
        """The plane of the same image as it is seen by a turn.

        shape: (rows, columns) as stored. voxel: (row, column, slice) as stored, in mm.
        """
        row, column = turn.matrix @ np.array([self.directions.row, self.directions.column])
        first = self.first
        if first is not None:
            at = turn.inverse.affine(*turn.size(shape))[1:3, 3]  # the stored place of the pixel that is seen first
            edges = np.array([self.directions.row, self.directions.column]) * np.array(voxel[:2])[:, None]
            first = vector(np.array(first) + at @ edges)
        return Plane(directions=Directions(row=vector(row), column=vector(column)), first=first)


class Turn(Specification):
    """One of the eight ways to lay an image on the screen: mirrored left to right or not, then turned clockwise.

    quarters: turns of 90 degrees. What is stored is never changed, only how it is shown.
    """

    quarters: int = Field(default=0, ge=0, le=3)
    mirrored: bool = False

    @property
    def turned(self) -> "Turn":
        """Turned 90 degrees clockwise from here."""
        return Turn(quarters=(self.quarters + 1) % 4, mirrored=self.mirrored)

    @property
    def mirror(self) -> "Turn":
        """Left and right exchanged from here, as the image is seen now."""
        return Turn(quarters=-self.quarters % 4, mirrored=not self.mirrored)

    @property
    def flip(self) -> "Turn":
        """Top and bottom exchanged from here, as the image is seen now."""
        return Turn(quarters=(2 - self.quarters) % 4, mirrored=not self.mirrored)

    def after(self, first: "Turn") -> "Turn":
        """The turn that `first` and then this one make together."""
        sign = -1 if self.mirrored else 1
        return Turn(quarters=(self.quarters + sign * first.quarters) % 4, mirrored=self.mirrored != first.mirrored)

    @property
    def inverse(self) -> "Turn":
        """The turn that takes this one back."""
        return self if self.mirrored else Turn(quarters=-self.quarters % 4)

    @property
    def words(self) -> str:
        """What was done, for a mark beside the image; empty for an image as it is stored."""
        if self.mirrored and self.quarters == 2:
            return "flipped"
        if self.mirrored and self.quarters == 3:  # the same with less to imagine
            return "turned 90°, mirrored"
        turns = ("", "turned 90°", "turned 180°", "turned 270°")[self.quarters]
        return ", ".join(filter(None, ("mirrored" if self.mirrored else "", turns)))

    @property
    def matrix(self) -> NDArray[np.int64]:
        """(2, 2) integers that take (row, column) to (down, right) on the screen, up to a shift."""
        quarter = np.array([[0, 1], [-1, 0]])
        mirror = np.diag([1, -1 if self.mirrored else 1])
        result: NDArray[np.int64] = np.linalg.matrix_power(quarter, self.quarters) @ mirror
        return result

    @property
    def across(self) -> tuple[int, bool]:
        """Which axis of the stored image, 0 for rows, goes across the screen, and whether from left to right."""
        row, column = self.matrix[1]
        return (1, bool(column > 0)) if column else (0, bool(row > 0))

    def affine(self, rows: int, columns: int, pixel: tuple[float, float] = (1.0, 1.0)) -> NDArray[np.float64]:
        """(4, 4): from (slice, row, column) in the units of `pixel` to the screen, whose first pixel is at zero."""
        matrix, extent = self.matrix, np.array([(rows - 1) * pixel[0], (columns - 1) * pixel[1]])
        affine = np.eye(4)
        affine[1:3, 1:3] = matrix
        affine[1:3, 3] = np.maximum(-matrix, 0) @ extent
        return affine

    def shown(self, image: NDArray[Any]) -> NDArray[Any]:
        """An image (rows, columns) as it is seen."""
        return np.ascontiguousarray(np.rot90(image[:, ::-1] if self.mirrored else image, -self.quarters))

    def size(self, shape: tuple[int, int]) -> tuple[int, int]:
        """The (rows, columns) of an image as it is seen."""
        return (shape[1], shape[0]) if self.quarters % 2 else shape

    def voxel(self, voxel: Vector | None) -> Vector | None:
        """The size of a voxel (row, column, slice) as it is seen: down, to the right, and through the slice."""
        return voxel and (voxel[1], voxel[0], voxel[2]) if self.quarters % 2 else voxel

    def letters(self, directions: Directions | None) -> dict[str, str]:
        """The side of the patient at "top", "bottom", "left" and "right", such as "A", or "AS" where it is oblique.

        Empty where the directions are not known.
        """
        if directions is None:
            return {}
        down, right = self.matrix @ np.array([directions.row, directions.column])
        return {"top": _side(-down), "bottom": _side(down), "left": _side(-right), "right": _side(right)}


AS_STORED = Turn()
FIRST_ROW_BELOW = AS_STORED.flip  # as fastMRI stores its images


def upright(directions: Directions | None) -> Turn:
    """The turn by which an image is seen as radiologists look at it, from the feet, the front or the left.

    Axial slices have the front on top, others the head; the patient's left is on the right, and in sagittal ones the
    back. An oblique slice counts as what it is closest to. As stored where the directions are not known.
    """
    if directions is None:
        return AS_STORED
    stored = np.array([directions.row, directions.column])
    wanted = _LAID[int(np.argmax(np.abs(np.cross(*stored))))]
    turns = [Turn(quarters=quarters, mirrored=mirrored) for mirrored in (False, True) for quarters in range(4)]
    return max(turns, key=lambda turn: float(np.sum((turn.matrix @ stored) * wanted)))


def turn_of(facts: Mapping[str, Any]) -> Turn:
    """The turn in the facts on a slice (`Scan.facts`); as stored where they name none.

    Earlier versions told of images that are stored upside down alone.
    """
    if "upright" not in facts and facts.get("upside_down"):
        return FIRST_ROW_BELOW
    return Turn.model_validate(facts.get("upright", {}))


def vector(values: NDArray[np.floating]) -> Vector:
    """Three numbers of an array, (3,), as a tuple."""
    x, y, z = map(float, values)
    return x, y, z


def _side(direction: NDArray[np.float64]) -> str:
    """The letters of the sides that a direction leads to, the nearest first."""
    order = np.argsort(-np.abs(direction), kind="stable")
    return "".join(_AXES[axis][int(direction[axis] > 0)] for axis in order if abs(direction[axis]) > _TILT)


def aspect_of(voxel: Vector | None) -> float:
    """Height over width of a pixel, from the (row, column, slice) size of a voxel; 1 where that is not known."""
    return voxel[0] / voxel[1] if voxel and min(voxel[:2]) > 0 else 1.0
