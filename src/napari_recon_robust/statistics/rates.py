"""Rates of independent trials with exact intervals, and an exact test of two rates.

Lesions or slices of one volume are not independent trials; for their rates take `clustered.mean` of zeros and ones.
"""

from dataclasses import dataclass

from scipy import stats

from ..ground.errors import InputError
from .estimate import CONFIDENCE, Interval


@dataclass(frozen=True)
class Rate:
    """How many of some independent trials succeeded. InputError for no trial, or for more successes than trials."""

    successes: int
    trials: int

    def __post_init__(self) -> None:
        if not (self.trials > 0 and 0 <= self.successes <= self.trials):
            raise InputError(f"{self.successes} of {self.trials} is no rate; give 0 to n successes of n > 0 trials.")

    @property
    def value(self) -> float:
        """The share of trials that succeeded."""
        return self.successes / self.trials

    @property
    def interval(self) -> Interval:
        """The exact 95% interval of Clopper and Pearson, Biometrika 1934, doi:10.1093/biomet/26.4.404."""
        found = stats.binomtest(self.successes, self.trials).proportion_ci(CONFIDENCE, method="exact")
        return float(found.low), float(found.high)


def fisher(first: Rate, second: Rate) -> float:
    """The two-sided p-value of Fisher's exact test that two rates of separate trials are equal."""
    table = [[rate.successes, rate.trials - rate.successes] for rate in (first, second)]
    return float(stats.fisher_exact(table).pvalue)
