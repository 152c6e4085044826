"""Free-response marks: wAFROC, the area under the ROC curve of the highest marks, and what was found and false."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from ...ground.errors import InputError
from ...ground.numbers import counted
from ...statistics.estimate import Values
from ...statistics.readers.free_response import FreeResponse, weighted_afroc, weighted_afroc_covariance
from ...statistics.readers.roc import rarer
from ..marks import Marks
from ..plan import Plan
from ..questions import Question
from .found import Curve, Found, Row, arms_of, averaged, mean, scored, share
from .lesions import WORDS, compared, detected

WAFROC = WORDS["wafroc"]


def free_response(plan: Plan, question: Question, rows: Sequence[Row]) -> Found:
    """The weighted area of each arm, compared by Obuchowski and Rockette, and that of the highest marks."""
    return _weighted(plan, question, rows) + detected(plan, question, rows)


def _weighted(plan: Plan, question: Question, rows: Sequence[Row]) -> Found:
    if not scored(rows):
        return Found()
    try:
        marks, left = Marks.of(rows, arms_of(plan))
    except InputError as error:
        return Found(remarks=[f"{question.id}: no {WAFROC}: {error}"])
    return wafroc(question.id, marks, left)


def wafroc(question: str, marks: Marks, left: str = "") -> Found:
    """The weighted areas, the curves, and what was marked. left: what was left out, in words."""
    try:
        highest = marks.free_response()
        areas = weighted_afroc(highest)
    except InputError as error:
        return Found(remarks=[f"{question}: no {WAFROC}: {error}"])
    errors: Values | str
    try:
        errors = weighted_afroc_covariance(highest, patients=marks.patients)
    except InputError as error:
        errors = str(error)
    note = f"{counted(highest.of.size, 'lesion')} in {counted(int(highest.truth.sum()), 'case')}, "
    note += f"{int((~highest.truth).sum())} without, {counted(len(set(marks.patients)), 'patient')}"
    note = "; ".join(filter(None, (note, left)))
    units = rarer(~np.isnan(highest.false[0]), highest.truth, marks.patients)
    found = compared(question, marks.arms, "wafroc", areas, errors, note, units)
    lines = {arm: _curve(highest, number) for number, arm in enumerate(marks.arms)}
    across, up = "share of normal cases with a false mark", "weighted share of lesions marked"
    found.curves.append(Curve(question, "wAFROC curves, averaged over readers", across, up, lines))
    false, of_lesion = marks.false_marks(), [marks.patients[case] for case in highest.of]
    for number, arm in enumerate(marks.arms):
        ratings = highest.lesions[number]
        marked = np.where(np.isnan(ratings), np.nan, np.isfinite(ratings))
        for what, kind, cells, patients in (
            ("share of lesions marked", share, marked, of_lesion),
            ("false marks in a case", partial(mean, low=0.0), false[number], marks.patients),
        ):
            values, rows = _readings(cells, marks.readers, patients)
            found.findings.append(averaged(question, what, arm, kind(values, rows), rows))
    return found


def _readings(cells: Values, readers: Sequence[str], patients: Sequence[str]) -> tuple[list[float], list[Row]]:
    """The values (readers, units) that are there, and of which reader and patient each is."""
    at = np.argwhere(~np.isnan(cells))
    rows: list[Row] = [{"reader": readers[reader], "patient": patients[unit]} for reader, unit in at]
    return cells[~np.isnan(cells)].tolist(), rows


def _curve(highest: FreeResponse, arm: int) -> list[tuple[float, float]]:
    """The weighted share of lesions over the share of normal cases, at each rating, each averaged over readers."""
    lesions, false = highest.lesions[arm], highest.false[arm][:, ~highest.truth]
    ratings = np.concatenate((lesions.ravel(), false.ravel()))
    levels = np.unique(ratings[np.isfinite(ratings)])[::-1]
    levels = levels[np.unique(np.linspace(0, levels.size - 1, 101).astype(int))] if levels.size else levels
    points = [(0.0, 0.0)]
    even = np.ones(false.shape[1])
    points += [(_share(false, level, even), _share(lesions, level, highest.weights)) for level in levels]
    return [*points, (1.0, 1.0)]


def _share(ratings: Values, level: float, weights: Values) -> float:
    """The weighted share of ratings (readers, units) at a level or above, of what each reader read, over readers."""
    return float((((ratings >= level) @ weights) / (~np.isnan(ratings) @ weights)).mean())
