from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from helpers.reading import LESION, PAIRS, QUALITY, opened_study
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.reader_studies.answers import Answers
from napari_recon_robust.workbench.reading import Reading

STRUCTURES = {"id": "structures", "kind": "structures", "text": "Changed?"}


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Any]:
    opened: list[Answers] = []

    def make(**changes: Any) -> tuple[Reading, list[float], Answers]:
        now = [0.0]
        opened.append(opened_study(tmp_path, **changes))
        reading = Reading(opened[-1], "R1", lambda: now[0])
        reading.consent()
        reading.go_on()
        return reading, now, opened[-1]

    yield make
    for one in opened:
        one.close()


def test_a_study_is_read_to_its_end(made: Any) -> None:
    reading, _, answers = made()
    for done in range(12):
        assert reading.place.done == done
        assert not reading.complete
        reading.answer("sharpness", level=1 + done % 3)
        assert reading.complete
        reading.submit()
    assert reading.shown is None
    levels = [row["value"]["level"] for row in answers.rows() if row["question"] == "sharpness"]
    assert levels == [1 + done % 3 for done in range(12)]


def test_time_in_a_pause_is_no_reading(made: Any) -> None:
    reading, now, answers = made()
    now[0] = 2.0
    reading.answer("sharpness", level=2)
    now[0] = 3.0
    reading.pause()
    now[0] = 10.0
    reading.pause()
    reading.submit(low=0.0, high=1.0)
    context = answers.rows()[0]["context"]
    assert (context["shown"], context["first_action"], context["answered"], context["hidden"]) == (0, 2000, 10000, 7000)
    assert (context["low"], context["high"]) == (0, 1)


def test_the_key_answers_the_first_question_without_an_answer(made: Any) -> None:
    reading, *_ = made(questions=[QUALITY, {**QUALITY, "id": "noise"}])
    assert reading.asked.id == "sharpness"
    reading.answer("sharpness", level=1)
    assert reading.asked.id == "noise"
    reading.answer("noise", cannot_judge=True)
    assert reading.complete
    reading.answer("noise", level=2)
    assert reading.values["noise"] == {"level": 2}


def test_a_lesion_that_is_not_seen_has_no_place(made: Any) -> None:
    reading, _, answers = made(questions=[{**LESION[0], "place": True}])
    reading.mark(3, 4)
    assert reading.marked is None
    reading.answer("lesion", seen="yes", confidence=60.0)
    assert not reading.complete
    reading.mark(3, 4)
    assert reading.marked == (3, 4)
    assert reading.complete
    reading.answer("lesion", seen="no")
    assert reading.marked is None
    reading.submit()
    assert answers.rows()[0]["value"] == {"seen": "no", "confidence": 60.0}


def test_structures_without_a_change_have_no_consequence(made: Any) -> None:
    reading, _, answers = made(questions=[STRUCTURES])
    reading.toggle("structures", "removed")
    reading.answer("structures", certainty=50.0, consequence="minor")
    assert reading.complete
    reading.toggle("structures", "nothing")
    assert reading.complete
    reading.submit()
    assert answers.rows()[0]["value"] == {"changes": [], "certainty": 50.0, "consequence": "none"}


def test_going_back_shows_what_was_answered(made: Any) -> None:
    reading, _, answers = made()
    reading.answer("sharpness", level=1)
    reading.comment = "dark"
    reading.submit()
    assert reading.comment == ""
    reading.go_back()
    assert (reading.values, reading.comment) == ({"sharpness": {"level": 1}}, "dark")
    reading.answer("sharpness", level=3)
    reading.submit()
    assert [row["revision"] for row in answers.rows()] == [1, 1]
    assert reading.place.done == 1


def test_names_are_neutral(made: Any) -> None:
    reading, _, answers = made(questions=PAIRS, viewing={"reference": True})
    images = reading.images()
    assert list(images) == ["reference", "left", "right"]
    shown = reading.shown
    assert shown is not None
    np.testing.assert_array_equal(images["right"], answers.bundle.image(shown.images[1], shown))


def test_a_case_for_training_shows_its_truth_before_the_next_one(made: Any) -> None:
    cases = [
        {"id": f"c{at}", "saved": f"c{at}", "patient": f"p{at}", "lesion": True, "training": at == 0} for at in range(2)
    ]
    reading, *_ = made(cases=cases)
    first = reading.shown
    reading.answer("sharpness", level=1)
    reading.submit()
    assert reading.shown is first
    assert reading.truth == {"lesion": True, "place": None}
    reading.submit()
    assert reading.shown is not first
    assert reading.truth is None


def test_an_unknown_reader_is_refused(made: Any) -> None:
    _, _, answers = made()
    with pytest.raises(InputError, match="there is no reader 'R9'"):
        Reading(answers, "R9")
