"""Paired differences of two conditions on the same volumes, and what difference so many volumes can show."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, stats

from ..ground.errors import InputError
from . import clustered
from .estimate import CONFIDENCE, FEWEST, UPPER, Estimate, Values, finite

POWER = 0.8
_EXACT = 50  # differences whose signs are counted in all ways; beyond, the normal approximation is close


@dataclass(frozen=True)
class Difference:
    """The mean paired difference over volumes, first less second.

    mean: with the interval of Student's t, as `clustered.mean` has it. wilcoxon: two-sided p-value of the signed rank
    test over volumes; None below 3 volumes. deviation: standard deviation of the volumes' differences; NaN for a single
    volume. pairs: how many pairs there were.
    """

    mean: Estimate
    wilcoxon: float | None
    deviation: float
    pairs: int

    @property
    def detectable(self) -> float | None:
        """The smallest true difference that as many volumes show with a power of 80%; None without an interval."""
        return self.detectable_by(self.mean.units)

    def detectable_by(self, volumes: int) -> float | None:
        """The same of so many volumes; None where these have no interval, and so tell no deviation of others."""
        return None if self.mean.interval is None else detectable_difference(self.deviation, volumes)


def difference(first: ArrayLike, second: ArrayLike, volumes: Sequence[Hashable]) -> Difference:
    """Compare two conditions that were both measured on the same slices or regions, (pairs,) each.

    The differences of a volume are averaged first, so that the volume is the unit of every interval and test.
    Wilcoxon, Biometrics Bulletin 1945, doi:10.2307/3001968.
    """
    one, other = finite(first), finite(second)
    if one.shape != other.shape:
        raise InputError(f"{one.size} and {other.size} values are no pairs; give two values for each slice or region.")
    means = clustered.volume_means(one - other, volumes)
    return Difference(
        mean=clustered.mean(one - other, volumes),
        wilcoxon=_signed_rank(means) if len(means) >= FEWEST else None,
        deviation=float(means.std(ddof=1)) if len(means) > 1 else float("nan"),
        pairs=one.size,
    )


def detectable_difference(deviation: float, volumes: int, power: float = POWER) -> float:
    """The true mean difference that a paired t test on n volumes at 5% finds with this probability, by default 80%.

    It is the d with P(|T| > t(n-1)) = power, where T has the noncentral t distribution with n - 1 degrees of freedom
    and noncentrality d sqrt(n) / deviation. deviation: standard deviation of the volumes' differences.
    """
    if volumes < FEWEST:
        raise InputError(f"{volumes} volumes show no difference; name at least {FEWEST}.")
    if not 1 - CONFIDENCE < power < 1:
        raise InputError(f"a power of {power:g} cannot be planned for; name one between 0.05 and 1.")
    freedom = volumes - 1
    critical = stats.t.ppf(UPPER, freedom)

    def lacking(noncentrality: float) -> float:
        # T² has the noncentral F distribution, which scipy computes where its noncentral t fails
        return 1 - power - float(stats.ncf.cdf(critical**2, 1, freedom, noncentrality**2))

    return float(optimize.brentq(lacking, 0, 3 * critical + 10)) * deviation / float(np.sqrt(volumes))


def least_p(volumes: int) -> float:
    """The smallest two-sided p-value that the signed rank test can give of so many volumes: that of one common sign."""
    return float(min(2.0 ** (1 - volumes), 1))


def _signed_rank(differences: Values) -> float:
    """The two-sided p-value, exact up to `_EXACT` differences, also where some are alike; those of 0 do not count."""
    some = differences[differences != 0]
    if not 0 < some.size <= _EXACT:
        return float(stats.wilcoxon(some).pvalue) if some.size else 1.0
    ranks = np.rint(2 * stats.rankdata(np.abs(some))).astype(int)  # doubled, as those of ties may be halves
    ways = np.ones(1)  # in which signs give each sum of positive ranks
    for rank in ranks:
        ways = np.pad(ways, (0, rank)) + np.pad(ways, (rank, 0))
    positive = int(ranks[some > 0].sum())
    return min(1.0, float(2 * ways[: min(positive, int(ranks.sum()) - positive) + 1].sum() / ways.sum()))
