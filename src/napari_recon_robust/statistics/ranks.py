"""Rank correlation with its interval."""

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from ..ground.errors import InputError
from .estimate import FEWEST, UPPER, Estimate, finite, numbered

FEWEST_RANKED = 5


def rank_correlation(first: ArrayLike, second: ArrayLike, units: Sequence[Hashable] | None = None) -> Estimate:
    """Spearman's rho of two quantities, (points,) each; NaN below 3 points and where one of them is constant.

    units: the method or volume of each point; points of one unit are not independent. By default each point is a unit.
    The interval is on Fisher's scale z = artanh(rho). For independent points its standard error is
    sqrt((1 + rho^2 / 2) / (n - 3)) (Bonett and Wright, Psychometrika 2000, doi:10.1007/BF02294183); for points in
    units it is the jackknife's, which leaves out one unit at a time, with Student's t. None below 5 units.
    """
    x, y = finite(first), finite(second)
    if x.shape != y.shape or (units is not None and len(units) != x.size):
        raise InputError(f"{x.size} and {y.size} values are no pairs; give two values and one unit for each point.")
    of, count = numbered(range(x.size) if units is None else units)
    rho = _spearman(x, y)
    if count < FEWEST_RANKED or not abs(rho) < 1:
        return Estimate(rho, None, count)
    if count == x.size:
        error, quantile = np.sqrt((1 + rho**2 / 2) / (x.size - 3)), stats.norm.ppf(UPPER)
    else:
        without = np.arctanh(
            np.clip([_spearman(x[of != unit], y[of != unit]) for unit in range(count)], -1 + 1e-9, 1 - 1e-9)
        )
        error = np.sqrt((count - 1) * np.var(without))
        quantile = stats.t.ppf(UPPER, count - 1)
    low, high = np.tanh(np.arctanh(rho) + quantile * error * np.array([-1, 1])).tolist()
    return Estimate(rho, (low, high) if np.isfinite(low) else None, count)


def _spearman(x: np.ndarray, y: np.ndarray) -> float:
    if x.size < FEWEST or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return float(np.corrcoef(stats.rankdata(x), stats.rankdata(y))[0, 1])
