"""From the answers of a reader study to figures with their intervals.

The unit is the patient: answers of one patient, whether of several arms or cases, are averaged or left out together.
Readers are random too where a method for it is known, and each figure says over what its interval holds. Answers of a
pilot are never analysed, nor those to cases for training.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ..ground.errors import InputError
from .export import left_out
from .measures.agreement import agreement
from .measures.choices import choices
from .measures.found import OVER_BOTH, Curve, Finding, Found, Measure, Row
from .measures.free_response import free_response
from .measures.lesions import lesions
from .measures.rankings import rankings
from .measures.scores import scores
from .measures.times import not_judged, times
from .plan import Plan

_KINDS: dict[str, Measure] = {
    "forced-choice": choices,
    "ranking": rankings,
    "likert": scores,
    "structures": scores,
    "lesion": lesions,
    "free-response": free_response,
}


@dataclass(frozen=True)
class Analysis:
    """All figures of a study, and what they say of its primary endpoint.

    readers: how many gave answers. remarks: whole sentences on what does not count, or has no figure or interval, and
    why. unread: who has presentations left to read, "" where all is read.
    """

    findings: tuple[Finding, ...]
    endpoint: str
    answers: int
    cannot_judge: int
    readers: int
    curves: tuple[Curve, ...] = ()
    remarks: tuple[str, ...] = ()
    unread: str = ""


def analyse(plan: Plan, rows: Sequence[Row], unread: str = "") -> Analysis:
    """Analyse the rows of `export.long_table`. Raises InputError for a pilot, or where nothing was read yet.

    unread: who has presentations left to read, as `export.unread` says it.
    """
    if plan.design.pilot:
        raise InputError("the answers of a pilot are never analysed; freeze a study that is none.")
    counted = [row for row in rows if row["purpose"] != "training"]
    if not any(row["score"] is not None for row in counted):
        raise InputError("nothing was read yet; there is nothing to analyse.")
    found = Found(remarks=list(filter(None, [left_out(counted)])))
    for question in plan.questions:
        asked = [row for row in counted if row["question"] == question.id]
        read = [row for row in asked if row["purpose"] == "reading"]
        found += _KINDS[question.kind](plan, question, read)
        found += not_judged(plan, question, read) + agreement(plan, question, asked)
    found += times(plan, [row for row in counted if row["purpose"] == "reading"])
    found.remarks += filter(None, map(_alike, found.findings))
    if found.findings and all(item.estimate.interval is None for item in found.findings):
        found.remarks.append(_NO_INTERVALS)
    return Analysis(
        findings=tuple(found.findings),
        endpoint=_endpoint(plan, found.findings),
        answers=len(counted),
        cannot_judge=sum(row["cannot_judge"] for row in counted),
        readers=len({row["reader"] for row in counted}),
        curves=tuple(found.curves),
        remarks=tuple(dict.fromkeys(found.remarks)),
        unread=unread,
    )


def _endpoint(plan: Plan, findings: Sequence[Finding]) -> str:
    """What the interval says of the primary endpoint, and no more."""
    endpoint = plan.endpoint
    if endpoint is None:
        return "The plan names no primary endpoint, so all figures are exploratory."
    one, other = endpoint.arms
    asked = [item for item in findings if (item.question, item.measure) == (endpoint.question, endpoint.measure)]
    chosen = next((item for item in asked if set(item.arms) == {one, other}), None)
    if chosen is None:
        return f"The primary endpoint has no figure: too few answers compare {one} with {other}."
    if chosen.estimate.interval is None:
        return " ".join(filter(None, [_NO_INTERVAL, _alike(chosen)]))
    if endpoint.measure == "interchangeability":
        return _interchangeable(chosen, endpoint.margin)
    sign, null = 1 if chosen.arms == endpoint.arms else -1, chosen.null
    ends = sorted(sign * (end - null) for end in chosen.estimate.interval)
    words = f"Primary endpoint, {chosen.what}, {one} against {other}: {sign * (chosen.estimate.value - null):+.3g} "
    words += f"[{ends[0]:+.3g}, {ends[1]:+.3g}] over {chosen.over}, margin {endpoint.margin:g}. "
    question = next(item for item in plan.questions if item.id == endpoint.question)
    low, high = ends if question.more_is_better else (-ends[1], -ends[0])  # of how far `one` is ahead
    better = one if low > 0 else other if high < 0 else ""
    if -endpoint.margin < low and high < endpoint.margin:
        words += "The interval lies within the margin on both sides: equivalent by the margin"
        return words + (f", and it excludes 0: {better} is better, by less than the margin." if better else ".")
    if better:
        return words + f"The interval excludes 0: {better} is better."
    # One interval carries both directions: whenever it holds the truth, all that is read from it is true.
    if low > -endpoint.margin:
        return words + f"{one} is not inferior to {other} by the margin."
    if high < endpoint.margin:
        return words + f"{other} is not inferior to {one} by the margin."
    return words + "The interval is too wide to decide: neither a difference nor equivalence is shown."


def _alike(item: Finding) -> str:
    """In a sentence, the sign test of a difference that is the same in all patients; "" where it is none of these.

    Nothing varies then, and it has no interval, though many patients who differ alike are no chance.
    """
    estimate, patients = item.estimate, item.estimate.units
    of_means = item.measure in ("mean", "preference")  # over patients, which are 0 without an effect
    if not of_means or not item.over or estimate.interval is not None or not estimate.value:
        return ""
    words = f"{item.question}: {item.what}, {item.arm}, is {estimate.value:+.3g} in all {patients} patients, so that "
    words += f"it has no interval; the exact sign test over patients gives p = {2.0 ** (1 - patients):.3g}"
    return words + (" for just these readers." if item.over == OVER_BOTH else " for this reader.")


_NO_INTERVALS = "No figure has an interval: there are fewer than three patients, or no answers vary."
_NO_INTERVAL = (
    "The primary endpoint has no interval: there are too few patients or readers, or their answers do not vary."
)


def _interchangeable(item: Finding, margin: float) -> str:
    words = f"Primary endpoint, {item.what}, {item.arm}: {item.words} over {item.over}, margin {margin:g}. "
    if item.estimate.interval is not None and item.estimate.interval[1] < margin:
        return words + "Its upper end lies below the margin: interchangeable by the margin."
    return words + "Its upper end does not lie below the margin: interchangeability is not shown."
