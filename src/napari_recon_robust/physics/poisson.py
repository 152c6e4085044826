"""2-D variable-density Poisson-disc sampling of a k-space grid."""

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from ..ground.errors import InputError, dimensions
from .fourier import central_lines

# Minimal distance at the edge of k-space over that in its centre, less one.
DENSITY_FALL = 3.0
TOLERANCE = 0.05


def poisson_disc(shape: tuple[int, int], acceleration: float, centre: tuple[int, int], seed: Any) -> NDArray[np.bool_]:
    """Points that keep a distance d(k) = d0 (1 + 3 |k|) from each other, |k| = 1 at the edge: bool `shape`.

    Each grid cell holds one randomly placed candidate; candidates are visited in random order and kept where none is
    nearer than d (dart throwing to saturation). d0 is bisected, in at most 40 steps, until the acceleration, all
    points over the sampled ones, fits within 1%; on grids of a few hundred points it may miss by more. `centre`: size
    of the fully sampled block. The axes are scaled to the same extent, so the discs are ellipses on a grid that is
    not square. InputError if the centre already has too many points.

    Source: Bridson, Fast Poisson disk sampling in arbitrary dimensions, doi:10.1145/1278780.1278807, for the
    minimal distance; Lustig and Pauly, SPIRiT, doi:10.1002/mrm.22428, for its use with variable density.
    """
    total = shape[0] * shape[1]
    wanted = total / acceleration
    rows, columns = (central_lines(*axis).numpy() for axis in zip(shape, centre, strict=True))
    block = rows[:, None] & columns
    if block.sum() > wanted * (1 + TOLERANCE):
        raise InputError(
            f"the fully sampled centre of {dimensions(centre)} points alone gives an acceleration of "
            f"{total / block.sum():.3g}, and {acceleration:.3g} is asked for; "
            "choose a smaller acceleration or centre fraction."
        )
    generator = np.random.default_rng(seed)
    order = generator.permutation(total)
    places = np.indices(shape) + generator.uniform(-0.5, 0.5, (2, *shape))
    extent = max(shape)
    places *= np.array([extent / n for n in shape])[:, None, None]
    profile = density_profile(shape)

    # Few points are costly, since no near one ends the search around each, so the distance grows from below.
    low, high = 0.0, np.inf
    best = np.ones(shape, bool)
    for _ in range(40):
        distance = (low + high) / 2 if np.isfinite(high) else max(2 * low, 0.25)
        points = _throw(order, places, distance * profile, extent / shape[0], extent / shape[1]) | block
        if abs(points.sum() - wanted) < abs(best.sum() - wanted):
            best = points
        if abs(best.sum() / wanted - 1) < TOLERANCE / 5:
            break
        low, high = (distance, high) if points.sum() > wanted else (low, distance)
    return best


def density_profile(shape: tuple[int, int]) -> NDArray[np.float64]:
    """d(k) / d0 on the grid."""
    row, column = (2 * (np.arange(n) - n // 2) / n for n in shape)
    return 1 + DENSITY_FALL * np.hypot(row[:, None], column[None, :])


@numba.njit(cache=True)
def _throw(order: Any, places: Any, distance: Any, row_step: float, column_step: float) -> Any:
    """Keep each candidate, in their order, if no kept one is nearer to it than the candidate's own distance."""
    rows, columns = distance.shape
    kept = np.zeros((rows, columns), np.bool_)
    for index in order:
        row, column = index // columns, index % columns
        least = distance[row, column]
        reach_row, reach_column = int(least / row_step + 1), int(least / column_step + 1)
        free = True
        for i in range(max(row - reach_row, 0), min(row + reach_row + 1, rows)):
            for j in range(max(column - reach_column, 0), min(column + reach_column + 1, columns)):
                if kept[i, j]:
                    down = places[0, i, j] - places[0, row, column]
                    across = places[1, i, j] - places[1, row, column]
                    if down * down + across * across < least * least:
                        free = False
                        break
            if not free:
                break
        kept[row, column] = free
    return kept
