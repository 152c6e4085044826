"""Translates between the shapes of an ROI and those that napari draws.

An ROI counts whole pixels; in the picture the pixel (row, column) covers half a pixel to each side of its centre.
"""

import math

import numpy as np

from ..data.roi import ROI, Box, Brush, Ellipse, Pixels, Polygon, contours
from ..ground.errors import InputError
from .geometry import Outline


def of_roi(roi: ROI, index: int, chosen: bool = False) -> list[Outline]:
    """Return the outlines of an ROI on slice `index`: one for each shape, or for each part of what is painted."""
    return [Outline(kind, vertices, index, chosen) for shape in roi.shapes for kind, vertices in _outlines(shape)]


def of_mask(inside: Pixels, index: int) -> list[Outline]:
    """Return the outlines of pixels (rows, columns) that are being painted on slice `index`."""
    return [Outline("polygon", vertices, index, selected=True) for vertices in contours(inside)]


def to_roi(outline: Outline, rows: int, columns: int, label: str = "") -> ROI:
    """Return the region inside an outline drawn by hand; a box is cut off at the edge of the image.

    InputError if no pixel of the image of (rows, columns) lies inside, or for a line, which has no inside.
    """
    vertices = np.asarray(outline.vertices, float)
    if outline.kind == "rectangle" and _upright(vertices):
        (top, left), (bottom, right) = np.rint(vertices.min(0) + 0.5), np.rint(vertices.max(0) + 0.5)
        bottom, right = max(bottom, top + 1), max(right, left + 1)
        top, left, bottom, right = max(top, 0), max(left, 0), min(bottom, rows), min(right, columns)
        if top >= bottom or left >= right:
            raise InputError("the region lies outside of the image; draw it on the image.")
        return ROI.box(int(top), int(left), int(bottom - top), int(right - left), label)
    if outline.kind == "ellipse":
        centre = vertices.mean(0)
        down, across = (vertices[2] - vertices[1]) / 2, (vertices[1] - vertices[0]) / 2
        if abs(down[0]) < abs(across[0]):
            down, across = across, down
        radii = np.hypot(*down), np.hypot(*across)
        # scikit-image turns by the angle from the column axis towards smaller rows
        turn = math.atan2(-across[0], across[1]) if across[1] else math.pi / 2
        roi = ROI.ellipse(centre[0], centre[1], max(radii[0], 0.6), max(radii[1], 0.6), turn, label)
    elif outline.kind in ("rectangle", "polygon", "path") and len(vertices) > 2:
        roi = ROI.polygon(vertices, label)
    else:
        raise InputError(f"a {outline.kind} has no inside; draw a rectangle, a polygon or an ellipse.")
    roi.mask((rows, columns))
    return roi


def _outlines(shape: Box | Polygon | Ellipse | Brush) -> list[tuple[str, np.ndarray]]:
    if isinstance(shape, Brush):
        return [("polygon", vertices) for vertices in contours(shape.rasterise(shape.rows, shape.columns))]
    return [_outline(shape)]


def _outline(shape: Box | Polygon | Ellipse) -> tuple[str, np.ndarray]:
    if isinstance(shape, Polygon):
        return "polygon", np.array(shape.vertices)
    if isinstance(shape, Ellipse):
        sin, cos = math.sin(shape.rotation), math.cos(shape.rotation)
        across = shape.column_radius * np.array([-sin, cos])
        down = shape.row_radius * np.array([cos, sin])
        centre = np.array([shape.row, shape.column])
        return "ellipse", np.array(
            [centre - across - down, centre + across - down, centre + across + down, centre - across + down]
        )
    top, left, bottom, right = shape.row, shape.column, shape.row + shape.height, shape.column + shape.width
    corners = np.array([[top, left], [top, right], [bottom, right], [bottom, left]], float)
    return "rectangle", corners - 0.5


def _upright(vertices: np.ndarray) -> bool:
    """Return whether the sides of a rectangle run along rows and columns."""
    return all(min(abs(side)) < 1e-3 * max(max(abs(side)), 1.0) for side in np.diff(vertices, axis=0))
