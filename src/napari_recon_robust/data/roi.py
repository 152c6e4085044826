"""A region of interest on the output image, and a reader's annotation that has one.

Coordinates are those of the stored reconstruction after the crop: row 0 is the first stored row.
"""

from operator import index
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ..ground.arguments import as_kind, as_text
from ..ground.errors import InputError, dimensions, one_line
from ..ground.specification import Specification

if TYPE_CHECKING:
    from torch import Tensor

Pixels = NDArray[np.bool_]
Finite = Annotated[float, Field(ge=-1e9, le=1e9)]  # pixels; what is drawn on an image counts them in 64 bits


class Box(Specification):
    """The pixels [row, row + height) x [column, column + width)."""

    kind: Literal["box"] = "box"
    row: int
    column: int
    height: int = Field(gt=0)
    width: int = Field(gt=0)

    def check(self, rows: int, columns: int) -> None:
        """Raise InputError where the box reaches outside."""
        last_row, last_column = self.row + self.height, self.column + self.width
        if self.row < 0 or self.column < 0 or last_row > rows or last_column > columns:
            raise InputError(
                f"the ROI with rows {self.row} to {last_row - 1} and columns {self.column} to {last_column - 1} "
                f"reaches outside the image of {dimensions((rows, columns))} pixels; choose one inside."
            )

    def rasterise(self, rows: int, columns: int) -> Pixels:
        """Bool (rows, columns); InputError where the box reaches outside."""
        self.check(rows, columns)
        mask = np.zeros((rows, columns), bool)
        mask[self.row : self.row + self.height, self.column : self.column + self.width] = True
        return mask


class Polygon(Specification):
    """The pixels whose centres lie inside; vertices are (row, column), and pixel centres lie at whole numbers."""

    kind: Literal["polygon"] = "polygon"
    vertices: Annotated[tuple[tuple[Finite, Finite], ...], Field(min_length=3)]

    def rasterise(self, rows: int, columns: int) -> Pixels:
        """Bool (rows, columns); what lies outside the image is cut off."""
        from skimage.draw import polygon

        mask = np.zeros((rows, columns), bool)
        row, column = np.array(self.vertices).T
        mask[polygon(row, column, (rows, columns))] = True
        return mask


class Ellipse(Specification):
    """The pixels whose centres lie inside; centre (row, column), half axes in pixels, rotation in radians."""

    kind: Literal["ellipse"] = "ellipse"
    row: Finite
    column: Finite
    row_radius: Finite = Field(gt=0)
    column_radius: Finite = Field(gt=0)
    rotation: Finite = 0.0

    def rasterise(self, rows: int, columns: int) -> Pixels:
        """Bool (rows, columns); what lies outside the image is cut off."""
        from skimage.draw import ellipse

        mask = np.zeros((rows, columns), bool)
        inside = ellipse(
            self.row, self.column, self.row_radius, self.column_radius, shape=(rows, columns), rotation=self.rotation
        )
        mask[inside] = True
        return mask


class Brush(Specification):
    """Any pixels, stored row by row as the lengths of alternating runs: unpainted, painted, unpainted, ..."""

    kind: Literal["brush"] = "brush"
    rows: int = Field(gt=0)
    columns: int = Field(gt=0)
    runs: tuple[Annotated[int, Field(ge=0)], ...]

    def rasterise(self, rows: int, columns: int) -> Pixels:
        """Bool (rows, columns); InputError if the ROI was painted on an image of another size."""
        if (rows, columns) != (self.rows, self.columns) or sum(self.runs) != rows * columns:
            raise InputError(
                f"the ROI was painted on {dimensions((self.rows, self.columns))} pixels ({sum(self.runs)} stored) "
                f"and the image has {dimensions((rows, columns))}; paint it on this image."
            )
        painted = np.arange(len(self.runs)) % 2 == 1
        return np.repeat(painted, self.runs).reshape(rows, columns)


Shape = Annotated[Box | Polygon | Ellipse | Brush, Field(discriminator="kind")]


