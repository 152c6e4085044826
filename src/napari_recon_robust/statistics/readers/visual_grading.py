"""Visual grading characteristics: two conditions compared by scores on a scale whose steps need not be even."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...ground.errors import InputError
from ..estimate import FEWEST, Estimate, Values, numbered
from .averages import spread
from .jackknife import TINY, jackknife_covariance


@dataclass(frozen=True)
class VisualGrading:
    """area: under the curve, averaged over readers; above 0.5 where the first condition is rated higher.

    It is P(first > second) + P(equal) / 2 for two scores of one reader, of any two cases. curve: (points, 2), the
    shares of the second and of the first condition's scores that reach each level, from (0, 0) to (1, 1), averaged
    over readers. readers: over how many.
    """

    area: Estimate
    curve: Values
    readers: int


def visual_grading(first: ArrayLike, second: ArrayLike, patients: Sequence[Hashable]) -> VisualGrading:
    """Compare scores (readers, cases) of the same cases in two conditions, NaN where a reader gave none.

    The interval is of `averages.spread`, with errors of the jackknife over patients, or of one reader Student's over
    patients; both conditions of a case stay together. In 1,000 simulated studies each of 4, 6, 10 and 20 patients it
    covers the truth in 90 to 97% with one reader (where there is no difference in 94 to 96%), in 87 to 99% with two and
    in 91 to 99% with 3 or 4, the less the more readers differ in how they use the scale. Readers of fewer than 3
    patients are left out where others read more; else there is no interval, nor is there one where no area varies.
    Raises InputError where no reader scored a case in both conditions.
    Båth and Månsson, British Journal of Radiology 2007, doi:10.1259/bjr/35012658.
    """
    one, other = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if one.shape != other.shape or one.ndim != 2 or one.shape[1] != len(patients):
        raise InputError(f"scores of shapes {one.shape} and {other.shape} are no pairs; give (readers, cases) twice.")
    both = np.isfinite(one) & np.isfinite(other)
    if not both.any():
        raise InputError("no reader scored a case in both conditions; there is nothing to compare.")
    counts = _counted(one, other, both, patients)
    enough = (counts[0].sum(-1) > 0).sum(1) >= FEWEST
    counts = counts[:, enough if enough.any() else both.any(1)]
    counts = counts[:, :, counts.sum((0, 1, 3)) > 0]
    readers, units = counts.shape[1:3]
    shares = _shares(counts, np.ones((1, units)))
    areas, interval = _areas(shares)[0], None
    if enough.any():
        read = counts[0].sum(-1) > 0
        errors = jackknife_covariance(_areas(_shares(counts, 1 - np.eye(units))), read.T)
        found = spread(areas, errors, read.sum(1).mean())
        if np.sqrt(found.variance) > TINY:
            low, high = found.interval
            interval = float(low), float(high)
    area = Estimate(float(areas.mean()), interval, units).within(0.0, 1.0)
    curve = np.cumsum(shares[:, 0, ..., ::-1], -1).mean(1)[::-1].T
    return VisualGrading(area, np.concatenate((np.zeros((1, 2)), curve)), readers)


def _counted(one: Values, other: Values, both: NDArray[np.bool_], patients: Sequence[Hashable]) -> Values:
    """How often each level was given: (2 conditions, readers, patients, levels)."""
    levels = np.unique(np.concatenate((one[both], other[both])))
    of, people = numbered(patients)
    counts = np.zeros((2, len(one), people, levels.size))
    reader, case = np.nonzero(both)
    for condition, values in enumerate((one, other)):
        np.add.at(counts[condition], (reader, of[case], np.searchsorted(levels, values[both])), 1)
    return counts


def _shares(counts: Values, weights: Values) -> Values:
    """Shares of the levels (2, rows, readers, levels), for each row of weights of the patients (rows, patients)."""
    summed = np.einsum("crpl,bp->cbrl", counts, weights, optimize=True)
    return np.asarray(summed / summed.sum(-1, keepdims=True))


def _areas(shares: Values) -> Values:
    """(rows, readers): the first condition above the second, and half of where they are equal."""
    below = np.cumsum(shares[1], -1) - shares[1] / 2
    return np.asarray((shares[0] * below).sum(-1))
