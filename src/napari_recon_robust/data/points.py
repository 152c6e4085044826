"""Which points of k-space were measured, and what they tell of where the scanner measures at all.

Torch is imported when it is asked, as in `scan`.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from torch import Tensor

_WHOLE = 0.99  # of the points of measured lines
# Noise of half a step in each part is rounded to 2 to 9% zeros of one or two coils, in runs of at most 10. Of 50,000
# points a fifth of which are zero by chance, none is in such a run or block. Patterns leave out half, shutters corners.
_MEASURED = 0.8  # of the points of measured lines and rows, at least, where zeros are scattered
_RUN, _BLOCK = 12, 3  # zeros along the readout, or along both axes, that were left out
_STEPS, _FROM_WHOLE = 4096, 0.01  # the smallest multiples of a step tell; they are exact to 4096 times 2^-23
_CUT_OFF = 20  # points, at the mean density, that a shutter cuts off at least: else they may be missing by chance
_RESIDUE = 2.0**-23  # of the largest number: what transforms in single precision leave of zeros; noise is far above it


def within(columns: slice, phase: int) -> "Tensor":
    """A run of lines, bool (1, phase)."""
    import torch

    lines = torch.zeros(1, phase, dtype=torch.bool)
    lines[:, columns] = True
    return lines


def without_gaps(points: "Tensor") -> bool:
    """Whether points, bool (rows, columns), hold the centre of k-space and are one run in each row and each column.

    Padding, partial Fourier, partial echoes and ellipses are no gaps.
    """
    rows, columns = points.shape
    return bool(points[rows // 2, columns // 2]) and _one_run(points) and _one_run(points.mT)


def are_lines(points: "Tensor") -> bool:
    """Whether points, bool (readout, phase) or (1, phase), are lines along the readout; an ellipse may shorten them."""
    return _one_run(points.mT)


def whole_lines(points: "Tensor", possible: "Tensor | None" = None) -> "Tensor | None":
    """The lines, bool (1, phase), if points, bool (readout, phase) or (1, phase), are whole lines; else None.

    possible: where points can be, of the same kind. Without it, the same ends of all lines may be missing.
    """
    lines = points.any(0, keepdim=True)
    possible = extent(points) if possible is None else possible
    return lines if bool((points | ~possible | ~lines).all()) else None


def extent(points: "Tensor") -> "Tensor":
    """Where a scanner measures, bool (1, phase) or (readout, phase), as far as the points that it measured tell.

    Of lines without a gap that all have the same ends, as with a partial echo, only these; of points about which the
    corners are empty the ellipse of a shutter; else everywhere.
    """
    lines, readout = points.any(0, keepdim=True), points.any(1, keepdim=True)
    whole = bool(readout[len(points) // 2]) and _one_run(readout.mT) and bool((points == readout & lines).all())
    if whole:
        return readout.expand(points.shape).clone()
    shutter = _shutter(points)
    return (points | True)[:1] if shutter is None else shutter


def _shutter(points: "Tensor") -> "Tensor | None":
    """The ellipse about the centre, bool (rows, columns), that reaches as far as points of both phase encodings do.

    None if some lie beyond it, or if so few would be expected there that they may lack by chance.
    """
    import torch

    if not bool(points.any()):
        return None
    away = [torch.arange(size, device=points.device) - size // 2 for size in points.shape]
    reach = [int(steps[points.any(1 - axis)].abs().amax()) for axis, steps in enumerate(away)]
    for margin in (0.001, 0.5, 1):  # the shutter's centre may lie between two points, and its edge between two lines
        row, column = (steps / (most + margin) for steps, most in zip(away, reach, strict=True))
        inside = row.square()[:, None] + column.square() <= 1
        if not bool((points & ~inside).any()):
            break
    else:
        return None
    corners = (row.abs() <= 1)[:, None] & (column.abs() <= 1) & ~inside
    return inside if int(corners.sum()) * int(points.sum()) >= _CUT_OFF * int(inside.sum()) else None


def _one_run(points: "Tensor") -> bool:
    """Whether the points of each row follow one another."""
    starts = points[:, 0].int() + (points[:, 1:] & ~points[:, :-1]).sum(1)
    return bool((starts <= 1).all())


def measured_points(kspace: ArrayLike) -> "Tensor":
    """Which points of (..., coils, readout, phase) are not zero in all: bool (1, phase) for whole lines, else 2-D.

    A line may have a few zeros that were measured: those of a phantom, or of noise that was rounded to whole steps,
    which lie scattered. Lines and rows of nothing but rounding errors were zero before somebody transformed the slice
    to its image and back, to crop it for instance.
    """
    from torch import from_numpy

    sizes = np.abs(np.asarray(kspace))
    largest = sizes.max(tuple(range(sizes.ndim - 2)))
    least = _RESIDUE * largest.max()
    # Numbers that are not finite count as measured, so that they are reported.
    points = (largest != 0) & ~((largest.max(0) < least) | (largest.max(1, keepdims=True) < least))
    lines = points.any(0, keepdims=True)
    whole = np.count_nonzero(points) > _WHOLE * np.count_nonzero(lines) * len(points)
    if whole or not lines.any():
        return from_numpy(lines)
    rows = points.any(1, keepdims=True)
    found = from_numpy(points)
    if without_gaps(found) or not _are_scattered(~points[rows[:, 0]][:, lines[0]]) or not _are_whole(kspace):
        return found
    return from_numpy(lines if rows.all() else rows & lines)


def _are_whole(kspace: ArrayLike) -> bool:
    """Whether samples are whole multiples of a step: noise of others is not rounded to zero."""
    parts = np.abs(np.stack((np.real(kspace), np.imag(kspace))))
    parts = parts[parts > 0]
    steps = parts[parts < _STEPS * parts.min()] / parts.min()
    return bool((np.abs(steps - np.rint(steps)) < _FROM_WHOLE).all())


def _are_scattered(zeros: NDArray[np.bool_]) -> bool:
    """Whether zeros of measured rows and lines, bool (rows, lines), are few, and neither in a run nor in a block."""
    if min(zeros.shape) < _BLOCK or len(zeros) < _RUN or zeros.mean() > 1 - _MEASURED:
        return False
    runs = sliding_window_view(zeros, _RUN, 0).all(-1)
    blocks = sliding_window_view(zeros, (_BLOCK, _BLOCK)).all((-2, -1))
    return not (runs.any() or blocks.any())