class ROI(Specification):
    """A region of interest: the union of its shapes."""

    shapes: Annotated[tuple[Shape, ...], Field(min_length=1)]
    label: str = ""

    @classmethod
    def box(cls, row: int, column: int, height: int, width: int, label: str = "") -> "ROI":
        """The pixels [row, row + height) x [column, column + width)."""
        return cls(shapes=(Box(row=row, column=column, height=height, width=width),), label=label)

    @classmethod
    def polygon(cls, vertices: Any, label: str = "") -> "ROI":
        """The inside of a polygon, (n, 2) rows and columns, pixel centres at whole numbers."""
        try:
            points = tuple((float(row), float(column)) for row, column in vertices)
        except (TypeError, ValueError, OverflowError):
            raise InputError(
                f"the polygon's vertices are {vertices!r}; give at least three pairs (row, column) of numbers."
            ) from None
        return cls(shapes=(Polygon(vertices=points),), label=label)

    @classmethod
    def ellipse(
        cls,
        row: float,
        column: float,
        row_radius: float,
        column_radius: float,
        rotation: float = 0.0,
        label: str = "",
    ) -> "ROI":
        """The inside of an ellipse; half axes in pixels, rotation in radians."""
        shape = Ellipse(row=row, column=column, row_radius=row_radius, column_radius=column_radius, rotation=rotation)
        return cls(shapes=(shape,), label=label)

    @classmethod
    def brush(cls, mask: Any, label: str = "") -> "ROI":
        """The painted pixels of a bool array (rows, columns)."""
        try:
            painted = np.asarray(mask, bool)
        except (TypeError, ValueError):
            raise InputError(f"the painted ROI is {mask!r}; an array (rows, columns) is expected.") from None
        if painted.ndim != 2:
            raise InputError(f"the painted ROI has shape {dimensions(painted.shape)}; (rows, columns) is expected.")
        flat = np.concatenate([[False], painted.ravel()])
        edges = np.flatnonzero(flat[1:] != flat[:-1])
        runs = np.diff(np.concatenate([[0], edges, [painted.size]])).tolist()
        return cls(shapes=(Brush(rows=painted.shape[0], columns=painted.shape[1], runs=tuple(runs)),), label=label)

    @classmethod
    def parse(cls, text: str) -> "ROI":
        """A box from "ROW,COLUMN,HEIGHT,WIDTH"."""
        try:
            row, column, height, width = (int(part) for part in as_text(text, "the ROI").split(","))
        except ValueError:
            raise InputError(
                f"the ROI is {text!r}; give four whole numbers ROW,COLUMN,HEIGHT,WIDTH, for instance 120,140,32,28."
            ) from None
        return cls.box(row, column, height, width)

    @property
    def size(self) -> str:
        """Rows by columns of a single box, such as "8×9"; empty for others, whose size depends on the image."""
        boxes = [shape for shape in self.shapes if isinstance(shape, Box)]
        return f"{boxes[0].height}×{boxes[0].width}" if len(boxes) == len(self.shapes) == 1 else ""

    def labelled(self, label: str = "") -> "ROI":
        """The same region under another label, or without one."""
        return self.model_copy(update={"label": label})

    def mask(self, shape: tuple[int, int]) -> "Tensor":
        """Bool (rows, columns), True inside; InputError if no pixel lies in the image, or a box reaches outside."""
        try:
            rows, columns = map(index, shape)
        except (TypeError, ValueError):
            raise InputError(
                f"the image's shape is {one_line(repr(shape), 60)}; give (rows, columns), such as image.shape."
            ) from None
        inside = np.logical_or.reduce([one.rasterise(rows, columns) for one in self.shapes])
        if not inside.any():
            raise InputError(
                f"the ROI has no pixel inside the image of {dimensions(shape)} pixels; "
                "draw one that lies on it and covers at least one pixel."
            )
        from torch import from_numpy

        return from_numpy(inside)


class Bounds(NamedTuple):
    """The smallest box around a region, in pixels."""

    row: int
    column: int
    height: int
    width: int

    @property
    def size(self) -> str:
        """Rows by columns, such as "8×9"."""
        return f"{self.height}×{self.width}"


def bounds(inside: Pixels) -> Bounds | None:
    """The bounds of a mask (rows, columns); None for an empty one."""
    rows, columns = (np.flatnonzero(inside.any(axis)) for axis in (1, 0))
    if not len(rows):
        return None
    return Bounds(int(rows[0]), int(columns[0]), int(rows[-1] - rows[0]) + 1, int(columns[-1] - columns[0]) + 1)


def which(slice: int | None, size: str, name: str) -> str:
    """Which region is meant, such as "slice 4 · 8×9 · lesion".

    The name comes last: it is the longest, is cut off where room is short, and many regions have the same one.
    """
    return " · ".join(filter(None, ("" if slice is None else f"slice {slice}", size, name)))


def contours(inside: Pixels) -> list[NDArray[np.float64]]:
    """The outlines (n, 2), rows and columns, of the parts of a mask (rows, columns), between its pixels and the others.

    Holes have outlines too.
    """
    from skimage.measure import find_contours

    padded = np.pad(inside.astype(np.float32), 1)
    return [line - 1 for line in find_contours(padded, 0.5)]


def as_roi(given: object) -> ROI:
    """The region that is given; InputError for anything else."""
    return as_kind(given, ROI, "the ROI", "a region, such as rr.ROI.box(150, 130, 32, 28)")


class Annotation(Specification):
    """A reader's mark in a scan.

    slice: counted from 0; for a finding of the whole study (`study_level`) the slice on which it was noted.
    box: where it is, in stored-array coordinates, or None. note: why there is no box, or what else was unusual.
    """

    label: str
    slice: int
    box: ROI | None = None
    study_level: bool = False
    note: str = ""
