"""Rank correlation with its interval."""

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from ..ground.errors import InputError
from .estimate import TINY, UPPER, Estimate, finite, numbered

FEWEST_RANKED = 5


def rank_correlation(first: ArrayLike, second: ArrayLike, units: Sequence[Hashable] | None = None) -> Estimate:
    """Spearman's rho of two quantities, (points,) each; NaN below 5 units and where one of them is constant.

    units: the method or volume of each point; points of one unit are not independent. By default each point is a unit.
    The interval is on Fisher's scale z = artanh(rho), with a standard error of

        sqrt((1 + rho^2 / 2) / (n - 3))         independent points (Bonett and Wright 2000, doi:10.1007/BF02294183)
        jackknife's error of rho / (1 - rho^2)  points in units, by the delta method

    The jackknife leaves out one unit at a time, with Student's t. It is taken of rho itself: artanh has no bound, so
    that a single rho of 1 among the n would set the interval. Simulated with normal units of 2 or 3 points that share
    50 or 90% of their variance, at a true rho of 0, 0.55, 0.85 and 0.97, it covers 96 to 99% with 5 units, 95 to 98%
    with 6 to 8, and 95 to 97% with 12 to 20; that of independent points covers 91 to 100%. Median widths of the former:

        units   rho = 0      0.55         0.85         0.97
        5       1.5 to 1.8   1.3 to 1.7   0.9 to 1.5   0.4 to 1.1
        8       1.1 to 1.5   0.9 to 1.3   0.5 to 0.8   0.2 to 0.3
        20      0.7 to 0.9   0.5 to 0.7   0.2 to 0.3   0.06 to 0.09

    There is no interval for rho = 1 or -1, nor where no unit makes a difference. Of 3 units in random order rho is 1 or
    -1 in a third of cases.
    """
    x, y = finite(first), finite(second)
    if x.shape != y.shape or (units is not None and len(units) != x.size):
        raise InputError(f"{x.size} and {y.size} values are no pairs; give two values and one unit for each point.")
    of, count = numbered(range(x.size) if units is None else units)
    rho = _spearman(x, y) if count >= FEWEST_RANKED else float("nan")
    if not abs(rho) < 1:
        return Estimate(rho, None, count)
    if count == x.size:
        error, quantile = np.sqrt((1 + rho**2 / 2) / (x.size - 3)), stats.norm.ppf(UPPER)
    else:
        without = [_spearman(x[of != unit], y[of != unit]) for unit in range(count)]
        error = np.sqrt((count - 1) * np.var(without)) / (1 - rho**2)
        quantile = stats.t.ppf(UPPER, count - 1)
    low, high = np.tanh(np.arctanh(rho) + quantile * error * np.array([-1, 1])).tolist()
    return Estimate(rho, (low, high), count).with_width()


def _spearman(x: np.ndarray, y: np.ndarray) -> float:
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    rho = float(np.corrcoef(stats.rankdata(x), stats.rankdata(y))[0, 1])
    return rho if 1 - abs(rho) > TINY else float(np.sign(rho))  # rounding leaves 0.9999999999999999 of a perfect order
