from typing import Any

import pytest
from pydantic import TypeAdapter

from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.reader_studies.questions import (
    QUESTIONNAIRES,
    ForcedChoice,
    FreeResponse,
    Lesion,
    Likert,
    Question,
    Ranking,
    Structures,
    check_comment,
    image_names,
    steps,
)

LIKERT = Likert(id="q", text="?", words=("bad", "fair", "good"), best="last")


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        (ForcedChoice(id="q", text="?"), {"choice": 1}),
        (Ranking(id="q", text="?"), {"order": [1, 0]}),
        (FreeResponse(id="q", text="?"), {"marks": []}),
        (FreeResponse(id="q", text="?"), {"marks": [{"row": 3.5, "column": 4.0, "rating": 70.0}]}),
        (LIKERT, {"level": 3}),
        (Lesion(id="q", text="?"), {"seen": "yes", "confidence": 80.0, "row": 3.5, "column": 4.0}),
        (Lesion(id="q", text="?"), {"seen": "no", "confidence": 80.0}),
        (Lesion(id="q", text="?", place=False), {"seen": "yes", "confidence": 0.0}),
        (Structures(id="q", text="?"), {"changes": ["added", "altered"], "certainty": 5.0, "consequence": "minor"}),
        (LIKERT, {"cannot_judge": True}),
    ],
)
def test_an_answer_that_fits_is_stored_as_it_is(question: Question, answer: dict[str, Any]) -> None:
    assert question.check(answer) == answer


