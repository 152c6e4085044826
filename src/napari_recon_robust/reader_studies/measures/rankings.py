"""Rankings of all arms of a case: mean ranks, pairs, and how far readers agree."""

from collections.abc import Sequence

import numpy as np

from ...statistics.estimate import Estimate, Values
from ...statistics.readers.ranking import ranking
from ..plan import Plan
from ..questions import Question
from .found import Finding, Found, Row, arms_of, patients_of, readers_of, scored, with_width


def rankings(plan: Plan, question: Question, rows: Sequence[Row]) -> Found:
    """Mean ranks, 1 for the best, and each pair of arms."""
    read = scored(rows)
    if not read:
        return Found()
    arms = arms_of(plan)
    result = ranking(ranks(read, arms), patients_of(read), [row["case"] for row in read])
    id, middle = question.id, (len(arms) + 1) / 2
    found = Found()
    for arm, rank in zip(arms, result.ranks, strict=True):
        estimate = with_width(rank, 1, len(arms))
        found.findings.append(Finding(id, "mean rank", arm, estimate, note="1 is the best", drawn="Ranks", null=middle))
    if result.friedman is not None:
        statistic, p = result.friedman
        estimate = Estimate(statistic, None, result.ranks[0].units)
        found.findings.append(Finding(id, "Friedman's chi squared of equal ranks", "all", estimate, p=p))
    for (one, other), estimate in result.ahead.items():
        name = f"{arms[one]} − {arms[other]}"
        found.findings.append(Finding(id, "places ahead", name, with_width(estimate), drawn="Places ahead"))
        above = result.above[one, other]
        found.findings.append(Finding(id, "share ranked before", name, above, note="0.5 by chance"))
    if result.concordance is not None:
        note = f"1 if all {len(readers_of(read))} readers rank a case alike"
        found.findings.append(
            Finding(id, "Kendall's W between readers", "all", with_width(result.concordance), note=note)
        )
    return found


def ranks(rows: Sequence[Row], arms: Sequence[str]) -> Values:
    """The rank of each arm, 1 for the best, (rows, arms)."""
    found = np.empty((len(rows), len(arms)))
    for number, row in enumerate(rows):
        for place, position in enumerate(row["answer"]["order"]):
            found[number, arms.index(row["arms"][position])] = place + 1
    return found
