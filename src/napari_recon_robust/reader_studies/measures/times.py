"""How long readers took, and what they could not judge."""

from collections.abc import Sequence

import numpy as np

from ...statistics.estimate import Estimate
from ...statistics.readers.averages import Average
from ..plan import Plan
from ..questions import Question
from .found import Found, Row, arms_of, averaged, mean, share


def times(plan: Plan, rows: Sequence[Row]) -> Found:
    """Seconds from the first sight until all is answered for the first time, and those of revisions by themselves.

    They are no times of diagnosis. Their logarithm is averaged.
    """
    return _averaged(plan, rows, "seconds", "seconds to the answer, geometric mean") + _averaged(
        plan, rows, "revision_seconds", "seconds of a revision, geometric mean"
    )


def _averaged(plan: Plan, rows: Sequence[Row], column: str, what: str) -> Found:
    """One time of each presentation, that of its last question."""
    timed = sorted((row for row in rows if row[column]), key=lambda row: float(row[column]))
    last = {(row["reader"], row["sitting"], row["number"]): row for row in timed}
    found = Found()
    for arm in ["all"] if plan.at_once else arms_of(plan):
        chosen = [row for row in last.values() if plan.at_once or row["arm"] == arm]
        if not chosen:
            continue
        logarithm = mean([float(np.log(row[column])) for row in chosen], chosen)
        estimate = logarithm.estimate
        ends = None if estimate.interval is None else np.exp(estimate.interval).tolist()
        seconds = Estimate(float(np.exp(estimate.value)), None if ends is None else (ends[0], ends[1]), estimate.units)
        found.findings.append(averaged("", what, arm, Average(seconds, logarithm.readers), chosen))
    return found


def not_judged(plan: Plan, question: Question, rows: Sequence[Row]) -> Found:
    """How often readers could not judge, by arm; nothing where they always could."""
    found = Found()
    if not any(row["cannot_judge"] for row in rows):
        return found
    for arm in ["all"] if plan.at_once else arms_of(plan):
        if chosen := [row for row in rows if plan.at_once or row["arm"] == arm]:
            average = share([row["cannot_judge"] for row in chosen], chosen)
            found.findings.append(averaged(question.id, "share of “cannot judge”", arm, average, chosen))
    return found
