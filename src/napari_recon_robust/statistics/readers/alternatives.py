"""Forced choice among m alternatives, of which one is the target."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, stats

from ...ground.errors import InputError
from ..clustered import volume_means
from ..estimate import Estimate, Values
from .shares import average_share

_FARTHEST = 12.0  # d' beyond which a share of correct choices is 0 or 1 in double precision
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(80)


@dataclass(frozen=True)
class Alternatives:
    """How well the target is found among m images, and whether its position matters.

    correct: share of trials in which it was chosen; 1/m by chance. readers: how many this, `sensitivity` and
    `chosen_at` are averaged over; their intervals are of `shares.average_share`. sensitivity: d' of an observer without
    bias who chooses the largest of m observations with a standard deviation of 1, of which the target's has mean d' and
    the others 0; shares of 0 and 1 count as 1/2n and 1 - 1/2n of n trials. chosen_at: share of trials in which each
    position was chosen. bias: p-value over patients, for just these readers, that, given how often the target is found,
    no position is preferred, by Hotelling's test, or the sign test where all patients are apart from that by the same;
    None with fewer patients than positions and one. Hacker and Ratcliff, Perception and
    Psychophysics 1979, doi:10.3758/BF03208311.
    """

    correct: Estimate
    sensitivity: Estimate
    chosen_at: tuple[Estimate, ...]
    bias: float | None
    readers: int


def alternatives(
    chosen: ArrayLike,
    target: ArrayLike,
    count: int,
    patients: Sequence[Hashable],
    readers: Sequence[Hashable] | None = None,
) -> Alternatives:
    """Analyse trials, int (trials,) each: the position that was chosen, and that of the target, from 0 to count - 1.

    patients: whose images each trial shows. readers: who chose, by default one and the same. Raises InputError for
    positions that there are not.
    """
    choice, place = np.asarray(chosen), np.asarray(target)
    if choice.shape != place.shape or choice.shape != (len(patients),) or not choice.size:
        raise InputError(f"{choice.size} choices do not fit {place.size} trials of {len(patients)} patients.")
    if count < 2 or min(choice.min(), place.min()) < 0 or max(choice.max(), place.max()) >= count:
        raise InputError(f"a choice or a target is at none of {count} positions; count positions from 0.")
    right = choice == place
    who = [None] * right.size if readers is None else readers
    found = average_share(right, who, patients)
    correct = found.estimate
    ends = correct.interval
    edge = 1 / (2 * right.size)
    values = np.clip([correct.value, *(ends or ())], edge, 1 - edge)
    d = [sensitivity_of(float(value), count) for value in values]
    return Alternatives(
        correct=correct,
        sensitivity=Estimate(d[0], None if ends is None else (d[1], d[2]), correct.units),
        chosen_at=tuple(average_share(choice == position, who, patients).estimate for position in range(count)),
        bias=_bias(choice, place, count, patients),
        readers=found.readers,
    )


def share_of(sensitivity: float, count: int) -> float:
    """The share of correct choices among `count` alternatives: the integral of φ(x - d') Φ(x)^(m - 1)."""
    return float(_WEIGHTS @ stats.norm.cdf(_NODES + sensitivity) ** (count - 1) / np.sqrt(2 * np.pi))


def sensitivity_of(share: float, count: int) -> float:
    """The d' with this share of correct choices, 0 < share < 1; negative below chance."""
    return float(optimize.brentq(lambda d: share_of(d, count) - share, -_FARTHEST, _FARTHEST))


def _bias(chosen: NDArray[np.int_], target: NDArray[np.int_], count: int, patients: Sequence[Hashable]) -> float | None:
    """Hotelling's test over patients that each position is chosen as often as without preference.

    Without preference the target is found with one probability c at each position, and the rest of the choices is
    spread evenly over the others. c is estimated, and its share in the error is taken off (the last term below).
    Hotelling 1931, doi:10.1214/aoms/1177732979.
    """
    right = (chosen == target).astype(float)
    positions = np.arange(count)
    here = (target[:, None] == positions).astype(float)
    found = right.mean()
    expected = found * here + (1 - found) / (count - 1) * (1 - here)
    slope = (here - (1 - here) / (count - 1)).mean(0)
    apart = (chosen[:, None] == positions) - expected - slope * (right - found)[:, None]
    means = np.stack([volume_means(column, patients) for column in apart.T[:-1]], 1)
    return _hotelling(means)


def _hotelling(means: Values) -> float | None:
    """The p-value that the mean of independent vectors (units, parts) is 0; None with too few units.

    Where they do not vary at all along some direction, that of the two-sided sign test, 2 / 2^units.
    """
    units = len(means)
    if units < means.shape[1] + 2:
        return None
    mean = means.mean(0)
    if np.abs(mean).max() < 1e-9:
        return 1.0
    values, axes = np.linalg.eigh(np.atleast_2d(np.cov(means.T)) / units)
    along = mean @ axes
    varying = values > 1e-12
    if (np.abs(along[~varying]) > 1e-6).any():
        return float(2.0 ** (1 - units))  # all patients are apart by the same: the exact sign test
    parts = int(varying.sum())
    squared = float((along[varying] ** 2 / values[varying]).sum())
    return float(stats.f.sf((units - parts) / (parts * (units - 1)) * squared, parts, units - parts))