@pytest.mark.parametrize(
    ("question", "answer", "words"),
    [
        (ForcedChoice(id="q", text="?"), {"choice": 2}, "choose 0 or 1"),
        (ForcedChoice(id="q", text="?"), {"choice": True}, "choose 0 or 1"),
        (Ranking(id="q", text="?"), {"order": [0, 0]}, "each of the 2 images once"),
        (Ranking(id="q", text="?"), {"order": [0, True]}, "each of the 2 images once"),
        (Ranking(id="q", text="?"), {}, "order is None"),
        (FreeResponse(id="q", text="?"), {"marks": [{"row": 3, "column": 4}]}, "its row, column and rating"),
        (FreeResponse(id="q", text="?"), {"marks": 21 * [{"row": 3, "column": 4, "rating": 5}]}, "more than the 20"),
        (FreeResponse(id="q", text="?"), {"marks": [{"row": 3, "column": 4, "rating": 101}]}, "from 0 to 100"),
        (LIKERT, {"level": 4}, "choose 1, 2 or 3"),
        (LIKERT, {}, "level is None"),
        (LIKERT, {"level": 1, "arm": "x"}, "has no arm"),
        (Lesion(id="q", text="?"), {"seen": "yes", "confidence": 101, "row": 1, "column": 1}, "from 0 to 100"),
        (Lesion(id="q", text="?"), {"seen": "yes", "confidence": float("nan"), "row": 1, "column": 1}, "from 0 to 100"),
        (Lesion(id="q", text="?"), {"seen": "yes", "confidence": 50}, "click on the lesion"),
        (Structures(id="q", text="?"), {"changes": "added", "certainty": 1}, "give a list"),
        (Structures(id="q", text="?"), {"changes": ["added"], "certainty": 1}, "consequence is None"),
    ],
)
def test_one_that_does_not_fit_is_refused(question: Question, answer: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        question.check(answer)


@pytest.mark.parametrize(
    ("question", "name", "found"), [(ForcedChoice(id="q", text="?"), "choice", 1.0), (LIKERT, "level", 2.0)]
)
def test_a_number_of_json_is_stored_as_the_choice_that_it_means(question: Question, name: str, found: float) -> None:
    stored = question.check({name: found})[name]
    assert (stored, type(stored)) == (found, int)
    with pytest.raises(InputError, match="choose"):
        question.check({name: True})


def test_choices_and_ranks_are_of_as_many_images_as_are_shown() -> None:
    choice, ranking = ForcedChoice(id="q", text="?"), Ranking(id="q", text="?")
    assert choice.check({"choice": 3}, images=4) == {"choice": 3}
    assert ranking.check({"order": [2, 0, 1]}, images=3) == {"order": [2, 0, 1]}
    with pytest.raises(InputError, match="choose 0, 1 or 2"):
        choice.check({"choice": 3}, images=3)
    with pytest.raises(InputError, match="each of the 4 images once"):
        ranking.check({"order": [2, 0, 1]}, images=4)


def test_a_place_in_a_case_of_several_slices_names_one_of_them() -> None:
    lesion, marks = Lesion(id="q", text="?"), FreeResponse(id="q", text="?")
    seen = {"seen": "yes", "confidence": 80.0, "row": 3.5, "column": 4.0}
    mark = {"row": 3.5, "column": 4.0, "rating": 70.0}
    assert lesion.check({**seen, "slice": 2}, slices=3) == {**seen, "slice": 2}
    assert marks.check({"marks": [{**mark, "slice": 0}]}, slices=3) == {"marks": [{**mark, "slice": 0}]}
    for slice in (3, -1, True, None):
        with pytest.raises(InputError, match="choose 0, 1 or 2"):
            lesion.check({**seen, "slice": slice}, slices=3)
    with pytest.raises(InputError, match="slice is None"):
        lesion.check(seen, slices=3)
    with pytest.raises(InputError, match="its row, column, slice and rating"):
        marks.check({"marks": [mark]}, slices=3)
    with pytest.raises(InputError, match="q has no slice"):
        lesion.check({**seen, "slice": 0})


def test_names_of_images_are_neutral() -> None:
    assert [image_names(count) for count in (1, 2, 3)] == [("image",), ("a", "b"), ("a", "b", "c")]


def test_what_is_asked_beside_the_reference_is_a_step_of_its_own() -> None:
    beside = Structures(id="s", text="?", reference=True)
    assert steps((LIKERT, beside), always=False) == ((LIKERT,), (beside,))
    assert steps((LIKERT, beside), always=True) == ((LIKERT, beside),)
    assert steps((beside,), always=False) == ((beside,),)


def test_the_score_of_marks_is_the_highest_rating() -> None:
    marks = [{"row": 1.0, "column": 1.0, "rating": rating} for rating in (20.0, 70.0)]
    assert FreeResponse(id="q", text="?").score({"marks": marks}) == 70
    assert FreeResponse(id="q", text="?").score({"marks": []}) == 0
    assert FreeResponse(id="q", text="?").score({"cannot_judge": True}) is None


def test_a_scale_without_direction_is_refused() -> None:
    for words in ([False, "unsure", True], [1, 2, 3]):  # what YAML makes of no, yes and numbers
        with pytest.raises(InputError, match=r"write each of the words in quotes: \['no', 'unsure', 'yes'\]"):
            Likert.model_validate({"id": "q", "text": "?", "words": words, "best": "last"})
    with pytest.raises(InputError, match="which end of its scale is the best"):
        Likert.model_validate({"id": "q", "text": "?", "words": ["a", "b"]})


def test_more_is_better_whatever_the_direction_of_the_scale() -> None:
    other = Likert(id="q", text="?", words=("good", "fair", "bad"), best="first")
    assert [LIKERT.score({"level": level}) for level in (1, 2, 3)] == [1, 2, 3]
    assert [other.score({"level": level}) for level in (1, 2, 3)] == [3, 2, 1]
    assert LIKERT.score({"cannot_judge": True}) is None


def test_the_score_of_a_lesion_rises_with_the_certainty_that_there_is_one() -> None:
    lesion = Lesion(id="q", text="?", place=False)
    answers = [("no", 100), ("no", 10), ("unsure", 0), ("yes", 10), ("yes", 100)]
    scores = [lesion.score(lesion.check({"seen": seen, "confidence": value})) for seen, value in answers]
    assert scores == [0, 45, 50, 55, 100]


def test_a_yes_is_above_unsure_and_a_no_below_whatever_the_confidence() -> None:
    lesion = Lesion(id="q", text="?", place=False)
    answers = [("no", 1), ("no", 0), ("unsure", None), ("yes", 0), ("yes", 1)]
    scores = [lesion.score(lesion.check({"seen": seen, "confidence": value})) for seen, value in answers]
    assert scores == [49.5, 49.75, 50, 50.25, 50.5]


@pytest.mark.parametrize("name", QUESTIONNAIRES)
def test_ready_made_questions_are_read_back_from_their_values(name: str) -> None:
    reference, questions = QUESTIONNAIRES[name]
    assert reference.endswith(".")
    read = TypeAdapter[Question](Question).validate_python
    assert tuple(read(question.model_dump()) for question in questions) == questions


def test_a_comment_has_a_length() -> None:
    assert check_comment("  dark \n") == "dark"
    with pytest.raises(InputError, match="at most 4000 characters"):
        check_comment("x" * 4001)
