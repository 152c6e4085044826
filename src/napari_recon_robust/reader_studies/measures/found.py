"""What is found in the answers to a question: figures with intervals, curves, and sentences on what there is not."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

from ...ground.numbers import counted
from ...statistics.estimate import FEWEST, TINY, Estimate
from ...statistics.readers.averages import Average, average
from ...statistics.readers.shares import average_share
from ..plan import EndpointMeasure, Plan
from ..questions import Question

Row = dict[str, Any]  # as `export.long_table` makes it

OVER_BOTH = "readers and patients"  # both are taken for a sample of those whom the result is to hold for
READERS_FIXED = "patients; readers fixed"  # it holds for patients like these, and just these readers
ONE_READER = "patients; one reader"
_NOUGHT = 5e-5  # what is written as 0


@dataclass(frozen=True)
class Finding:
    """One figure. what: the measure in words; arm: whose it is, or "first − second".

    units: how many independent units it rests on, and what they are. over: what its interval and its p are taken over,
    `OVER_BOTH`, `READERS_FIXED` or `ONE_READER`. p: two-sided, where a test was done. note: what was left out, or why
    there is no interval. drawn: the title of the drawing it stands in, "" for none. null: where it would be without an
    effect, for that drawing and an endpoint. measure, arms: which measure of an endpoint it is, and of which two arms;
    None and () for a figure that none is read from.
    """

    question: str
    what: str
    arm: str
    estimate: Estimate
    units: str = "patients"
    over: str = ""
    p: float | None = None
    note: str = ""
    drawn: str = ""
    null: float = 0.0
    arms: tuple[str, ...] = ()
    measure: EndpointMeasure | None = None

    @property
    def words(self) -> str:
        """The figure with its interval, to three digits; ends next to 0, as log odds have them, are 0."""
        return self.estimate.text(lambda value: "0" if abs(value) < _NOUGHT else f"{value:.3g}")

    @property
    def rests_on(self) -> str:
        """How many independent units it rests on, such as "6 patients"."""
        return counted(self.estimate.units, self.units.removesuffix("s"))

    @property
    def holds_over(self) -> str:
        """What its interval and its p are taken over; "" where there is neither."""
        return self.over if self.estimate.interval is not None or self.p is not None else ""


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
    return list(combinations(arms_of(plan), 2))


def minus(*arms: str) -> str:
    """One arm, or the difference of two, in words."""
    return " − ".join(arms)


def scored(rows: Iterable[Row]) -> list[Row]:
    """The rows of those who could judge."""
    return [row for row in rows if row["score"] is not None]


def readers_of(rows: Iterable[Row]) -> list[str]:
    """The names of the readers."""
    return sorted({row["reader"] for row in rows})


def patients_of(rows: Iterable[Row]) -> list[str]:
    """The patient of each row."""
    return [row["patient"] for row in rows]


def mean(
    values: Sequence[float], rows: Sequence[Row], low: float = float("-inf"), high: float = float("inf")
) -> Average:
    """The mean over readers and patients of a value for each row; no interval and no p where all are the same.

    Without any spread the interval would have no width, and claim what nobody knows. low, high: the ends of the scale,
    at which the interval is cut.
    """
    found = average(values, [row["reader"] for row in rows], patients_of(rows))
    estimate = with_width(found.estimate, low, high)
    return Average(estimate, found.readers, None if estimate.interval is None else found.p)


def share(values: Sequence[float], rows: Sequence[Row]) -> Average:
    """The share of rows for which it is so, over readers and patients."""
    return average_share(values, [row["reader"] for row in rows], patients_of(rows))


def over(readers: int) -> str:
    """What the interval of a figure is taken over that is averaged over so many readers."""
    return (OVER_BOTH if readers > 1 else ONE_READER) if readers else ""


def over_patients(rows: Iterable[Row]) -> str:
    """What an interval is taken over that knows of patients alone."""
    return READERS_FIXED if len(readers_of(rows)) > 1 else ONE_READER


def averaged(
    question: str,
    what: str,
    arm: str,
    found: Average,
    rows: Sequence[Row],
    *,
    p: float | None = None,
    note: str = "",
    drawn: str = "",
    null: float = 0.0,
    arms: tuple[str, ...] = (),
    measure: EndpointMeasure | None = None,
) -> Finding:
    """The finding of an average over readers and patients, from these rows; it says which readers were left out."""
    note = "; ".join(filter(None, (note, _left_out(rows))))
    return Finding(
        question,
        what,
        arm,
        found.estimate,
        over=over(found.readers),
        p=p,
        note=note,
        drawn=drawn,
        null=null,
        arms=arms,
        measure=measure,
    )


def _left_out(rows: Sequence[Row]) -> str:
    """In words, who read fewer than 3 patients where others read more."""
    counts = {reader: len({row["patient"] for row in rows if row["reader"] == reader}) for reader in readers_of(rows)}
    few = [reader for reader, count in counts.items() if count < FEWEST <= max(counts.values())]
    return f"{', '.join(few)} left out, who judged fewer than {FEWEST} patients" if few else ""


def with_width(estimate: Estimate, low: float = float("-inf"), high: float = float("inf")) -> Estimate:
    """The same with an interval that is cut at the ends of the scale, and without one that has no width.

    What is 0 but for rounding is 0.
    """
    found = replace(estimate, value=_settled(estimate.value)).with_width()
    if found.interval is None:
        return found
    return replace(found, interval=(_settled(found.interval[0]), _settled(found.interval[1]))).within(low, high)


def _settled(value: float) -> float:
    return 0.0 if abs(value) < TINY else value
