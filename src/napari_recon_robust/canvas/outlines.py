"""Translates between the shapes of an ROI and those that napari draws.

An ROI counts whole pixels; in the picture the pixel (row, column) covers half a pixel to each side of its centre.
"""

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ..data.roi import ROI, Box, Brush, Ellipse, Pixels, Polygon, Shape, contours
from ..ground.errors import InputError
from .geometry import Outline


def of_roi(roi: ROI, index: int, chosen: bool = False) -> list[Outline]:
    """The outlines of an ROI on slice `index`: one for each shape, or for each part of what is painted."""
    return [Outline(kind, vertices, index, chosen) for shape in roi.shapes for kind, vertices in _outlines(shape)]


def of_mask(inside: Pixels, index: int) -> list[Outline]:
    """The outlines of pixels (rows, columns) that are being painted on slice `index`."""
    return [Outline("polygon", vertices, index, selected=True) for vertices in contours(inside)]


def to_roi(outline: Outline, rows: int, columns: int, label: str = "") -> ROI:
    """The region inside an outline drawn by hand; a box is cut off at the edge of the image.

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


def edited(roi: ROI, edits: Mapping[int, Outline | None], rows: int, columns: int) -> ROI | None:
    """An ROI after some of its outlines were changed by hand; its other shapes stay as they are.

    edits: by the number of the outline in `of_roi`; None for an outline that was removed. A painted shape stays one.
    Returns None if nothing is left; raises InputError as `to_roi` does.
    """
    shapes, first = list[Shape](), 0
    for shape in roi.shapes:
        after = first + len(_outlines(shape))
        own = {number - first: outline for number, outline in edits.items() if first <= number < after}
        first = after
        if not own:
            shapes.append(shape)
        elif isinstance(shape, Brush):
            shapes += _repainted(shape, own, rows, columns)
        elif (outline := own[0]) is not None:
            shapes += to_roi(outline, rows, columns).shapes
    return ROI(shapes=tuple(shapes), label=roi.label) if shapes else None


def _repainted(brush: Brush, edits: Mapping[int, Outline | None], rows: int, columns: int) -> tuple[Shape, ...]:
    """The pixels that lie in more outlines of parts than of holes, as one shape; none if no pixel does."""
    inside = np.zeros((rows, columns), int)
    for number, vertices in enumerate(contours(brush.rasterise(rows, columns))):
        outline = edits.get(number, Outline("polygon", vertices, 0))
        if outline is not None:
            whole = replace(outline, vertices=_in_whole_pixels(vertices, np.asarray(outline.vertices, float)))
            mask = to_roi(whole, rows, columns).mask((rows, columns)).numpy()
            inside += mask if _turns_as_a_part(vertices) else -mask.astype(int)
    painted = inside > 0
    return ROI.brush(painted).shapes if painted.any() else ()


def _in_whole_pixels(before: np.ndarray, now: np.ndarray) -> np.ndarray:
    """Vertices (n, 2) that were moved all alike, moved by whole pixels; others as they are."""
    if before.shape == now.shape and np.ptp(now - before, axis=0).max() < 1e-3:
        return before + np.rint((now - before)[0])
    return now


def _turns_as_a_part(contour: np.ndarray) -> bool:
    """Whether a contour is that of a part: `contours` has those of holes turn the other way."""
    row, column = contour.T
    return bool(row[:-1] @ column[1:] < row[1:] @ column[:-1])


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
    """Whether the sides of a rectangle run along rows and columns."""
    return all(min(abs(side)) < 1e-3 * max(max(abs(side)), 1.0) for side in np.diff(vertices, axis=0))
