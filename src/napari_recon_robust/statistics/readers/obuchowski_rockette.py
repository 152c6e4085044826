"""The test of Obuchowski and Rockette: do conditions differ, for readers and cases like these?

Obuchowski and Rockette 1995, doi:10.1080/03610919508813243, with the degrees of freedom of Hillis 2007,
doi:10.1002/sim.2532. It takes any figure of merit with the covariances of its errors, such as areas of `roc`.

In its published form the covariances count as known, whatever number of patients they are estimated from, and readers
may seem to vary by less than their own errors. Of few patients that finds too much: see docs/reader-studies.md for how
often. Where figures rest on fewer than 30 patients, or the published error is 0 though the figures have errors,
figures, mean squares and covariances stay as published, and the error and its degrees of freedom are those of
`averages`: the mean square of tests and readers is not taken below what errors alone make it, Var - Cov1 - Cov2 + Cov3,
and covariances of n patients have n - 1 degrees of freedom (Satterthwaite 1946, doi:10.2307/3002019). The figure of one
test has the error of `averages` then, too.
"""

from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from ...ground.errors import InputError
from ..estimate import UPPER, Estimate, Values, finite
from .averages import ROUNDING, spread

Generalises = Literal["readers and cases", "cases", "readers"]
ENOUGH = 30  # patients from whom the covariances count as known


@dataclass(frozen=True)
class Components:
    """Mean squares of the figures, and mean covariances of their errors.

    variance: of one figure. same_reader (Cov1), same_test (Cov2), neither (Cov3): of two figures that share that.
    """

    of_tests: float
    of_readers: float
    of_both: float
    variance: float
    same_reader: float
    same_test: float
    neither: float


@dataclass(frozen=True)
class Comparison:
    """Whether the tests differ. figures: of each test, averaged over readers, with its interval.

    statistic: F, or chi squared for fixed readers, with its degrees of freedom (infinite for chi squared) and p.
    differences: of each pair of tests, first less second, by their numbers. p_of: two-sided p of each of these; p is of
    all tests being equal.
    """

    figures: tuple[Estimate, ...]
    differences: dict[tuple[int, int], Estimate]
    statistic: float
    degrees: tuple[float, float]
    p: float
    p_of: dict[tuple[int, int], float]
    components: Components


def compare(
    figures: ArrayLike,
    covariance: ArrayLike,
    generalises: Generalises = "readers and cases",
    patients: float = np.inf,
) -> Comparison:
    """Compare tests by a figure of each reader.

    figures: (tests, readers). covariance: of their errors, (tests * readers, tests * readers), tests slowest.
    generalises: to which population the answer holds: to readers and cases like these, to cases like these with just
    these readers, or to readers like these with just these cases. patients: on how many a reader's figures rest, of the
    rarer kind where there are two; from 30 on, as by default, the test is the published one.
    Raises InputError for fewer than two tests or two readers.
    """
    theta, errors = finite(figures, "figures"), finite(covariance, "covariances")
    if theta.ndim != 2 or min(theta.shape) < 2 or errors.shape != (theta.size, theta.size):
        raise InputError(f"figures of shape {theta.shape} cannot be compared; give at least 2 tests and 2 readers.")
    found = components(theta, errors)
    tests, readers = theta.shape
    shared, units = max(found.same_test - found.neither, 0.0), _units(patients)
    if generalises == "cases":
        error = found.variance - found.same_reader + (readers - 1) * shared
        statistic, freedom = _ratio((tests - 1) * found.of_tests, error), units
        p = _tail(statistic / (tests - 1), tests - 1.0, freedom)
    else:
        of_patients = readers * shared if generalises == "readers and cases" else 0.0
        of_readers = _of_readers(found, of_patients, (tests - 1) * (readers - 1), patients)
        error = of_readers[0] + of_patients
        statistic, freedom = _ratio(found.of_tests, error), _freedom(of_readers, (of_patients, units))
        p = _tail(statistic, tests - 1.0, freedom)
    scale = np.sqrt(2 * error / readers)
    half, means = float(stats.t.ppf(UPPER, freedom)) * scale, theta.mean(1)
    differences = {
        (one, other): Estimate.around(means[one] - means[other], half, readers)
        for one, other in combinations(range(tests), 2)
    }
    p_of = {pair: _two_sided(one.value, scale, freedom) for pair, one in differences.items()}
    alone = tuple(figure(theta, errors, test, generalises, patients) for test in range(tests))
    return Comparison(alone, differences, statistic, (tests - 1.0, freedom), p, p_of, found)


