"""Detection of lesions whose truth is known: areas under the ROC curve, sensitivity, specificity, and right places."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from ...ground.errors import InputError
from ...ground.numbers import counted
from ...statistics.estimate import FEWEST, Estimate, Values
from ...statistics.readers.jackknife import patients_read
from ...statistics.readers.obuchowski_rockette import ENOUGH, compare, compare_for_reader, figure
from ...statistics.readers.roc import areas, covariance, rarer
from ...statistics.readers.shares import mean_share, shares
from ..plan import EndpointMeasure, Plan
from ..questions import Question, asks_place
from ..ratings import FEWEST_OF_A_KIND, Ratings
from .found import Curve, Finding, Found, Row, arms_of, averaged, minus, over, scored, share, with_width
from .scores import replaceable

WORDS: dict[EndpointMeasure, str] = {
    "auc": "area under the ROC curve",
    "wafroc": "area under the wAFROC curve",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
}
NOBODY = "no reader has rated two cases with a lesion and two without in all arms"
_FEW_READERS = (
    "who are few: equal arms are found to differ in up to 11% of such studies, not in 5%, so read the p with care."
)
_SURE = 50  # a rating above is a lesion that was seen


def lesions(plan: Plan, question: Question, rows: Sequence[Row]) -> Found:
    """Areas, sensitivity and specificity, by Obuchowski and Rockette over readers and cases."""
    found = detected(plan, question, rows)
    ratings, note = _ratings(plan, rows)
    if ratings is not None:
        found += _rates(question.id, ratings, note)
    called = [{**row, "score": row["score"] > _SURE} for row in scored(rows)]
    return found + _placed(plan, question, rows) + replaceable(plan, question, called)


def detected(plan: Plan, question: Question, rows: Sequence[Row]) -> Found:
    """The area under the ROC curve of each arm, compared."""
    ratings, note = _ratings(plan, rows)
    if ratings is None:
        return Found(remarks=[f"{question.id}: no {WORDS['auc']}: {note}."])
    return roc(question.id, ratings, note)


def roc(question: str, ratings: Ratings, note: str = "") -> Found:
    """The areas of paired ratings, and the curves themselves, averaged over readers. note: what was left out."""
    figures = areas(ratings.values, ratings.truth)
    errors = _errors(ratings, partial(covariance, ratings.values, ratings.truth, patients=ratings.patients))
    units = rarer(ratings.read, ratings.truth, ratings.patients)
    found = compared(question, ratings.arms, "auc", figures, errors, _counted(ratings, note), units)
    lines = {arm: _roc(values, ratings.truth) for arm, values in zip(ratings.arms, ratings.values, strict=True)}
    found.curves.append(Curve(question, "ROC curves, averaged over readers", "1 − specificity", "sensitivity", lines))
    return found


def _rates(question: str, ratings: Ratings, note: str) -> Found:
    """Sensitivity and specificity; a rating above 50 says that there is a lesion."""
    said = np.where(np.isnan(ratings.values), np.nan, ratings.values > _SURE)
    found = Found()
    kinds: tuple[tuple[EndpointMeasure, Values, NDArray[np.bool_]], ...] = (
        ("sensitivity", said, ratings.truth),
        ("specificity", 1 - said, ~ratings.truth),
    )
    for measure, told, of in kinds:
        right, patients = told[..., of], np.array(ratings.patients)[of]
        errors = _errors(ratings, partial(_errors_of_shares, right, patients))
        figures, units = np.nanmean(right, 2), patients_read(ratings.read[:, of], patients.tolist())
        alone = None if isinstance(errors, str) else _alone(right, errors, patients)
        found += compared(question, ratings.arms, measure, figures, errors, _counted(ratings, note), units, alone)
    return found


def _alone(right: Values, errors: Values, patients: NDArray[np.str_]) -> list[Estimate]:
    """The share of right answers (arms, readers, cases) in each arm."""
    arms, readers = right.shape[:2]
    blocks = errors.reshape(arms, readers, arms, readers)
    return [mean_share(right[arm], blocks[arm, :, arm], patients) for arm in range(arms)]


def compared(
    question: str,
    arms: Sequence[str],
    measure: EndpointMeasure,
    figures: Values,
    errors: Values | str,
    note: str,
    units: float,
    alone: Sequence[Estimate] | None = None,
) -> Found:
    """Findings from a figure (arms, readers) of between 0 and 1, which `WORDS` names.

    errors: the covariance of its errors, or in a sentence why there is none; then there are no intervals. units: on how
    many patients of a reader it rests, of the rarer kind where there are two. alone: of each arm with an interval of
    its own, instead of that by log odds.
    """
    readers, found, what = figures.shape[1], Found(), WORDS[measure]
    pairs: Mapping[tuple[int, int], tuple[Estimate, float | None]] = {}

    def add(estimate: Estimate, of: tuple[str, ...], p: float | None = None) -> None:
        apart, arm = len(of) == 2, minus(*of)
        shown = with_width(estimate, -1 if apart else 0, 1)
        if shown.interval is None and not isinstance(errors, str):
            found.remarks.append(f"{question}: {what}, {arm}, has no interval, since nothing varies.")
        p = None if shown.interval is None else p
        one = Finding(question, what, arm, shown, "readers", over(readers), p, note)
        found.findings.append(replace(one, drawn="Differences", measure=measure, arms=of) if apart else one)

    if isinstance(errors, str):
        found.remarks.append(f"{question}: {what} has no interval: {errors}")
        means = figures.mean(1)
        singles = tuple(Estimate(float(one), None, readers) for one in means)
        apart = {(one, other): float(means[one] - means[other]) for one, other in combinations(range(len(arms)), 2)}
        pairs = {pair: (Estimate(value, None, readers), None) for pair, value in apart.items()}
    elif readers == 1:
        singles, pairs = compare_for_reader(figures[:, 0], errors, units)
        found.remarks.append(f"{question}: {what} is of one reader, and its intervals hold for this reader alone.")
    elif len(arms) == 1:
        singles = (figure(figures, errors, 0, patients=units),)
    else:
        result = compare(figures, errors, patients=units)
        if readers == 2 and units >= ENOUGH:  # below, the error is larger
            found.remarks.append(f"{question}: {what} is of two readers, {_FEW_READERS}")
        singles = result.figures
        pairs = {pair: (estimate, result.p_of[pair]) for pair, estimate in result.differences.items()}
        if len(arms) > 2 and with_width(result.differences[0, 1]).interval is not None:
            whole = Estimate(result.statistic, None, readers)
            name, held = f"F of equal {what}", over(readers)
            found.findings.append(Finding(question, name, "all", whole, "readers", held, result.p, note))
    for arm, estimate in zip(arms, [one.by_log_odds() for one in singles] if alone is None else alone, strict=True):
        add(estimate, (arm,))
    for (one, other), (estimate, p) in pairs.items():
        add(estimate, (arms[one], arms[other]), p)
    return found


def _ratings(plan: Plan, rows: Sequence[Row]) -> tuple[Ratings | None, str]:
    """What can be compared and what was left out, or None and why."""
    known = {case.id for case in plan.read if case.lesion is not None}
    chosen = [row for row in rows if row["case"] in known]
    if not scored(chosen):
        return None, "there are no answers to cases whose truth is known"
    ratings, note = Ratings.of(chosen, arms_of(plan)).paired()
    if not ratings.readers:
        return None, NOBODY
    return ratings, note


def _few(ratings: Ratings) -> str:
    """In a sentence, of how few patients the ratings are; "" where they are enough for an interval."""
    enough = min(ratings.patients_with(True), ratings.patients_with(False)) >= FEWEST_OF_A_KIND
    if enough and len(set(ratings.patients)) >= FEWEST:
        return ""
    return "there are fewer than two patients with a lesion, or without, or fewer than three in all."


def _errors_of_shares(right: Values, patients: NDArray[np.str_]) -> Values:
    return shares(right, patients)[1]


def _errors(ratings: Ratings, compute: Callable[[], Values]) -> Values | str:
    """The covariance of the errors of figures, or in a sentence why there is none."""
    if few := _few(ratings):
        return few
    try:
        return compute()
    except InputError as error:
        return str(error)


def _counted(ratings: Ratings, note: str) -> str:
    with_lesion = int(ratings.truth.sum())
    counts = f"{with_lesion} cases with a lesion, {ratings.truth.size - with_lesion} without, "
    counts += counted(len(set(ratings.patients)), "patient")
    return "; ".join(filter(None, (counts, note)))


def _roc(values: Values, truth: NDArray[np.bool_]) -> list[tuple[float, float]]:
    """Sensitivity over 1 - specificity at each level, each averaged over readers (readers, cases)."""
    levels = np.unique(values[np.isfinite(values)])[::-1]
    levels = levels[np.unique(np.linspace(0, levels.size - 1, 101).astype(int))]
    points = [(0.0, 0.0)]
    for level in levels:
        said = np.where(np.isnan(values), np.nan, values >= level)
        points.append((float(np.nanmean(said[:, ~truth], 1).mean()), float(np.nanmean(said[:, truth], 1).mean())))
    return points


def _placed(plan: Plan, question: Question, rows: Sequence[Row]) -> Found:
    """The share of lesions that were seen at their place, where readers are to click and the place is known."""
    found = Found()
    if not asks_place(question):
        return found
    for arm in arms_of(plan):
        chosen = [row for row in scored(rows) if row["arm"] == arm and row["lesion"] and row["hit"] is not None]
        if chosen:
            seen = share([row["hit"] for row in chosen], chosen)
            found.findings.append(averaged(question.id, "share of lesions seen at their place", arm, seen, chosen))
    return found
