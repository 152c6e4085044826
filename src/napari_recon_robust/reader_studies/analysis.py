"""From the answers of a reader study to figures with their intervals.

The unit is the patient: answers of one patient, whether of several readers, arms or cases, are averaged or left out
together. Answers of a pilot are never analysed, nor those to cases for training.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..ground.errors import InputError
from ..statistics import clustered, paired
from ..statistics.estimate import FEWEST, Estimate, Values
from ..statistics.rates import Rate
from ..statistics.readers.agreement import fleiss_kappa, intraclass_correlation, kappa
from ..statistics.readers.forced_choice import forced_choice
from ..statistics.readers.obuchowski_rockette import Comparison, compare
from ..statistics.readers.roc import areas, covariance, jackknife_covariance
from .plan import Plan
from .questions import ForcedChoice, Lesion, Question

Row = dict[str, Any]
_Kind = Callable[[Plan, Question, Sequence[Row]], list["Finding"]]


@dataclass(frozen=True)
class Finding:
    """One figure. what: the measure in words; arm: whose it is, or "first − second".

    units: how many independent units it rests on, and what they are. p: two-sided, where a test was done. note: what
    was left out, or why there is no interval.
    """

    question: str
    what: str
    arm: str
    estimate: Estimate
    units: str = "patients"
    p: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Analysis:
    """All figures of a study, and what they say of its primary endpoint."""

    findings: tuple[Finding, ...]
    endpoint: str
    answers: int
    cannot_judge: int


def analyse(plan: Plan, rows: Sequence[Row]) -> Analysis:
    """Analyse the rows of `export.long_table`. Raises InputError for a pilot, or where nothing was read yet."""
    if plan.design.pilot:
        raise InputError("the answers of a pilot are never analysed; freeze a study that is none.")
    counted = [row for row in rows if row["purpose"] != "training"]
    if not any(row["score"] is not None for row in counted):
        raise InputError("nothing was read yet; there is nothing to analyse.")
    findings: list[Finding] = []
    for question in plan.questions:
        asked = [row for row in counted if row["question"] == question.id]
        read = [row for row in asked if row["purpose"] == "reading"]
        kind: _Kind = _scores
        if isinstance(question, ForcedChoice | Lesion):
            kind = _choices if isinstance(question, ForcedChoice) else _lesions
        findings += [*kind(plan, question, read), *_agreement(plan, question, asked)]
    findings += _times(plan, [row for row in counted if row["purpose"] == "reading"])
    missing = sum(row["cannot_judge"] for row in counted)
    return Analysis(tuple(findings), _endpoint(plan, findings), len(counted), missing)


# ---------------------------------------------------------------- by kind of question


def _scores(plan: Plan, question: Question, rows: Sequence[Row]) -> list[Finding]:
    """The mean of each arm, and each paired difference: the same reader and case in two arms."""
    found = [
        Finding(question.id, "mean score", arm, clustered.mean(*_values(chosen)))
        for arm in _arms(plan)
        if (chosen := [row for row in _scored(rows) if row["arm"] == arm])
    ]
    for one, other in _pairs(plan):
        by_place = {(row["reader"], row["case"], row["arm"]): row for row in _scored(rows)}
        both = [
            row for (reader, case, arm), row in by_place.items() if arm == one and (reader, case, other) in by_place
        ]
        if not both:
            continue
        second = [by_place[row["reader"], row["case"], other]["score"] for row in both]
        first, patients = _values(both)
        result = paired.difference(first, second, patients)
        note = "p by Wilcoxon's signed rank test over patients" if result.wilcoxon is not None else ""
        found.append(
            Finding(
                question.id, "difference of scores", f"{one} − {other}", result.student, p=result.wilcoxon, note=note
            )
        )
    return found


def _choices(plan: Plan, question: Question, rows: Sequence[Row]) -> list[Finding]:
    """How often the first arm was chosen, and how often the image at the left, whatever it was."""
    scored = _scored(rows)
    if not scored:
        return []
    first = plan.arms[0].name
    values, patients = _values(scored)
    left = np.array([float((row["arm"] == first) == bool(row["score"])) for row in scored])
    return [
        Finding(question.id, "share of choices", first, clustered.mean(values, patients), note="chance is 0.5"),
        Finding(question.id, "share at the left", "both", clustered.mean(left, patients), note="0.5 without bias"),
        *_without_bias(question, first, left, scored, patients),
        *(
            Finding(question.id, f"share of choices of {reader}", first, _exact(scored, reader), "cases")
            for reader in sorted({row["reader"] for row in scored})
        ),
    ]


def _without_bias(
    question: Question, first: str, left: Values, rows: Sequence[Row], patients: list[Any]
) -> list[Finding]:
    """What the share would be if no reader preferred a side; nothing while the first arm stood on one side only."""
    target = [row["arm"] == first for row in rows]
    if all(target) or not any(target):
        return []
    found = forced_choice(left > 0, target, patients)
    note = "0.5 by chance; by signal detection, d' " + f"{found.sensitivity:.2f}"
    return [Finding(question.id, "share without preferring a side", first, found.unbiased, p=found.bias, note=note)]


def _exact(rows: Sequence[Row], reader: str) -> Estimate:
    own = [row for row in rows if row["reader"] == reader]
    rate = Rate(int(sum(row["score"] for row in own)), len(own))
    independent = len({row["patient"] for row in own}) == len(own)
    return Estimate(rate.value, rate.interval if independent else None, len(own))


def _lesions(plan: Plan, question: Question, rows: Sequence[Row]) -> list[Finding]:
    """Area under the ROC curve, sensitivity and specificity, by Obuchowski and Rockette over readers and cases."""
    table = _Ratings.of(plan, rows)
    if table is None:
        return []
    found: list[Finding] = []
    for what, figures, errors in table.figures():
        found += _compared(plan, question, what, figures, errors, table.note)
    return found


def _compared(plan: Plan, question: Question, what: str, figures: Values, errors: Values, note: str) -> list[Finding]:
    arms = _arms(plan)
    if min(figures.shape) < 2:
        few = "; ".join(filter(None, ["too few readers or arms for an interval", note]))
        return [
            Finding(question.id, what, arm, Estimate(float(of_arm.mean()), None, of_arm.size), "readers", note=few)
            for arm, of_arm in zip(arms, figures, strict=True)
        ]
    result: Comparison = compare(figures, errors)
    single = [
        Finding(question.id, what, arm, estimate, "readers", note=note)
        for arm, estimate in zip(arms, result.figures, strict=True)
    ]
    return single + [
        Finding(question.id, what, f"{arms[one]} − {arms[other]}", estimate, "readers", result.p, note)
        for (one, other), estimate in result.differences.items()
    ]


@dataclass(frozen=True)
class _Ratings:
    """What all readers said in all arms of the cases that all of them could judge."""

    values: Values  # (arms, readers, cases), 0 to 100
    truth: np.ndarray
    patients: list[str]
    note: str

    @classmethod
    def of(cls, plan: Plan, rows: Sequence[Row]) -> "_Ratings | None":
        scored = {(row["arm"], row["reader"], row["case"]): row["score"] for row in _scored(rows)}
        readers = sorted({row["reader"] for row in rows})
        known = [case for case in plan.read if case.lesion is not None]
        whole = [
            case for case in known if all((arm, reader, case.id) in scored for arm in _arms(plan) for reader in readers)
        ]
        truth = np.array([bool(case.lesion) for case in whole])
        if not whole or truth.all() or not truth.any():
            return None
        values = np.array(
            [[[scored[arm, reader, case.id] for case in whole] for reader in readers] for arm in _arms(plan)]
        )
        missing = len(known) - len(whole)
        note = f"{missing} cases left out that not all readers have judged in all arms" if missing else ""
        return cls(values, truth, [case.patient for case in whole], note)

    def figures(self) -> Iterable[tuple[str, Values, Values]]:
        """Each measure: its name, its figures (arms, readers), and their covariance."""
        clusters = self.patients if len(set(self.patients)) < len(self.patients) else None
        enough = len(set(self.patients)) >= FEWEST and min(self._patients_of(True), self._patients_of(False)) >= 2
        if not enough:
            return
        errors = covariance(self.values, self.truth, patients=clusters)
        yield "area under the ROC curve", areas(self.values, self.truth), errors
        said = self.values > 50
        for what, right, of in (
            ("sensitivity", said, self.truth),
            ("specificity", ~said, ~self.truth),
        ):
            yield what, right[..., of].mean(2), self._jackknife(right[..., of], of)

    def _patients_of(self, truth: bool) -> int:
        return len({patient for patient, one in zip(self.patients, self.truth, strict=True) if one == truth})

    def _jackknife(self, right: np.ndarray, of: np.ndarray) -> Values:
        """Over the patients who have such cases."""
        patients = np.array(self.patients)[of]
        left = [right[..., patients != patient].mean(2).ravel() for patient in dict.fromkeys(patients)]
        return jackknife_covariance(np.array(left))


# ---------------------------------------------------------------- of all kinds


def _agreement(plan: Plan, question: Question, rows: Sequence[Row]) -> list[Finding]:
    """Between readers: ICC, or Fleiss' kappa of choices, in each arm. Within a reader: kappa of repeats."""
    found: list[Finding] = []
    scored = _scored(rows)
    reading = [row for row in scored if row["purpose"] == "reading"]
    readers = sorted({row["reader"] for row in reading})
    for arm in ["both"] if isinstance(question, ForcedChoice) else _arms(plan):
        by_place = {(row["case"], row["reader"]): row["score"] for row in reading if arm in ("both", row["arm"])}
        cases = [case for case in plan.read if all((case.id, reader) in by_place for reader in readers)]
        if len(readers) < 2 or len(cases) < 2:
            continue
        ratings = np.array([[by_place[case.id, reader] for reader in readers] for case in cases])
        if isinstance(question, ForcedChoice):
            estimate, what = fleiss_kappa(ratings, [case.patient for case in cases]), "Fleiss' kappa between readers"
        else:
            estimate, what = intraclass_correlation(ratings), "ICC(2,1) between readers"
        found.append(Finding(question.id, what, arm, estimate, "cases"))
    first = {(row["reader"], row["case"], frozenset((row["arm"], row["other_arm"]))): row for row in reading}
    again = [row for row in scored if row["purpose"] == "repeat"]
    both = [(first.get((row["reader"], row["case"], frozenset((row["arm"], row["other_arm"])))), row) for row in again]
    pairs = [(one, other) for one, other in both if one is not None]
    if len(pairs) >= 2:
        estimate = kappa(
            [one["score"] for one, _ in pairs],
            [other["score"] for _, other in pairs],
            "none" if isinstance(question, ForcedChoice) else "quadratic",
            [one["patient"] for one, _ in pairs],
        )
        found.append(Finding(question.id, "kappa of a reader with himself", "all", estimate))
    return found


