"""How far readers agree, with each other or with themselves: kappa, and intraclass correlation."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from ...ground.errors import InputError
from ..estimate import FEWEST, UPPER, Estimate, Values, finite, numbered
from .averages import Average, spread
from .jackknife import Places, jackknife

Weights = Literal["none", "linear", "quadratic"]


def kappa(
    first: ArrayLike,
    second: ArrayLike,
    weights: Weights = "none",
    patients: Sequence[Hashable] | None = None,
) -> Estimate:
    """Cohen's kappa of two ratings of the same cases, with an interval from the jackknife over patients.

    first, second: (cases,). weights: how much ratings that lie apart count, for ordered ratings. NaN where both always
    give one and the same rating. Cohen 1960, doi:10.1177/001316446002000104; 1968, doi:10.1037/h0026256.
    """
    one, other = finite(first, "ratings"), finite(second, "ratings")
    if one.shape != other.shape or one.ndim != 1:
        raise InputError(f"{one.size} and {other.size} ratings are no pairs; give two ratings of each case.")
    pairs, cost = _coded(one, other, weights)
    units = list(range(one.size)) if patients is None else list(patients)
    return _over_patients(lambda chosen: _with_errors(pairs[:, chosen], cost)[0], units, -1.0)


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
    left out; for a single one it is `kappa`. Without any it is the mean, without an interval, over those of 3 ratings,
    since kappa of one can be nothing but 0; NaN without these, too.
    """
    one, other = finite(first, "ratings"), finite(second, "ratings")
    of, people = numbered(patients)
    found: dict[Hashable, float] = {}
    parts, counts, used = [], [], []
    for reader in dict.fromkeys(readers):
        own = [at for at, name in enumerate(readers) if name == reader]
        if len(own) < FEWEST:
            continue
        whose = of[own]
        found[reader], moved = _with_errors(*_coded(one[own], other[own], weights))
        count = len(set(whose.tolist()))
        if count >= FEWEST and np.isfinite(found[reader]):
            # A mean's error is the sum of its patients' parts, whose variance has n - 1 below.
            parts.append(np.bincount(whose, moved, people) / len(own) * np.sqrt(count / (count - 1)))
            counts.append(count)
            used += own
    if not counts:
        known = {reader: value for reader, value in found.items() if np.isfinite(value)}
        units = len({patient for reader, patient in zip(readers, patients, strict=True) if reader in known})
        return Average(Estimate(float(np.mean([*known.values()])) if known else float("nan"), None, units), 0)
    units = len({patients[at] for at in used})
    if len(counts) == 1:
        return Average(kappa(one[used], other[used], weights, [patients[at] for at in used]), 1)
    figures = np.array([found[reader] for reader in dict.fromkeys(readers[at] for at in used)])
    errors = np.array(parts)
    result = spread(figures, errors @ errors.T, np.mean(counts))
    low, high = result.interval
    return Average(Estimate(float(result.mean), (float(low), float(high)), units).within(-1.0, 1.0), len(counts))


def fleiss_kappa(ratings: ArrayLike, patients: Sequence[Hashable] | None = None) -> Estimate:
    """Fleiss' kappa of several readers, ratings (cases, readers), with an interval from the jackknife over patients.

    Fleiss 1971, doi:10.1037/h0031619.
    """
    rated = finite(ratings, "ratings")
    if rated.ndim != 2 or rated.shape[1] < 2:
        raise InputError(f"ratings of shape {rated.shape} show no agreement; give (cases, at least 2 readers).")
    levels = np.unique(rated)
    counts = (rated[..., None] == levels).sum(1)
    units = list(range(len(rated))) if patients is None else list(patients)
    readers = rated.shape[1]
    return _over_patients(lambda chosen: _fleiss(counts[chosen], readers), units, -1 / (readers - 1))


