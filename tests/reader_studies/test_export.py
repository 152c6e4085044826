import csv
import io
from collections.abc import Callable
from typing import Any

import pytest

from helpers.reading import LESION, PAIRS
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.reader_studies.answers import Answers
from napari_recon_robust.reader_studies.export import COLUMNS, long_table, to_csv, to_imrmc


def read_all(answers: Answers, reader: str, answer: Callable[[int], dict[str, Any]], comment: str = "") -> None:
    answers.consent(reader)
    number = 0
    while (shown := answers.place(reader).shown) is not None:
        context = {"shown": 1000.0, "answered": 5000.0, "hidden": 500.0, "mode": "side"}
        answers.record(reader, shown.id, 0, {id: answer(number) for id in answers.bundle.questions}, comment, context)
        number += 1


def test_each_answer_stands_beside_the_case_and_arm_that_were_shown(study: Callable[..., Answers]) -> None:
    answers = study()
    read_all(answers, "R1", lambda number: {"level": 1 + number % 3}, comment="=1+1")
    key = answers.unblind(None, "a test")
    rows = long_table(answers, key)
    assert len(rows) == 12
    behind = {(one["reader"], one["number"]): one for one in key["presentations"]}
    for row in rows:
        one = behind["R1", row["number"] - 1]
        assert (row["case"], [row["arm"]], row["patient"]) == (one["case"], one["arms"], f"p{one['case'][1:]}")
        assert row["score"] == 1 + (row["number"] - 1) % 3
        assert row["seconds"] == 3.5
    table = list(csv.DictReader(io.StringIO(to_csv(rows))))
    assert list(table[0]) == list(COLUMNS)
    assert {row["comment"] for row in table} == {"'=1+1"}  # no formula in a spreadsheet


def test_the_score_of_a_choice_is_of_the_arm_and_not_of_the_side(study: Callable[..., Answers]) -> None:
    answers = study(questions=PAIRS)
    read_all(answers, "R1", lambda _: {"choice": 0})
    rows = long_table(answers, answers.unblind(None, "a test"))
    assert [row["score"] for row in rows] == [float(row["arm"] == "clean") for row in rows]
    assert {row["score"] for row in rows} == {0.0, 1.0}


def test_imrmc_gets_truths_and_scores(study: Callable[..., Answers]) -> None:
    answers = study(questions=LESION)
    read_all(answers, "R1", lambda number: {"seen": "yes" if number % 2 else "no", "confidence": 40})
    lines = to_imrmc(long_table(answers, answers.unblind(None, "a test")), "lesion").split()
    assert lines[:2] == ["BEGIN", "DATA:"]
    assert sorted(lines[2:8]) == [f"-1,c{at},truth,{1 - at % 2}" for at in range(6)]
    assert len(lines) == 2 + 6 + 12
    assert {line.rpartition(",")[2] for line in lines[8:]} == {"30", "70"}
    with pytest.raises(InputError, match="no answers to cases whose truth is known"):
        to_imrmc([], "lesion")


def test_breaking_the_blind_is_logged(study: Callable[..., Answers], tmp_path: Any) -> None:
    answers = study()
    before = answers.verify()
    answers.unblind(None, "a test")
    assert answers.verify() == before + 1
