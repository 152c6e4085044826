"""How far readers agree, with each other or with themselves: kappa, and intraclass correlation."""

from collections.abc import Callable, Hashable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from ...ground.errors import InputError
from ..clustered import RESAMPLES
from ..estimate import FEWEST, LOWER, UPPER, Estimate, Values, finite, numbered
from .averages import Average, spread

Places = NDArray[np.intp]
Weights = Literal["none", "linear", "quadratic"]


def kappa(
    first: ArrayLike,
    second: ArrayLike,
    weights: Weights = "none",
    patients: Sequence[Hashable] | None = None,
    *,
    seed: int = 0,
) -> Estimate:
    """Cohen's kappa of two ratings of the same cases, with an interval from a bootstrap over patients.

    first, second: (cases,). weights: how much ratings that lie apart count, for ordered ratings. NaN where both always
    give one and the same rating. Cohen 1960, doi:10.1177/001316446002000104; 1968, doi:10.1037/h0026256.
    """
    one, other = finite(first, "ratings"), finite(second, "ratings")
    if one.shape != other.shape or one.ndim != 1:
        raise InputError(f"{one.size} and {other.size} ratings are no pairs; give two ratings of each case.")
    pairs, cost = _coded(one, other, weights)
    units = list(range(one.size)) if patients is None else list(patients)
    return _bootstrapped(lambda chosen: _kappa(pairs[:, chosen], cost), units, seed)


def mean_kappa(
    first: ArrayLike,
    second: ArrayLike,
    readers: Sequence[Hashable],
    patients: Sequence[Hashable],
    weights: Weights = "none",
) -> Average:
    """The mean of each reader's kappa of his own two ratings of a case, (ratings,), over readers and patients.

    With pooled ratings, readers who use the scale differently would seem to agree better with themselves. The errors
    are those of Fleiss, Cohen and Everitt 1969, doi:10.1037/h0028106, with a patient's cases taken together, and the
    interval is of `averages.spread`. Readers of fewer than 3 patients, or who always give one and the same rating, are
    left out; NaN without any, and for a single one `kappa`.
    """
    one, other = finite(first, "ratings"), finite(second, "ratings")
    of, people = numbered(patients)
    found: dict[Hashable, float] = {}
    parts, counts, used = [], [], []
    for reader in dict.fromkeys(readers):
        own = [at for at, name in enumerate(readers) if name == reader]
        whose = of[own]
        found[reader], moved = _with_errors(*_coded(one[own], other[own], weights))
        count = len(set(whose.tolist()))
        if count >= FEWEST and np.isfinite(found[reader]):
            # A mean's error is the sum of its patients' parts, whose variance has n - 1 below.
            parts.append(np.bincount(whose, moved, people) / len(own) * np.sqrt(count / (count - 1)))
            counts.append(count)
            used += own
    units = len({patients[at] for at in used})
    if not counts:
        known = [value for value in found.values() if np.isfinite(value)]
        return Average(Estimate(float(np.mean(known)) if known else float("nan"), None, units), 0)
    if len(counts) == 1:
        return Average(kappa(one[used], other[used], weights, [patients[at] for at in used]), 1)
    figures = np.array([found[reader] for reader in dict.fromkeys(readers[at] for at in used)])
    errors = np.array(parts)
    result = spread(figures, errors @ errors.T, np.mean(counts))
    low, high = result.interval
    return Average(Estimate(float(result.mean), (float(low), float(high)), units), len(counts))


def fleiss_kappa(ratings: ArrayLike, patients: Sequence[Hashable] | None = None, *, seed: int = 0) -> Estimate:
    """Fleiss' kappa of several readers, ratings (cases, readers), with an interval from a bootstrap over patients.

    Fleiss 1971, doi:10.1037/h0031619.
    """
    rated = finite(ratings, "ratings")
    if rated.ndim != 2 or rated.shape[1] < 2:
        raise InputError(f"ratings of shape {rated.shape} show no agreement; give (cases, at least 2 readers).")
    levels = np.unique(rated)
    counts = (rated[..., None] == levels).sum(1)
    units = list(range(len(rated))) if patients is None else list(patients)
    return _bootstrapped(lambda chosen: _fleiss(counts[chosen], rated.shape[1]), units, seed)