def intraclass_correlation(ratings: ArrayLike, patients: Sequence[Hashable] | None = None) -> Estimate:
    """The agreement of single ratings, ICC(2,1): cases and readers are random, (cases, readers).

    Shrout and Fleiss 1979, doi:10.1037/0033-2909.86.2.420, with their interval; none below 3 cases. Where several cases
    are of one patient, the interval is from the jackknife over patients instead. Intervals are cut at -1 / (r - 1) of r
    readers, below which no correlation of them lies.
    """
    rated = finite(ratings, "ratings")
    if rated.ndim != 2 or min(rated.shape) < 2:
        raise InputError(f"ratings of shape {rated.shape} have no ICC; give at least 2 cases and 2 readers.")
    least = -1 / (rated.shape[1] - 1)
    if patients is not None and len(set(patients)) < len(rated):
        return _over_patients(lambda chosen: _mean_squares(rated[chosen])[0], patients, least)
    return _shrout_fleiss(rated).within(least, 1.0)


def _mean_squares(rated: Values) -> tuple[float, float, float, float]:
    """ICC(2,1), NaN without any spread, and the mean squares between cases, among readers and of the rest."""
    cases, readers = rated.shape
    mean, of_case, of_reader = rated.mean(), rated.mean(1), rated.mean(0)
    between = readers * ((of_case - mean) ** 2).sum() / (cases - 1)
    among = cases * ((of_reader - mean) ** 2).sum() / (readers - 1)
    rest = ((rated - of_case[:, None] - of_reader + mean) ** 2).sum() / ((cases - 1) * (readers - 1))
    whole = between + (readers - 1) * rest + readers * (among - rest) / cases
    value = -1 / (readers - 1) if rest else float("nan")  # two readers may contradict each other at two cases
    if whole > 0:
        value = max(float((between - rest) / whole), -1 / (readers - 1))
    return value, float(between), float(among), float(rest)


def _shrout_fleiss(rated: Values) -> Estimate:
    cases, readers = rated.shape
    value, between, among, rest = np.array(_mean_squares(rated))
    found = Estimate(float(value), None, cases)
    if cases < FEWEST or rest <= 1e-12 * (between + among):
        return found
    # Readers who disagree more than any correlation lets them may have no degrees of freedom, and then no interval.
    with np.errstate(invalid="ignore", divide="ignore"):
        of_readers, of_cases = readers * value * among / rest, cases * (1 + (readers - 1) * value) - readers * value
        freedom = (cases - 1) * (readers - 1) * (of_readers + of_cases) ** 2
        freedom /= (cases - 1) * of_readers**2 + of_cases**2
        upper, lower = stats.f.ppf(UPPER, cases - 1, freedom), stats.f.ppf(UPPER, freedom, cases - 1)
        error = readers * among + (readers * cases - readers - cases) * rest
        low = cases * (between - upper * rest) / (upper * error + cases * between)
        high = cases * (lower * between - rest) / (error + cases * lower * between)
    return replace(found, interval=(float(low), float(high))) if low <= value <= high else found


def _coded(one: Values, other: Values, weights: Weights) -> tuple[Places, Values]:
    """Two ratings of each case as numbers of levels, (2, cases), and what a pair of levels costs, (levels, levels)."""
    levels, codes = np.unique(np.concatenate((one, other)), return_inverse=True)
    apart = np.abs(levels[:, None] - levels)
    costs = {"none": (apart > 0).astype(float), "linear": apart, "quadratic": apart**2}
    return codes.reshape(2, -1), costs[weights]


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


def _over_patients(figure: Callable[[Places], float], patients: Sequence[Hashable], least: float) -> Estimate:
    """The jackknife's interval, with the same standard error on the scale of Fisher's z, cut at the least value.

    So it varies further down than up near 1, which it does not reach.
    """
    found = jackknife(figure, patients)
    if found.interval is not None and abs(found.value) < 1:
        half = (found.interval[1] - found.interval[0]) / 2 / (1 - found.value**2)
        low, high = np.tanh(np.arctanh(found.value) + half * np.array([-1, 1]))
        found = replace(found, interval=(float(low), float(high)))
    return found.within(min(least, found.value), 1.0)
