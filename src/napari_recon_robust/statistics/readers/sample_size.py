"""How many readers and cases a comparison of two tests needs, from the variances of an earlier study.

Hillis, Obuchowski and Berbaum, Academic Radiology 2011, doi:10.1016/j.acra.2010.09.007.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from ...ground.errors import InputError
from ..estimate import CONFIDENCE
from .obuchowski_rockette import Components

MOST_CASES = 5000


@dataclass(frozen=True)
class Variances:
    """The parameters of Obuchowski and Rockette, as readers of `cases` cases each found them.

    test_reader: variance of the readers' differences between tests. error: variance of a figure less Cov1. shared:
    Cov2 less Cov3 of two readers of the same cases, not below 0. Both of these fall with the number of cases, whose
    mixture of diseased and normal ones stays the same.
    """

    test_reader: float
    error: float
    shared: float
    cases: float

    @classmethod
    def of(cls, found: Components, cases: float) -> "Variances":
        """The parameters that follow from the components of a study of so many cases."""
        error, shared = found.variance - found.same_reader, max(found.same_test - found.neither, 0.0)
        return cls(max(found.of_both - error + shared, 0.0), error, shared, cases)

    @classmethod
    def of_parts(cls, found: Components, read: NDArray[np.bool_]) -> "Variances":
        """The same of readers who each read a part of the cases; read: who read which case, (readers, cases).

        A figure of n cases varies by 1 / n, and two readers share m / (n n') of m common cases: the mean of that over
        pairs of readers is what `found` has, and with n instead of m it is `shared`. Raises InputError where no two
        readers read the same case, since they do not show what they share.
        """
        counts = read.sum(1)
        overlap = read.astype(float) @ read.T / np.outer(counts, counts)
        own, common = float(overlap.diagonal().mean()), float(overlap[~np.eye(len(read), dtype=bool)].mean())
        if not common:
            raise InputError(
                "no two readers read the same case, so what they share is not known; name a pilot in which some do."
            )
        whole = cls.of(found, 1 / own)
        return replace(whole, shared=whole.shared * own / common)

    def clustered(self, effect: float) -> "Variances":
        """The parameters where cases lie in clusters, so that as many of them tell less; see `design_effect`."""
        return replace(self, error=effect * self.error, shared=effect * self.shared)

    def power(self, difference: float, readers: int, cases: int, groups: int = 1) -> float:
        """The probability that p < 5% for random readers and cases, if the tests differ by this much.

        groups: of readers in a split-plot design, each of which reads a part of the cases. A figure then rests on cases
        / groups, and two readers share the errors of their cases within a group alone, so that over all pairs of
        readers `shared` is less by (readers / groups - 1) / (readers - 1) on average (Hillis 2014,
        doi:10.1002/sim.5926). Raises InputError for fewer than 2 readers or cases.
        """
        if min(readers, cases) < 2:
            raise InputError(f"{readers} readers and {cases} cases compare no tests; give at least 2 of each.")
        return float(self._powers(difference, readers, np.array(cases), groups))

    def cases_for(self, difference: float, readers: int, power: float = 0.8, groups: int = 1) -> range:
        """The counts of cases, of all groups together, from the fewest with this power to where more have less again.

        More cases may have less power, as the degrees of freedom fall towards readers - 1 where the readers' own
        variance comes to prevail. Empty where all counts up to 5,000 have less; it ends there otherwise, too.
        """
        reached = self._powers(difference, readers, np.arange(2, MOST_CASES + 1), groups) >= power
        first = int(np.append(reached, True).argmax())
        last = first + int(np.append(reached[first:], False).argmin())
        return range(2 + first, 2 + last)

    def _powers(self, difference: float, readers: int, cases: NDArray[np.int_], groups: int) -> NDArray[np.float64]:
        """The power for each of these counts of cases."""
        scale, others = self.cases * groups / cases, readers / groups - 1
        noise = self.test_reader + scale * (self.error + others * self.shared)
        of_both = self.test_reader + scale * (self.error - others / (readers - 1) * self.shared)
        if (noise <= 0).any() or (of_both <= 0).any():
            raise InputError("the earlier study shows no variance; take the figures of another one.")
        freedom = noise**2 / (of_both**2 / (readers - 1))
        critical = stats.f.ppf(CONFIDENCE, 1, freedom)
        return np.asarray(stats.ncf.sf(critical, 1, freedom, readers * difference**2 / 2 / noise))


def design_effect(sizes: ArrayLike, correlation: float) -> float:
    """How much more a mean varies over units in clusters of these sizes than over as many independent ones.

    It is 1 + (m - 1) ρ, with m = Σ n² / Σ n for clusters of unequal sizes n (Kish, Survey Sampling, 1965). correlation:
    of two units of one cluster.
    """
    counts = np.asarray(sizes, float)
    return float(1 + ((counts**2).sum() / counts.sum() - 1) * correlation)


# Of Van Dyke's study: 5 readers, 114 cases, areas of 0.90 and 0.94 under the ROC curve; spin echo against cine MRI.
VAN_DYKE = Variances.of(
    Components(0.00479617, 0.00383620, 0.00055103, 0.00080229, 0.00034661, 0.00034407, 0.00023903), 114
)
