"""How far readers agree with each other, and each with their own first reading."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import compress

import numpy as np

from ...statistics.estimate import FEWEST
from ...statistics.readers.agreement import Weights, fleiss_kappa, intraclass_correlation, kappa, mean_kappa
from ...statistics.readers.ranking import kendall_w
from ..order import readers
from ..plan import Plan
from ..questions import Question
from .choices import chosen_arm
from .found import (
    ONE_READER,
    OVER_BOTH,
    READERS_FIXED,
    Finding,
    Found,
    Row,
    arms_of,
    averaged,
    mean,
    patients_of,
    readers_of,
    scored,
    with_width,
)
from .rankings import ranks

_KAPPA = "kappa of repeated readings"


def agreement(plan: Plan, question: Question, rows: Sequence[Row]) -> Found:
    """Between readers, in each arm and group; and of repeats with the first reading. rows: with the repeats."""
    read = [row for row in scored(rows) if row["purpose"] == "reading"]
    again = [row for row in scored(rows) if row["purpose"] == "repeat"]
    found = _within(plan, question, read, again)
    if question.kind == "ranking":
        return found
    groups, names = plan.design.groups, readers(plan)
    for group in range(groups):
        members = set(names[group::groups])
        of_group = [row for row in read if row["reader"] in members]
        for arm in ["all"] if question.kind == "forced-choice" else arms_of(plan):
            chosen = [row for row in of_group if plan.at_once or row["arm"] == arm]
            found += _between(plan, question, arm if groups == 1 else f"{arm}, group {group + 1}", chosen)
    return found


def _between(plan: Plan, question: Question, arm: str, rows: Sequence[Row]) -> Found:
    """Of the cases that all readers judged who judged at least half of them."""
    cases = list(dict.fromkeys(row["case"] for row in rows))
    names = [reader for reader in readers_of(rows) if 2 * sum(row["reader"] == reader for row in rows) >= len(cases)]
    by_place = {(row["case"], row["reader"]): _code(plan, question, row) for row in rows}
    whole = [case for case in cases if all((case, reader) in by_place for reader in names)]
    if len(names) < 2 or len(whole) < 2:
        return Found()
    patient = {row["case"]: row["patient"] for row in rows}
    ratings = np.array([[by_place[case, reader] for reader in names] for case in whole])
    patients = [patient[case] for case in whole]
    units = "patients" if len(set(patients)) < len(patients) else "cases"
    if question.kind == "forced-choice":
        estimate, what, held = fleiss_kappa(ratings, patients), "Fleiss' kappa between readers", READERS_FIXED
    else:
        estimate, what = intraclass_correlation(ratings, patients), "ICC(2,1) between readers"
        held = OVER_BOTH if units == "cases" else READERS_FIXED  # where it is from the jackknife over patients
    note = f"{len(names)} readers, {len(whole)} cases"
    return _agreed(Finding(question.id, what, arm, with_width(estimate), units, held, note=note))


def _within(plan: Plan, question: Question, read: Sequence[Row], again: Sequence[Row]) -> Found:
    """Of repeated readings with the first ones."""
    first = {_place(row): row for row in read}
    pairs = [(first[_place(row)], row) for row in again if _place(row) in first]
    if question.kind == "ranking":
        return _ranked_again(plan, question, pairs) if len(pairs) > 1 else Found()
    counts = Counter(row["reader"] for row, _ in pairs)
    few = [reader for reader in counts if counts[reader] < FEWEST]
    words = f"{question.id}: no {_KAPPA} of {', '.join(few)}, since a reader needs at least {FEWEST} of them."
    found, enough = Found(remarks=[words] if few else []), [pair for pair in pairs if pair[0]["reader"] not in few]
    return found + _kappas(plan, question, enough) if enough else found


def _ranked_again(plan: Plan, question: Question, pairs: Sequence[tuple[Row, Row]]) -> Found:
    first, both = [one for one, _ in pairs], [kendall_w(ranks(pair, arms_of(plan))) for pair in pairs]
    average = mean(both, first)
    agreed, what = replace(average, estimate=with_width(average.estimate, 0, 1)), "Kendall's W of repeated readings"
    return Found([averaged(question.id, what, "all", agreed, first, note=_repeated(len(pairs)))])


def _kappas(plan: Plan, question: Question, pairs: Sequence[tuple[Row, Row]]) -> Found:
    """The mean of the readers' kappas, and of several readers the kappa of each one."""
    first, second = np.array([[_code(plan, question, row) for row in pair] for pair in pairs]).T
    rows = [one for one, _ in pairs]
    whose, patients = [row["reader"] for row in rows], patients_of(rows)
    weights: Weights = "none" if question.kind == "forced-choice" else "quadratic"
    result = mean_kappa(first, second, whose, patients, weights)
    note = _repeated(len(pairs))
    if result.readers > 1:
        note += f"; the mean of the kappas of {result.readers} readers, each with their own first reading"
    whole = replace(result, estimate=with_width(result.estimate))
    found = _agreed(averaged(question.id, _KAPPA, "all", whole, rows, note=note))
    for reader in dict.fromkeys(whose) if len(set(whose)) > 1 else ():
        own = np.array(whose) == reader
        estimate = with_width(kappa(first[own], second[own], weights, list(compress(patients, own))))
        note = _repeated(int(own.sum()))
        found += _agreed(Finding(question.id, f"{_KAPPA} of {reader}", "all", estimate, over=ONE_READER, note=note))
    return found


def _repeated(count: int) -> str:
    return f"{count} repeated readings"


def _agreed(finding: Finding) -> Found:
    """The finding, or a remark: there is no agreement where nobody gave two different answers."""
    if np.isnan(finding.estimate.value):
        return Found(remarks=[f"{finding.question}: no {finding.what}, {finding.arm}, since no reader's answers vary."])
    return Found([finding])


def _place(row: Row) -> tuple[str, str, frozenset[str]]:
    return row["reader"], row["case"], frozenset(row["arms"])


def _code(plan: Plan, question: Question, row: Row) -> float:
    """The answer as a number: the score, or which arm was chosen."""
    return float(arms_of(plan).index(chosen_arm(row)) if question.kind == "forced-choice" else row["score"])