def _times(plan: Plan, rows: Sequence[Row]) -> list[Finding]:
    """Seconds from the first sight to the answer; no time of diagnosis. Its logarithm is averaged."""
    once = {(row["reader"], row["sitting"], row["number"]): row for row in rows if row["seconds"]}
    found = []
    for arm in ["both"] if plan.pairs else _arms(plan):
        chosen = [row for row in once.values() if arm in ("both", row["arm"])]
        if not chosen:
            continue
        estimate = clustered.mean([np.log(row["seconds"]) for row in chosen], [row["patient"] for row in chosen])
        ends = None if estimate.interval is None else np.exp(estimate.interval).tolist()
        seconds = Estimate(float(np.exp(estimate.value)), None if ends is None else (ends[0], ends[1]), estimate.units)
        found.append(Finding("", "seconds to the answer, geometric mean", arm, seconds))
    return found


_MEASURES = {
    "preference": "share of choices",
    "mean": "difference of scores",
    "auc": "area under the ROC curve",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
}


def _endpoint(plan: Plan, findings: Sequence[Finding]) -> str:
    """What the interval says of the primary endpoint, and no more."""
    endpoint = plan.endpoint
    if endpoint is None:
        return "The plan names no primary endpoint, so all figures are exploratory."
    one, other = endpoint.arms
    wanted = {f"{one} − {other}": 1.0, f"{other} − {one}": -1.0}
    what, null = _MEASURES[endpoint.measure], 0.0
    if endpoint.measure == "preference":
        first = plan.arms[0].name
        wanted, null = {first: 1.0 if one == first else -1.0}, 0.5
    chosen = [
        item for item in findings if (item.question, item.what) == (endpoint.question, what) and item.arm in wanted
    ]
    if not chosen or chosen[0].estimate.interval is None:
        return "The primary endpoint has no interval: there are too few patients or readers."
    sign = wanted[chosen[0].arm]
    ends = sorted(sign * (end - null) for end in chosen[0].estimate.interval)
    words = f"Primary endpoint, {what}, {one} against {other}: {sign * (chosen[0].estimate.value - null):+.3g} "
    words += f"[{ends[0]:+.3g}, {ends[1]:+.3g}], margin {endpoint.margin:g}. "
    if -endpoint.margin < ends[0] and ends[1] < endpoint.margin:
        return words + "The interval lies within the margin on both sides: equivalent by the margin."
    if ends[0] > 0 or ends[1] < 0:
        better = one if ends[0] > 0 else other
        return words + f"The interval excludes 0: {better} is ahead."
    if ends[0] > -endpoint.margin:
        return words + f"{one} is not inferior to {other} by the margin."
    return words + "The interval allows a difference beyond the margin either way or none: nothing is shown."


def _arms(plan: Plan) -> list[str]:
    return [arm.name for arm in plan.arms]


def _pairs(plan: Plan) -> list[tuple[str, str]]:
    arms = _arms(plan)
    return [(one, other) for at, one in enumerate(arms) for other in arms[at + 1 :]]


def _scored(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row["score"] is not None]


def _values(rows: Sequence[Row]) -> tuple[list[float], list[str]]:
    return [row["score"] for row in rows], [row["patient"] for row in rows]
