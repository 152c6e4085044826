"""What is found in the answers to a question: figures with intervals, curves, and sentences on what there is not."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...statistics import clustered
from ...statistics.estimate import Estimate, Interval
from ..plan import Plan
from ..questions import Question

Row = dict[str, Any]  # as `export.long_table` makes it


@dataclass(frozen=True)
class Finding:
    """One figure. what: the measure in words; arm: whose it is, or "first − second".

    units: how many independent units it rests on, and what they are. p: two-sided, where a test was done. note: what
    was left out, or why there is no interval. drawn: the title of the drawing it stands in, "" for none. null: where
    it would be without an effect, for that drawing.
    """

    question: str
    what: str
    arm: str
    estimate: Estimate
    units: str = "patients"
    p: float | None = None
    note: str = ""
    drawn: str = ""
    null: float = 0.0


@dataclass(frozen=True)
class Curve:
    """Lines of points from (0, 0) to (1, 1), one for each name, with the words at the axes."""

    question: str
    title: str
    across: str
    up: str
    lines: dict[str, list[tuple[float, float]]]


@dataclass
class Found:
    """All that was found. remarks: whole sentences."""

    findings: list[Finding] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def __add__(self, other: "Found") -> "Found":
        return Found(self.findings + other.findings, self.curves + other.curves, self.remarks + other.remarks)


Measure = Callable[[Plan, Question, Sequence[Row]], Found]


def arms_of(plan: Plan) -> list[str]:
    """The names of the arms."""
    return [arm.name for arm in plan.arms]


def pairs_of(plan: Plan) -> list[tuple[str, str]]:
    """Each pair of arms, in the order of the plan."""
    arms = arms_of(plan)
    return [(one, other) for at, one in enumerate(arms) for other in arms[at + 1 :]]


def scored(rows: Iterable[Row]) -> list[Row]:
    """The rows of those who could judge."""
    return [row for row in rows if row["score"] is not None]


def readers_of(rows: Iterable[Row]) -> list[str]:
    """The names of the readers."""
    return sorted({row["reader"] for row in rows})


def patients_of(rows: Iterable[Row]) -> list[str]:
    """The patient of each row."""
    return [row["patient"] for row in rows]


def mean(values: Sequence[float], patients: Sequence[Hashable]) -> Estimate:
    """The mean over patients with Student's interval; none where all patients have the same mean.

    Without any spread Student's interval would have no width, and claim what nobody knows.
    """
    return with_width(clustered.mean(values, patients))


def with_width(estimate: Estimate, low: float = float("-inf"), high: float = float("inf")) -> Estimate:
    """The same with an interval that is cut at the ends of the scale, and without one that has no width."""
    ends = estimate.interval
    if ends is None or ends[1] - ends[0] <= 1e-12 * max(abs(estimate.value), 1.0):
        return Estimate(estimate.value, None, estimate.units)
    within: Interval = (max(ends[0], low), min(ends[1], high))
    return Estimate(estimate.value, within, estimate.units)
