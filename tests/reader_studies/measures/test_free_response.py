from typing import Any

import numpy as np
import pytest

from helpers.answers import cases, only, scored
from helpers.reading import plan
from napari_recon_robust.reader_studies.analysis import analyse
from napari_recon_robust.reader_studies.plan import Plan

MARKS = [{"id": "marks", "kind": "free-response", "text": "Mark"}]


def marked(made: Plan, seed: int = 0, known: int = 1) -> list[dict[str, Any]]:
    """Lesions are marked at 60 to 90 in the clean arm, and half of them in the other; half of all cases have a false
    mark at 10 to 80."""
    rng, rows = np.random.default_rng(seed), scored(made, lambda *_: 0.0, "marks", readers=5)
    for row in rows:
        marks = []
        if row["lesion"]:
            row["lesions"] = known
            if row["arm"] == "clean" or rng.random() < 0.5:
                marks.append({"row": 0, "column": 0, "rating": rng.uniform(60, 90), "lesion": 1})
        if rng.random() < 0.5:
            marks.append({"row": 9, "column": 9, "rating": rng.uniform(10, 80), "lesion": 0})
        row["answer"], row["score"] = {"marks": marks}, max((mark["rating"] for mark in marks), default=0.0)
    return rows


def test_marks_are_compared_with_what_was_marked_and_what_was_false() -> None:
    endpoint = {"question": "marks", "measure": "wafroc", "arms": ["clean", "attacked"], "margin": 0.05}
    made = plan(questions=MARKS, cases=cases(40), endpoint=endpoint)
    analysis = analyse(made, marked(made))
    findings = analysis.findings
    area = only(findings, "area under the wAFROC curve", "clean − attacked")
    assert area.p is not None
    assert area.p < 0.05
    assert area.note == "20 lesions in 20 cases, 20 without, 40 patients"
    assert "clean is better" in analysis.endpoint
    assert only(findings, "share of lesions marked", "clean").estimate.value == 1
    assert only(findings, "share of lesions marked", "attacked").estimate.value == pytest.approx(0.5, abs=0.2)
    assert only(findings, "false marks in a case", "clean").estimate.value == pytest.approx(0.5, abs=0.15)
    assert only(findings, "area under the ROC curve", "clean").estimate.value > 0.8
    assert [curve.title.split()[0] for curve in analysis.curves] == ["wAFROC", "ROC"]


@pytest.mark.slow
def test_cases_of_one_patient_are_left_out_together() -> None:
    made = plan(questions=MARKS, cases=cases(40, patients=10))
    assert "10 patients" in only(analyse(made, marked(made)).findings, "area under the wAFROC curve", "clean").note


def test_marks_outside_of_the_square_are_said_to_be_left_out() -> None:
    made = plan(questions=MARKS, cases=cases(20))
    rows = marked(made)
    assert not any("square" in remark for remark in analyse(made, rows).remarks)
    for outside, row in enumerate(rows[:3]):
        row["answer"] |= {"outside": outside}
    assert "Left out: 3 marks outside of the square in which to look." in analyse(made, rows).remarks


def test_a_case_that_a_reader_could_not_judge_is_left_out_and_said() -> None:
    made = plan(questions=MARKS, cases=cases(20))
    rows = marked(made)
    rows[0] = {**rows[0], "score": None, "cannot_judge": True, "answer": {"cannot_judge": True}}
    note = only(analyse(made, rows).findings, "area under the wAFROC curve", "clean").note
    assert "1 of 100 readings left out" in note
    assert note.endswith("each reader's figure is of his own 19 to 20 cases")


def test_readers_of_different_cases_are_compared() -> None:
    """A split-plot design: each reader's area is that of his own cases, as if he had been asked alone."""
    made = plan(questions=MARKS, cases=cases(40), design={"kind": "split-plot", "readers": 4, "groups": 2})
    rows = [row for row in marked(made) if row["reader"] != "R5" and own(row["reader"], row["case"])]
    analysis = analyse(made, rows)
    found = only(analysis.findings, "area under the wAFROC curve", "clean − attacked")
    assert found.estimate.units == 4
    assert found.estimate.interval is not None
    assert found.note.endswith("40 patients; each reader's figure is of his own 20 cases")
    alone = [only(analyse(made, [row for row in rows if row["reader"] == name]).findings, found.what, found.arm)
             for name in ("R1", "R2", "R3", "R4")]  # fmt: skip
    assert found.estimate.value == pytest.approx(np.mean([one.estimate.value for one in alone]))
    marks = {one.arm: one.estimate.value for one in analysis.findings if one.what == "share of lesions marked"}
    assert marks == {"clean": 1, "attacked": pytest.approx(0.5, abs=0.2)}
    assert not [remark for remark in analysis.remarks if "wAFROC" in remark]


def own(reader: str, case: str) -> bool:
    return bool((int(reader[1]) + int(case[1:]) // 2) % 2)


def test_a_reader_of_too_few_cases_is_left_out_and_named() -> None:
    made = plan(questions=MARKS, cases=cases(20))
    rows = [row for row in marked(made) if row["reader"] != "R5" or row["case"] in ("c0", "c1")]
    found = only(analyse(made, rows).findings, "area under the wAFROC curve", "clean")
    assert (found.estimate.units, found.note.split("; ")[1]) == (4, "R5 left out, who rated too few cases")


def test_lesions_whose_place_is_not_known_have_no_such_area() -> None:
    made = plan(questions=MARKS, cases=cases(20))
    analysis = analyse(made, marked(made, known=0))
    assert any("no area under the wAFROC curve" in remark for remark in analysis.remarks)
    assert only(analysis.findings, "area under the ROC curve", "clean").estimate.interval is not None


def test_an_area_of_one_patient_is_there_without_an_interval() -> None:
    made = plan(questions=MARKS, cases=cases(20, patients=1))
    analysis = analyse(made, marked(made))
    area = only(analysis.findings, "area under the wAFROC curve", "clean")
    other = plan(questions=MARKS, cases=cases(20))
    expected = only(analyse(other, marked(other)).findings, "area under the wAFROC curve", "clean")
    assert (area.estimate.value, area.estimate.interval) == (pytest.approx(expected.estimate.value), None)
    assert any("wAFROC curve has no interval: all cases of one kind" in remark for remark in analysis.remarks)
