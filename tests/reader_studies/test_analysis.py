"""Against known answers, and against the published figures of Van Dyke's readers."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from helpers.reading import LESION, PAIRS, QUALITY, plan
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.reader_studies.analysis import Finding, analyse
from napari_recon_robust.reader_studies.plan import Plan


def row(**values: Any) -> dict[str, Any]:
    """As `export.long_table` makes it."""
    usual = {"sitting": 1, "number": 1, "other_arm": "", "purpose": "reading", "cannot_judge": False, "seconds": None}
    return {**usual, **values}


def scored(
    plan: Plan, score: Any, question: str = "sharpness", readers: int = 3, **changes: Any
) -> list[dict[str, Any]]:
    return [
        row(
            reader=f"R{reader}",
            case=case.id,
            patient=case.patient,
            arm=arm.name,
            question=question,
            lesion=case.lesion,
            score=score(arm.name, case, reader),
        )
        for case in plan.read
        for arm in plan.arms
        for reader in range(1, readers + 1)
    ]


def cases(count: int, patients: int | None = None) -> list[dict[str, Any]]:
    return [
        {"id": f"c{at}", "saved": "c0", "patient": f"p{at % (patients or count)}", "lesion": at % 2 == 0}
        for at in range(count)
    ]


def only(findings: tuple[Finding, ...], what: str, arm: str) -> Finding:
    (found,) = [one for one in findings if (one.what, one.arm) == (what, arm)]
    return found


def test_scores_are_compared_within_reader_and_case_and_patients_are_the_unit() -> None:
    made = plan(cases=cases(20, patients=10))
    rng = np.random.default_rng(0)
    of_case = {case.id: rng.normal() for case in made.read}
    rows = scored(made, lambda arm, case, reader: of_case[case.id] + reader + 0.7 * (arm == "clean"))
    found = only(analyse(made, rows).findings, "difference of scores", "clean − attacked")
    assert found.estimate.value == pytest.approx(0.7)
    assert found.estimate.units == 10
    assert found.estimate.interval == pytest.approx((0.7, 0.7))
    assert found.p is not None
    assert found.p < 0.01


def test_below_three_patients_there_is_no_interval() -> None:
    made = plan(cases=cases(12, patients=2))
    found = only(analyse(made, scored(made, lambda *_: 2.0)).findings, "mean score", "clean")
    assert found.estimate.interval is None


def test_a_bias_to_one_side_is_seen() -> None:
    """A reader who always takes the left image shows no preference, and a bias."""
    made = plan(questions=PAIRS, cases=cases(40))
    rows = [
        row(
            reader="R1",
            case=case.id,
            patient=case.patient,
            arm=("clean", "attacked")[at % 2],
            other_arm=("attacked", "clean")[at % 2],
            question="preference",
            score=float(at % 2 == 0),
            lesion=None,
        )
        for at, case in enumerate(made.read)
    ]
    findings = analyse(made, rows).findings
    assert only(findings, "share of choices", "clean").estimate.value == 0.5
    assert only(findings, "share at the left", "both").estimate.value == 1
    corrected = only(findings, "share without preferring a side", "clean")
    assert corrected.estimate.value == pytest.approx(0.5)
    assert corrected.p == pytest.approx(0, abs=1e-6)
    own = only(findings, "share of choices of R1", "clean").estimate
    assert own.interval == pytest.approx((0.338, 0.662), abs=0.001)


def test_van_dykes_readers_come_out_as_published(shared: Path) -> None:
    with (shared / "data/readers/vandyke.csv").open(encoding="utf-8") as file:
        read = list(csv.DictReader(file))
    truth = {one["case"]: one["truth"] == "1" for one in read}
    made = plan(
        questions=LESION,
        arms=[{"name": "one", "image": "clean"}, {"name": "two", "image": "perturbed"}],
        cases=[{"id": f"c{id}", "saved": "x", "patient": id, "lesion": lesion} for id, lesion in truth.items()],
        endpoint={"question": "lesion", "measure": "auc", "arms": ["one", "two"], "margin": 0.05},
    )
    rows = [
        row(
            reader=f"R{one['reader']}",
            case=f"c{one['case']}",
            patient=one["case"],
            arm={"1": "one", "2": "two"}[one["treatment"]],
            question="lesion",
            lesion=truth[one["case"]],
            score=25.0 * (int(one["rating"]) - 1) + 5 * (int(one["rating"]) >= 3),
        )
        for one in read
    ]
    analysis = analyse(made, rows)
    area = only(analysis.findings, "area under the ROC curve", "one − two")
    assert area.estimate.value == pytest.approx(-0.04380032, abs=5e-9)
    assert area.estimate.interval == pytest.approx((-0.08795950, 0.00035885), abs=5e-9)
    assert area.p == pytest.approx(0.0516657, abs=5e-8)
    sensitivity = only(analysis.findings, "sensitivity", "one − two")
    assert sensitivity.p == pytest.approx(0.02008822, abs=5e-9)
    assert analysis.endpoint.endswith("nothing is shown.")


def test_cases_that_one_reader_cannot_judge_are_left_out_and_said() -> None:
    made = plan(questions=LESION, cases=cases(20))
    rng = np.random.default_rng(1)
    rows = scored(made, lambda arm, case, reader: 50 + 30 * case.lesion + 20 * rng.normal(), "lesion")
    rows[0] = {**rows[0], "score": None, "cannot_judge": True}
    analysis = analyse(made, rows)
    assert only(analysis.findings, "area under the ROC curve", "clean").note.startswith("1 cases left out")
    assert analysis.cannot_judge == 1


@pytest.mark.parametrize(
    ("difference", "spread", "words"),
    [
        (0.01, 0.01, "equivalent by the margin"),
        (0.5, 0.1, "clean is ahead"),
        (-0.5, 0.1, "attacked is ahead"),
        (0.13, 0.6, "not inferior"),
        (0.0, 3.0, "nothing is shown"),
    ],
)
def test_the_endpoint_says_what_its_interval_carries(difference: float, spread: float, words: str) -> None:
    endpoint = {"question": "sharpness", "measure": "mean", "arms": ["clean", "attacked"], "margin": 0.2}
    made = plan(cases=cases(20), endpoint=endpoint)
    steps = dict(zip((case.id for case in made.read), np.linspace(-spread, spread, 20), strict=True))
    rows = scored(made, lambda arm, case, _: (difference + steps[case.id]) * (arm == "clean"))
    assert words in analyse(made, rows).endpoint


def test_repeats_show_the_agreement_of_a_reader_with_himself() -> None:
    made = plan(cases=cases(8))
    rng = np.random.default_rng(0)
    rows = scored(made, lambda *_: float(rng.integers(1, 4)), readers=1)
    again = [{**one, "purpose": "repeat"} for one in rows if one["arm"] == "clean"]
    found = only(analyse(made, rows + again).findings, "kappa of a reader with himself", "all")
    assert found.estimate.value == 1


def test_a_pilot_and_an_empty_study_are_refused() -> None:
    made = plan(design={"readers": 2, "pilot": True})
    with pytest.raises(InputError, match="pilot are never analysed"):
        analyse(made, scored(made, lambda *_: 1.0))
    with pytest.raises(InputError, match="nothing was read yet"):
        analyse(plan(questions=[QUALITY]), [])
