"""Forced choices among two or more arms: how often each was chosen, and whether its position mattered."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...statistics.estimate import Estimate
from ...statistics.rates import Rate
from ...statistics.readers.alternatives import Alternatives, alternatives
from ...statistics.readers.forced_choice import forced_choice
from ...statistics.readers.shares import share
from ..plan import Plan
from ..questions import Question
from .found import Finding, Found, Row, arms_of, mean, pairs_of, patients_of, readers_of, scored


def choices(plan: Plan, question: Question, rows: Sequence[Row]) -> Found:
    """The share of each arm, of each position, and what the first arm's would be if no reader preferred a position."""
    read = scored(rows)
    if not read:
        return Found()
    arms, patients = arms_of(plan), patients_of(read)
    chosen = [chosen_arm(row) for row in read]
    count = len(arms)
    named = arms[:1] if count == 2 else arms  # of two, the other one has the rest
    found = Found()
    for arm in named:
        estimate = share([one == arm for one in chosen], patients)
        note = f"chance is {1 / count:.3g}"
        found.findings.append(
            Finding(question.id, "share of choices", arm, estimate, note=note, drawn="Choices", null=1 / count)
        )
    for one, other in pairs_of(plan) if count > 2 else ():
        apart = [float(name == one) - float(name == other) for name in chosen]
        estimate = mean(apart, patients)
        found.findings.append(
            Finding(question.id, "difference of shares", f"{one} − {other}", estimate, drawn="Differences of shares")
        )
    found += _positions(question, arms, read, patients)
    for reader in readers_of(read):
        estimate = _of_reader(read, reader, arms[0])
        own = sum(row["reader"] == reader for row in read)
        units = "cases" if estimate.units == own else "patients"
        found.findings.append(Finding(question.id, f"share of choices of {reader}", arms[0], estimate, units))
    return found


def chosen_arm(row: Row) -> str:
    """The name of the arm that a row's reader chose."""
    arms: Sequence[str] = row["arms"]
    return arms[row["answer"]["choice"]]


def _positions(question: Question, arms: Sequence[str], rows: Sequence[Row], patients: list[Any]) -> Found:
    choice = [row["answer"]["choice"] for row in rows]
    target = [row["arms"].index(arms[0]) for row in rows]
    result = alternatives(choice, target, len(arms), patients)
    if len(arms) == 2:
        return _sides(question, arms[0], choice, target, patients, result)
    found = Found()
    for position, estimate in enumerate(result.chosen_at):
        note = "p that no position is preferred, by Hotelling's test over patients" if position == 0 else ""
        p = result.bias if position == 0 else None
        found.findings.append(
            Finding(question.id, f"share at position {position + 1}", "all", estimate, p=p, note=note if p else "")
        )
    note = f"of {len(arms)} alternatives, if {arms[0]} is the one to be found; 0 by chance"
    found.findings.append(Finding(question.id, "sensitivity d'", arms[0], result.sensitivity, note=note))
    return found


def _sides(
    question: Question,
    first: str,
    choice: Sequence[int],
    target: Sequence[int],
    patients: list[Any],
    result: Alternatives,
) -> Found:
    left = Finding(question.id, "share at the left", "both", result.chosen_at[0], note="0.5 without bias")
    if len(set(target)) < 2:
        remark = f"{question.id}: {first} always stood at the same side, so that a side cannot be told from the arm."
        return Found([left], remarks=[remark])
    corrected = forced_choice(np.array(choice) == 0, np.array(target) == 0, patients)
    test, p = ("Fisher's", corrected.bias) if corrected.bias is not None else ("Hotelling's", result.bias)
    note = f"0.5 by chance; by signal detection, d' {corrected.sensitivity:.2f}"
    note += f"; p that no side is preferred, by {test} test" if p is not None else ""
    what = "share without preferring a side"
    return Found([left, Finding(question.id, what, first, corrected.unbiased, p=p, note=note)])


def _of_reader(rows: Sequence[Row], reader: str, first: str) -> Estimate:
    """Exact where the reader saw each patient once."""
    own = [row for row in rows if row["reader"] == reader]
    won = [chosen_arm(row) == first for row in own]
    if len(set(patients_of(own))) == len(own):
        rate = Rate(sum(won), len(own))
        return Estimate(rate.value, rate.interval, len(own))
    return share(won, patients_of(own))
