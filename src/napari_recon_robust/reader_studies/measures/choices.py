"""Forced choices among two or more arms: how often each was chosen, and whether its position mattered."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ...statistics.estimate import Estimate
from ...statistics.rates import Rate
from ...statistics.readers.alternatives import Alternatives, alternatives
from ...statistics.readers.averages import Average
from ...statistics.readers.forced_choice import forced_choice
from ..plan import Plan
from ..questions import Question
from .found import (
    ONE_READER,
    Finding,
    Found,
    Row,
    arms_of,
    averaged,
    mean,
    minus,
    over_patients,
    pairs_of,
    patients_of,
    readers_of,
    scored,
    share,
)

_LETTERS = "ABCDEF"  # of the images, from the first position to the last


def choices(plan: Plan, question: Question, rows: Sequence[Row]) -> Found:
    """The shares of arms and positions, how arms differ, and the first arm's share if no position were preferred."""
    read = scored(rows)
    if not read:
        return Found()
    arms, patients = arms_of(plan), patients_of(read)
    chosen = [chosen_arm(row) for row in read]
    count = len(arms)
    named = arms[:1] if count == 2 else arms  # of two, the other one has the rest
    found = Found()
    for arm in named:
        taken, note = share([one == arm for one in chosen], read), f"chance is {1 / count:.3g}"
        found.findings.append(
            averaged(question.id, "share of choices", arm, taken, read, note=note, drawn="Choices", null=1 / count)
        )
    for one, other in pairs_of(plan):
        pair = one, other
        if count == 2:
            ahead, note, drawn = _twice(share([choice == one for choice in chosen], read)), "twice the share less 1", ""
        else:
            apart = [float(choice == one) - float(choice == other) for choice in chosen]
            ahead, note, drawn = mean(apart, read, -1.0, 1.0), "", "Differences of shares"
        told: dict[str, Any] = {"p": ahead.p, "note": note, "drawn": drawn}
        found.findings.append(
            averaged(
                question.id, "difference of shares", minus(*pair), ahead, read, **told, measure="preference", arms=pair
            )
        )
    found += _positions(question, arms, read, patients)
    for reader in readers_of(read):
        estimate = _of_reader(read, reader, arms[0])
        own = sum(row["reader"] == reader for row in read)
        units = "cases" if estimate.units == own else "patients"
        what = f"share of choices of {reader}"
        found.findings.append(Finding(question.id, what, arms[0], estimate, units, ONE_READER))
    return found


def chosen_arm(row: Row) -> str:
    """The name of the arm that a row's reader chose."""
    arms: Sequence[str] = row["arms"]
    return arms[row["answer"]["choice"]]


def _twice(taken: Average) -> Average:
    """The difference of the shares of two arms, of which one has what the other has not."""
    found = taken.estimate
    ends = None if found.interval is None else (2 * found.interval[0] - 1, 2 * found.interval[1] - 1)
    return replace(taken, estimate=Estimate(2 * found.value - 1, ends, found.units))


def _positions(question: Question, arms: Sequence[str], rows: Sequence[Row], patients: list[Any]) -> Found:
    choice = [row["answer"]["choice"] for row in rows]
    target = [row["arms"].index(arms[0]) for row in rows]
    result = alternatives(choice, target, len(arms), patients, [row["reader"] for row in rows])
    if len(arms) == 2:
        return _sides(question, arms[0], rows, choice, target, result)
    found = Found()
    for position, estimate in enumerate(result.chosen_at):
        p = result.bias if position == 0 else None
        note = (
            ""
            if p is None
            else f"p that no position is preferred, by Hotelling's or the sign test over {over_patients(rows)}"
        )
        what, average = f"share at position {_LETTERS[position]}", Average(estimate, result.readers)
        found.findings.append(averaged(question.id, what, "all", average, rows, p=p, note=note))
    note = f"of {len(arms)} alternatives, if {arms[0]} is the one to be found; 0 by chance"
    average = Average(result.sensitivity, result.readers)
    found.findings.append(averaged(question.id, "sensitivity d'", arms[0], average, rows, note=note))
    return found


def _sides(
    question: Question,
    first: str,
    rows: Sequence[Row],
    choice: Sequence[int],
    target: Sequence[int],
    result: Alternatives,
) -> Found:
    chosen = Average(result.chosen_at[0], result.readers)
    left = averaged(question.id, f"share at position {_LETTERS[0]}", "both", chosen, rows, note="0.5 without bias")
    if len(set(target)) < 2:
        remark = (
            f"{question.id}: {first} always stood at the same position, so that a position cannot be told from the arm."
        )
        return Found([left], remarks=[remark])
    corrected = forced_choice(np.array(choice) == 0, np.array(target) == 0, patients_of(rows))
    test, p = ("Fisher's", corrected.bias) if corrected.bias is not None else ("Hotelling's or the sign", result.bias)
    note = f"0.5 by chance; by signal detection, d' {corrected.sensitivity:.2f}"
    note += f"; p that no position is preferred, by {test} test" if p is not None else ""
    what, held = "share without preferring a position", over_patients(rows)
    return Found([left, Finding(question.id, what, first, corrected.unbiased, over=held, p=p, note=note)])


def _of_reader(rows: Sequence[Row], reader: str, first: str) -> Estimate:
    """Exact where the reader saw each patient once."""
    own = [row for row in rows if row["reader"] == reader]
    won = [chosen_arm(row) == first for row in own]
    if len(set(patients_of(own))) == len(own):
        rate = Rate(sum(won), len(own))
        return Estimate(rate.value, rate.interval, len(own))
    return share(won, own).estimate