def compare_for_reader(
    figures: ArrayLike, covariance: ArrayLike, patients: float = np.inf
) -> tuple[tuple[Estimate, ...], dict[tuple[int, int], tuple[Estimate, float]]]:
    """Compare tests by the figures of one reader, (tests,), with their covariance (tests, tests).

    Returns the figures, and the difference of each pair with its two-sided p, all by the normal distribution, or
    Student's t where they rest on fewer than 30 patients; see `compare`. They hold for cases like these and this
    reader (DeLong et al. 1988, doi:10.2307/2531595).
    """
    theta, errors = finite(figures, "figures"), finite(covariance, "covariances")
    freedom = _units(patients)
    scale = float(stats.t.ppf(UPPER, freedom))
    singles = tuple(
        Estimate.around(value, scale * error, 1) for value, error in zip(theta, np.sqrt(errors.diagonal()), strict=True)
    )
    found = {}
    for one, other in combinations(range(theta.size), 2):
        error = np.sqrt(max(errors[one, one] + errors[other, other] - 2 * errors[one, other], 0.0))
        apart = theta[one] - theta[other]
        found[one, other] = (Estimate.around(apart, scale * error, 1), _two_sided(apart, error, freedom))
    return singles, found


def components(figures: Values, covariance: Values) -> Components:
    """The mean squares and mean covariances of figures (tests, readers)."""
    tests, readers = figures.shape
    mean, of_test, of_reader = figures.mean(), figures.mean(1), figures.mean(0)
    both = figures - of_test[:, None] - of_reader + mean
    errors = covariance.reshape(tests, readers, tests, readers)
    same_test, same_reader = np.eye(tests, dtype=bool)[:, None, :, None], np.eye(readers, dtype=bool)[:, None]
    whole = np.broadcast_to(same_test, errors.shape), np.broadcast_to(same_reader, errors.shape)
    return Components(
        of_tests=float(readers * ((of_test - mean) ** 2).sum() / (tests - 1)),
        of_readers=float(tests * ((of_reader - mean) ** 2).sum() / (readers - 1)),
        of_both=float((both**2).sum() / ((tests - 1) * (readers - 1))),
        variance=float(errors[whole[0] & whole[1]].mean()),
        same_reader=float(errors[~whole[0] & whole[1]].mean()),
        same_test=float(errors[whole[0] & ~whole[1]].mean()),
        neither=float(errors[~whole[0] & ~whole[1]].mean()),
    )


def figure(
    figures: Values,
    covariance: Values,
    test: int,
    generalises: Generalises = "readers and cases",
    patients: float = np.inf,
) -> Estimate:
    """The mean figure of one of the tests, over at least 2 readers, with an interval from that test's readings.

    See `compare` for the arguments.
    """
    tests, readers = figures.shape
    of_test = figures[test]
    errors = covariance.reshape(tests, readers, tests, readers)[test, :, test]
    others = float(errors[~np.eye(readers, dtype=bool)].mean())
    if generalises == "cases":
        variance, freedom = (float(errors.diagonal().mean()) + (readers - 1) * max(others, 0.0)), np.inf
    else:
        of_readers = float(of_test.var(ddof=1))
        variance = of_readers + (readers * max(others, 0.0) if generalises == "readers and cases" else 0.0)
        none = variance <= ROUNDING * float(errors.diagonal().mean())
        if generalises == "readers and cases" and (patients < ENOUGH or none):
            low, high = spread(of_test, errors, patients).interval
            return Estimate(float(of_test.mean()), (float(low), float(high)), readers)
        freedom = _freedom((of_readers, readers - 1), (variance - of_readers, np.inf))
    half = float(stats.t.ppf(UPPER, freedom)) * np.sqrt(variance / readers)
    return Estimate.around(of_test.mean(), half, readers)


def _units(patients: float) -> float:
    """The degrees of freedom of covariances from so many patients."""
    return max(patients - 1, 1.0) if patients < ENOUGH else np.inf


def _of_readers(found: Components, of_patients: float, degrees: float, patients: float) -> tuple[float, float]:
    """What readers add to the error, and its degrees of freedom.

    Of few patients, or where the error were 0 otherwise, it is at least that of their own errors.
    """
    own = found.variance - found.same_reader - (found.same_test - found.neither)
    none = found.of_both + of_patients <= ROUNDING * own
    if (patients < ENOUGH or none) and found.of_both <= own * (1 + ROUNDING):
        return max(own, 0.0), degrees * max(patients - 1, 1.0)
    return found.of_both, degrees


def _freedom(*parts: tuple[float, float]) -> float:
    """Satterthwaite's degrees of freedom of a sum of variances, each with its own."""
    below = sum(part**2 / degrees for part, degrees in parts)
    return float(sum(part for part, _ in parts) ** 2 / below) if below else float("inf")


def _tail(statistic: float, numerator: float, denominator: float) -> float:
    """P(F > statistic); with endless degrees of freedom below, F is chi squared over its own."""
    if np.isinf(denominator):
        return float(stats.chi2.sf(numerator * statistic, numerator))
    return float(stats.f.sf(statistic, numerator, denominator))


def _two_sided(value: float, error: float, freedom: float) -> float:
    return float(2 * stats.t.sf(abs(_ratio(value, error)), freedom))


def _ratio(signal: float, error: float) -> float:
    return signal / error if error else (float("inf") if signal else 0.0)
