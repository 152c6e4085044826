"""Scores on a scale, and consequences: means, paired differences, visual grading and interchangeability."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...ground.numbers import counted
from ...statistics import paired
from ...statistics.estimate import Values
from ...statistics.readers.averages import Average
from ...statistics.readers.interchangeability import interchangeability
from ...statistics.readers.visual_grading import visual_grading
from ..plan import Plan
from ..questions import Question
from .found import (
    READERS_FIXED,
    Curve,
    Finding,
    Found,
    Row,
    arms_of,
    averaged,
    mean,
    minus,
    pairs_of,
    patients_of,
    readers_of,
    scored,
    with_width,
)


def scores(plan: Plan, question: Question, rows: Sequence[Row]) -> Found:
    """The mean of each arm, and each pair of arms compared: the same reader and case in both."""
    read = scored(rows)
    found = Found()
    for arm in arms_of(plan):
        if chosen := [row for row in read if row["arm"] == arm]:
            average = mean([row["score"] for row in chosen], chosen, *question.scale)
            found.findings.append(averaged(question.id, "mean score", arm, average, chosen))
    lines: dict[str, list[tuple[float, float]]] = {}
    for one, other in pairs_of(plan):
        both, second = _of_both(read, one, other)
        if both:
            single = [reader for reader in readers_of(read) if reader not in readers_of(both)]
            found += _difference(question, (one, other), both, second, single)
            area, lines[f"{one} against {other}"] = _graded(question, one, other, both, second)
            found.findings.append(area)
        else:
            found.remarks.append(f"{question.id}: no reader has judged a case in both {one} and {other}.")
    if lines:
        across, up = "share of the second arm at a level or above", "share of the first arm"
        found.curves.append(Curve(question.id, "Visual grading curves, averaged over readers", across, up, lines))
    return found + replaceable(plan, question, read)


def replaceable(plan: Plan, question: Question, rows: Sequence[Row]) -> Found:
    """Of each pair of arms, whether the second may take the place of the first.

    An endpoint of interchangeability says which of its arms is the first; elsewhere it is the plan's first.
    """
    found, end = Found(), plan.endpoint
    asked = end.arms if end and (end.question, end.measure) == (question.id, "interchangeability") else ()
    for pair in pairs_of(plan):
        old, new = pair[::-1] if asked == pair[::-1] else pair
        first, second = _of_both(rows, old, new)
        usual, fresh = _table(first, [row["score"] for row in first]), _table(first, second)
        if not (np.isfinite(usual).sum(1) > 1).any():
            continue
        result = interchangeability(fresh, usual, _patients(first))
        note = f"two readers disagree at {100 * result.within:.0f}% of cases in {old}, and at "
        note += f"{100 * result.across:.0f}% if one of them has {new}; 0 if {new} may take the place of {old}"
        found.findings.append(
            Finding(
                question.id,
                "individual equivalence index",
                f"{new} for {old}",
                with_width(result.index),
                over=READERS_FIXED,
                note=note,
                measure="interchangeability",
                arms=(old, new),
            )
        )
    return found


def _of_both(rows: Sequence[Row], one: str, other: str) -> tuple[list[Row], list[float]]:
    """The rows of one arm whose reader judged the case in the other arm too, and the scores there."""
    by_place = {(row["reader"], row["case"], row["arm"]): row for row in rows}
    both = [row for (reader, case, arm), row in by_place.items() if arm == one and (reader, case, other) in by_place]
    return both, [by_place[row["reader"], row["case"], other]["score"] for row in both]


def _difference(
    question: Question, arms: tuple[str, str], both: Sequence[Row], second: Sequence[float], single: Sequence[str]
) -> Found:
    """single: the readers who have judged no case in both arms; the means of each arm have them all the same."""
    apart = [row["score"] - other for row, other in zip(both, second, strict=True)]
    widest = question.scale[1] - question.scale[0]
    found, note = mean(apart, both, -widest, widest), ""
    p = found.p
    if found.readers == 1:
        p = paired.difference(apart, [0.0] * len(apart), patients_of(both)).wilcoxon
        note = "p by Wilcoxon's signed rank test over patients"
    if single:
        note = "; ".join(filter(None, (note, f"{', '.join(single)} left out, who judged no case in both arms")))
    told: dict[str, Any] = {"p": p, "note": note, "drawn": "Differences"}
    return Found(
        [averaged(question.id, "difference of scores", minus(*arms), found, both, **told, measure="mean", arms=arms)]
    )


def _graded(
    question: Question, one: str, other: str, both: Sequence[Row], second: Sequence[float]
) -> tuple[Finding, list[tuple[float, float]]]:
    """The area of a pair of arms, and its curve."""
    first = _table(both, [row["score"] for row in both])
    result = visual_grading(first.T, _table(both, second).T, _patients(both))
    finding = averaged(
        question.id,
        "area under the visual grading curve",
        minus(one, other),
        Average(with_width(result.area), result.readers),
        both,
        note=f"above 0.5 where {one} is rated higher; {counted(result.readers, 'reader')}",
        drawn="Visual grading",
        null=0.5,
        measure="visual-grading",
        arms=(one, other),
    )
    return finding, [(float(x), float(y)) for x, y in result.curve]


def _table(rows: Sequence[Row], values: Sequence[float]) -> Values:
    """(cases, readers), NaN where a reader has not judged a case."""
    readers, cases = readers_of(rows), list(dict.fromkeys(row["case"] for row in rows))
    table = np.full((len(cases), len(readers)), np.nan)
    for row, value in zip(rows, values, strict=True):
        table[cases.index(row["case"]), readers.index(row["reader"])] = value
    return table


def _patients(rows: Sequence[Row]) -> list[str]:
    """Of the cases of `_table`."""
    return list({row["case"]: row["patient"] for row in rows}.values())
