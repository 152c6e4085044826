"""Rankings of several images of one case, best first: mean ranks, whether they differ, and how far readers agree."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from ...ground.errors import InputError
from .. import clustered
from ..estimate import FEWEST, Estimate, Values, finite
from .averages import average
from .shares import average_share


@dataclass(frozen=True)
class Ranking:
    """What rankings say of n items. Ties share the mean of their ranks.

    ranks: mean rank of each item, from 1, the best. readers: how many this, `above` and `ahead` are averaged over; see
    `averages.average`. above: of each pair of items, by their numbers, in which share of rankings the first is before
    the second; a tie counts half. ahead: by how many places on average. friedman: chi squared and p of Friedman's test
    over patients, for just these readers, that no item is preferred; None for two items or below 3 patients.
    concordance: Kendall's W of the readers of one case, averaged over patients, from 1/readers by chance to 1; None
    where no case was ranked twice. Friedman 1937, doi:10.1080/01621459.1937.10503522; Kendall and Babington Smith 1939,
    doi:10.1214/aoms/1177732186.
    """

    ranks: tuple[Estimate, ...]
    above: dict[tuple[int, int], Estimate]
    ahead: dict[tuple[int, int], Estimate]
    friedman: tuple[float, float] | None
    concordance: Estimate | None
    readers: int


def ranking(
    ranks: ArrayLike,
    patients: Sequence[Hashable],
    cases: Sequence[Hashable],
    readers: Sequence[Hashable] | None = None,
) -> Ranking:
    """Analyse rankings, (rankings, items), 1 for the best, with the patient and the case of each one.

    readers: whose each is, by default all of one. A reader's rankings of a patient are averaged first. Raises
    InputError for fewer than two items or ranks that are not finite.
    """
    given = finite(ranks, "ranks")
    if given.ndim != 2 or given.shape[1] < 2 or len(given) != len(patients) or len(given) != len(cases):
        raise InputError(f"ranks of shape {given.shape} are no rankings; give (rankings, at least 2 items).")
    ranked = stats.rankdata(given, axis=1)
    before = (np.sign(ranked[:, None, :] - ranked[:, :, None]) + 1) / 2
    means = np.stack([clustered.volume_means(column, patients) for column in ranked.T], 1)
    pairs = list(combinations(range(ranked.shape[1]), 2))
    who = [None] * len(given) if readers is None else readers
    means_over = [average(column, who, patients) for column in ranked.T]
    return Ranking(
        ranks=tuple(found.estimate for found in means_over),
        above={(one, other): average_share(before[:, one, other], who, patients).estimate for one, other in pairs},
        ahead={
            (one, other): average(ranked[:, other] - ranked[:, one], who, patients).estimate for one, other in pairs
        },
        friedman=_friedman(means),
        concordance=_concordance(ranked, patients, cases),
        readers=means_over[0].readers,
    )


def kendall_w(ranks: Values) -> float:
    """Kendall's W of the rankings of one set of items, (rankings, items), corrected for ties; NaN if all are tied."""
    rankings, items = ranks.shape
    sums = ranks.sum(0)
    ties = sum(float((counts**3 - counts).sum()) for counts in (np.unique(row, return_counts=True)[1] for row in ranks))
    whole = rankings**2 * (items**3 - items) - rankings * ties
    return float(12 * ((sums - sums.mean()) ** 2).sum() / whole) if whole > 0 else float("nan")


def _friedman(means: Values) -> tuple[float, float] | None:
    patients, items = means.shape
    if items < 3 or patients < FEWEST:
        return None
    rounded = means.round(9)  # means of equal ranks are equal
    if (rounded == rounded[:, :1]).all():
        return 0.0, 1.0
    found = stats.friedmanchisquare(*rounded.T)
    return float(found.statistic), float(found.pvalue)


def _concordance(ranked: Values, patients: Sequence[Hashable], cases: Sequence[Hashable]) -> Estimate | None:
    members: dict[Hashable, list[int]] = {}
    for number, case in enumerate(cases):
        members.setdefault(case, []).append(number)
    several = [numbers for numbers in members.values() if len(numbers) > 1]
    found = [(kendall_w(ranked[numbers]), patients[numbers[0]]) for numbers in several]
    found = [(value, patient) for value, patient in found if np.isfinite(value)]
    if not found:
        return None
    values, of = zip(*found, strict=True)
    return clustered.mean(values, of).within(0.0, 1.0)