def intraclass_correlation(
    ratings: ArrayLike, patients: Sequence[Hashable] | None = None, *, seed: int = 0
) -> Estimate:
    """The agreement of single ratings, ICC(2,1): cases and readers are random, (cases, readers).

    Shrout and Fleiss 1979, doi:10.1037/0033-2909.86.2.420, with their interval; none below 3 cases. Where several cases
    are of one patient, the interval is from a bootstrap over patients instead.
    """
    rated = finite(ratings, "ratings")
    if rated.ndim != 2 or min(rated.shape) < 2:
        raise InputError(f"ratings of shape {rated.shape} have no ICC; give at least 2 cases and 2 readers.")
    if patients is not None and len(set(patients)) < len(rated):
        return _bootstrapped(lambda chosen: _mean_squares(rated[chosen])[0], patients, seed)
    return _shrout_fleiss(rated)


def _mean_squares(rated: Values) -> tuple[float, float, float, float]:
    """ICC(2,1), NaN without any spread, and the mean squares between cases, among readers and of the rest."""
    cases, readers = rated.shape
    mean, of_case, of_reader = rated.mean(), rated.mean(1), rated.mean(0)
    between = readers * ((of_case - mean) ** 2).sum() / (cases - 1)
    among = cases * ((of_reader - mean) ** 2).sum() / (readers - 1)
    rest = ((rated - of_case[:, None] - of_reader + mean) ** 2).sum() / ((cases - 1) * (readers - 1))
    whole = between + (readers - 1) * rest + readers * (among - rest) / cases
    value = float((between - rest) / whole) if whole > 0 else float("nan")
    return value, float(between), float(among), float(rest)


def _shrout_fleiss(rated: Values) -> Estimate:
    cases, readers = rated.shape
    value, between, among, rest = _mean_squares(rated)
    if cases < FEWEST or rest <= 1e-12 * (between + among):
        return Estimate(value, None, cases)
    ratio = among / rest
    spread = readers * value * ratio + cases * (1 + (readers - 1) * value) - readers * value
    freedom = (cases - 1) * (readers - 1) * spread**2
    freedom /= (cases - 1) * (readers * value * ratio) ** 2 + (
        cases * (1 + (readers - 1) * value) - readers * value
    ) ** 2
    upper, lower = stats.f.ppf(UPPER, cases - 1, freedom), stats.f.ppf(UPPER, freedom, cases - 1)
    error = readers * among + (readers * cases - readers - cases) * rest
    low = cases * (between - upper * rest) / (upper * error + cases * between)
    high = cases * (lower * between - rest) / (error + cases * lower * between)
    return Estimate(value, (float(low), float(high)), cases)


def _coded(one: Values, other: Values, weights: Weights) -> tuple[Places, Values]:
    """Two ratings of each case as numbers of levels, (2, cases), and what a pair of levels costs, (levels, levels)."""
    levels, codes = np.unique(np.concatenate((one, other)), return_inverse=True)
    apart = np.abs(levels[:, None] - levels)
    costs = {"none": (apart > 0).astype(float), "linear": apart, "quadratic": apart**2}
    return codes.reshape(2, -1), costs[weights]


def _kappa(pairs: Places, cost: Values) -> float:
    return _with_errors(pairs, cost)[0]


def _with_errors(pairs: Places, cost: Values) -> tuple[float, Values]:
    """Kappa, 1 - o / e for the observed and the expected cost, and by how much each pair moves it, (cases,)."""
    observed = cost[pairs[0], pairs[1]]
    first, second = (np.bincount(row, minlength=len(cost)) / pairs.shape[1] for row in pairs)
    expected = first @ cost @ second
    if not expected:
        return float("nan"), np.zeros(pairs.shape[1])
    ratio = observed.mean() / expected
    moved = (cost @ second)[pairs[0]] + (first @ cost)[pairs[1]] - 2 * expected
    return float(1 - ratio), (ratio * moved - observed + observed.mean()) / expected


def _fleiss(counts: Places, readers: int) -> float:
    observed = ((counts * (counts - 1)).sum(1) / (readers * (readers - 1))).mean()
    expected = ((counts.sum(0) / counts.sum()) ** 2).sum()
    return float((observed - expected) / (1 - expected)) if expected < 1 else float("nan")


def _bootstrapped(figure: Callable[[Places], float], units: Sequence[Hashable], seed: int) -> Estimate:
    """A figure of chosen cases, with the percentiles over resampled patients; no interval below 3 of them."""
    of, count = numbered(units)
    members = [np.flatnonzero(of == one) for one in range(count)]
    value = figure(np.arange(len(units)))
    if count < FEWEST:
        return Estimate(value, None, count)
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, count, (RESAMPLES, count))
    found = np.array([figure(np.concatenate([members[one] for one in row])) for row in drawn])
    found = found[np.isfinite(found)]
    if not found.size:
        return Estimate(value, None, count)
    low, high = np.quantile(found, (LOWER, UPPER))
    return Estimate(value, (float(low), float(high)), count)
