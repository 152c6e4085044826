"""The jackknife: how a figure varies, from what it is without one patient after the other.

Quenouille 1956, doi:10.1093/biomet/43.3-4.353; Tukey 1958, doi:10.1214/aoms/1177706647. A bootstrap of few patients is
too narrow. In 2,000 simulated studies each of 4, 6, 10 and 20 patients, with five levels, the intervals that are drawn
here cover Fleiss' kappa of three readers in 91 to 94%, Cohen's with linear and quadratic weights in 95 to 99%, an
intraclass correlation with two cases of a patient in 94 to 95%, and the share without a preferred side in 95 to 98%;
percentiles of a bootstrap covered the first three in 47 to 90%.
"""

from collections.abc import Callable, Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from ..estimate import FEWEST, UPPER, Estimate, Values, numbered

Places = NDArray[np.intp]
TINY = 1e-12  # of what varies by rounding alone


def left_out(figure: Callable[[Places], ArrayLike], patients: Sequence[Hashable]) -> Values:
    """A figure, or several, without the cases of each patient, float64 (patients, ...).

    figure: of the cases whose numbers it gets, (chosen,). patients: of each case.
    """
    of, count = numbered(patients)
    return np.array([figure(np.flatnonzero(of != one)) for one in range(count)], np.float64)


def jackknife(figure: Callable[[Places], float], patients: Sequence[Hashable]) -> Estimate:
    """A figure of all cases with the interval of `estimated` over patients; see `left_out` for the arguments."""
    value = float(figure(np.arange(len(patients))))
    if not np.isfinite(value) or len(set(patients)) < FEWEST:
        return Estimate(value, None, len(set(patients)))
    return estimated(value, left_out(figure, patients))


def estimated(value: float, left: Values) -> Estimate:
    """A figure with Student's t interval, v ± t(n-1) sqrt(s² + b²), from its values without each patient, (patients,).

    Here s² is the jackknife's variance of the figure, and b its estimate of the bias. Without b few patients, who give
    Fleiss' kappa a bias, would cover it in 86 to 92%.
    There is no interval below 3 patients, where nothing varies, or where the rest of the patients has no figure.
    """
    count = len(left)
    if count < FEWEST:
        return Estimate(value, None, count)
    error = np.hypot(np.sqrt(jackknife_covariance(left[:, None])[0, 0]), (count - 1) * (left.mean() - value))
    if not error > TINY:  # nor where it is NaN
        return Estimate(value, None, count)
    return Estimate.around(value, stats.t.ppf(UPPER, count - 1) * error, count)


def jackknife_covariance(left: Values, rests: NDArray[np.bool_] | None = None) -> Values:
    """The covariance of figures from their values with one of n units left out each, (n, figures).

    rests: whether a figure rests on a unit, bool (n, figures); by default each rests on all. A figure has the variance
    that its own units alone give it, and two of them covary by the units that both rest on, by 0 without any.
    """
    own = np.ones(left.shape, bool) if rests is None else rests
    counts = own.sum(0)
    apart = np.where(own, left - left.mean(0, where=own), 0) * np.sqrt((counts - 1) / counts)
    return np.asarray(apart.T @ apart)


def patients_read(read: NDArray[np.bool_], patients: Sequence[Hashable]) -> float:
    """How many patients a reader read, on average over readers. read: who read which case, (readers, cases)."""
    of, count = numbered(patients)
    return float(((read @ np.eye(count)[of]) > 0).sum(1).mean())
