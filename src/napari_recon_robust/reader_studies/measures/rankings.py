"""Rankings of all arms of a case: mean ranks, pairs, and how far readers agree."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...statistics.estimate import Estimate, Values
from ...statistics.readers.averages import Average
from ...statistics.readers.ranking import ranking
from ..plan import Plan
from ..questions import Question
from .found import (
    READERS_FIXED,
    Finding,
    Found,
    Row,
    arms_of,
    averaged,
    minus,
    over_patients,
    patients_of,
    readers_of,
    scored,
    with_width,
)


def rankings(plan: Plan, question: Question, rows: Sequence[Row]) -> Found:
    """Mean ranks, 1 for the best, and each pair of arms."""
    read = scored(rows)
    if not read:
        return Found()
    arms = arms_of(plan)
    who = [row["reader"] for row in read]
    result = ranking(ranks(read, arms), patients_of(read), [row["case"] for row in read], who)
    id, middle = question.id, (len(arms) + 1) / 2
    found = Found()

    def add(what: str, arm: str, estimate: Estimate, **more: Any) -> None:
        found.findings.append(averaged(id, what, arm, Average(estimate, result.readers), read, **more))

    for arm, rank in zip(arms, result.ranks, strict=True):
        add("mean rank", arm, with_width(rank, 1, len(arms)), note="1 is the best", drawn="Ranks", null=middle)
    if result.friedman is not None:
        statistic, p = result.friedman
        estimate = Estimate(statistic, None, result.ranks[0].units)
        what = "Friedman's chi squared of equal ranks"
        found.findings.append(Finding(id, what, "all", estimate, over=over_patients(read), p=p))
    for (one, other), estimate in result.ahead.items():
        pair = arms[one], arms[other]
        ahead = with_width(estimate, 1 - len(arms), len(arms) - 1)
        add("places ahead", minus(*pair), ahead, drawn="Places ahead", measure="mean", arms=pair)
        add("share ranked before", minus(*pair), result.above[one, other], note="0.5 by chance")
    if result.concordance is not None:
        note = f"1 if all {len(readers_of(read))} readers rank a case alike"
        what, agreed = "Kendall's W between readers", with_width(result.concordance)
        found.findings.append(Finding(id, what, "all", agreed, over=READERS_FIXED, note=note))
    return found


def ranks(rows: Sequence[Row], arms: Sequence[str]) -> Values:
    """The rank of each arm, 1 for the best, (rows, arms)."""
    found = np.empty((len(rows), len(arms)))
    for number, row in enumerate(rows):
        for place, position in enumerate(row["answer"]["order"]):
            found[number, arms.index(row["arms"][position])] = place + 1
    return found
