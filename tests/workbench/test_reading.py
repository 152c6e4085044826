from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from helpers.reading import LESION, PAIRS, QUALITY, VOLUMES, opened_study
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.reader_studies.answers import Answers
from napari_recon_robust.reader_studies.export import long_table
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_time_in_a_pause_is_no_reading(made: Any) -> None:
    reading, now, answers = made()
    now[0] = 2.0
    reading.answer("sharpness", level=2)
    now[0] = 3.0
    reading.clock.pause()
    now[0] = 10.0
    reading.clock.pause()
    reading.submit(low=0.0, high=1.0)
    context = answers.rows()[0]["context"]
    assert (context["shown"], context["first_action"], context["answered"], context["hidden"]) == (0, 2000, 10000, 7000)
    assert (context["low"], context["high"]) == (0, 1)


@pytest.mark.slow
def test_the_key_answers_the_first_question_without_an_answer(made: Any) -> None:
    reading, *_ = made(questions=[QUALITY, {**QUALITY, "id": "noise"}])
    assert reading.asked.id == "sharpness"
    reading.answer("sharpness", level=1)
    assert reading.asked.id == "noise"
    reading.answer("noise", cannot_judge=True)
    assert reading.complete
    reading.answer("noise", level=2)
    assert reading.values["noise"] == {"level": 2}


@pytest.mark.slow
def test_a_lesion_that_is_not_seen_has_no_place(made: Any) -> None:
    reading, _, answers = made(questions=[{**LESION[0], "place": True}])
    reading.marks.add(3, 4)
    assert reading.marks.all == []
    reading.answer("lesion", seen="yes", confidence=60.0)
    assert not reading.complete
    reading.marks.add(3, 4)
    assert [(mark["row"], mark["column"]) for mark in reading.marks.all] == [(3, 4)]
    assert reading.complete
    reading.answer("lesion", seen="no")
    assert reading.marks.all == []
    reading.submit()
    assert answers.rows()[0]["value"] == {"seen": "no", "confidence": 60.0}


@pytest.mark.slow
def test_marks_are_added_chosen_moved_rated_and_taken_away(made: Any) -> None:
    reading, _, answers = made(questions=[{"id": "marks", "kind": "free-response", "text": "?"}])
    reading.marks.add(1, 1)
    assert not reading.complete
    reading.marks.rate(60)
    reading.marks.add(1, 9)
    reading.marks.rate(20)
    reading.marks.add(1, 2)  # near the first one
    assert reading.marks.selected == 0
    reading.marks.move(-5, 1)
    assert reading.marks.all == [{"row": 0, "column": 2, "rating": 60}, {"row": 1, "column": 9, "rating": 20}]
    reading.marks.add_in_middle()
    assert not reading.complete
    reading.marks.take_away()
    assert reading.complete
    reading.submit()
    value = answers.rows()[0]["value"]
    assert value == {"marks": [{"row": 0, "column": 2, "rating": 60}, {"row": 1, "column": 9, "rating": 20}]}
    reading.marks.add(1, 1)
    reading.answer("marks", marks=[])
    assert (reading.complete, reading.marks.selected) == (True, -1)


@pytest.mark.slow
def test_the_mark_of_a_lesion_is_moved_without_a_mouse(made: Any) -> None:
    reading, *_ = made(questions=[{**LESION[0], "place": True}])
    reading.marks.add_in_middle()
    assert reading.marks.all == []
    reading.answer("lesion", seen="yes", confidence=60.0)
    reading.marks.add_in_middle()
    shown = reading.shown
    assert shown is not None
    reading.marks.move(0, 2)
    assert (reading.marks.all[0]["row"], reading.marks.all[0]["column"]) == (
        (shown.rows - 1) / 2,
        (shown.columns - 1) / 2 + 2,
    )


@pytest.mark.slow
def test_marks_belong_to_the_slice_that_is_shown(made: Any) -> None:
    reading, now, answers = made(cases=VOLUMES, questions=[{"id": "marks", "kind": "free-response", "text": "?"}])
    turned = []
    reading.slices.turned.connect(lambda: turned.append(reading.slices.at))
    reading.slices.turn(1)
    now[0] = 1.0
    reading.marks.add(1, 1)
    reading.marks.rate(60)
    reading.slices.turn(9)
    assert reading.marks.chosen is None
    reading.marks.move(1, 1)
    reading.marks.take_away()
    reading.marks.add(1, 2)  # another one, however near the one of the slice before
    assert reading.marks.all == [
        {"row": 1, "column": 1, "slice": 1, "rating": 60},
        {"row": 1, "column": 2, "slice": 2},
    ]
    now[0] = 3.0
    reading.slices.turn(0)
    reading.marks.rate(20)  # the last one, which is shown
    assert reading.marks.rating == 20
    assert (reading.slices.at, turned) == (2, [1, 2, 0, 2])
    reading.marks.select(0)
    reading.marks.move(1, 0)
    reading.slices.turn(0)
    now[0] = 4.0
    reading.submit()
    value, context = answers.rows()[0]["value"], answers.rows()[0]["context"]
    assert [(mark["slice"], mark["row"], mark["rating"]) for mark in value["marks"]] == [(1, 2, 60), (2, 1, 20)]
    assert (context["slice"], context["seen"]) == (0, [1000, 1000, 2000])
    assert reading.slices.at == 0


@pytest.mark.slow
def test_a_lesion_is_on_the_slice_that_was_clicked_last(made: Any) -> None:
    reading, _, answers = made(cases=VOLUMES, questions=[{**LESION[0], "place": True}])
    reading.answer("lesion", seen="yes", confidence=60.0)
    reading.marks.add(3, 4)
    reading.slices.turn(2)
    assert reading.marks.chosen is None
    reading.marks.add(5, 6)
    reading.submit()
    assert answers.rows()[0]["value"] == {"seen": "yes", "confidence": 60.0, "row": 5, "column": 6, "slice": 2}


@pytest.mark.slow
def test_the_slice_stays_for_the_next_step_and_the_time_of_each_goes_on(made: Any) -> None:
    reading, now, answers = made(cases=VOLUMES, questions=[QUALITY, {**STRUCTURES, "reference": True}])
    assert [image.shape for image in reading.images().values()] == [(3, 18, 22)]
    now[0] = 1.0
    reading.slices.turn(2)
    reading.answer("sharpness", level=1)
    now[0] = 3.0
    reading.clock.pause()
    now[0] = 9.0
    reading.clock.pause()
    reading.submit()
    assert (reading.slices.at, list(reading.images())) == (2, ["reference", "image"])
    now[0] = 10.0
    reading.toggle("structures", "nothing")
    reading.answer("structures", certainty=50.0)
    reading.submit()
    seen = {row["question"]: row["context"]["seen"] for row in answers.rows() if row["question"] != "comment"}
    assert seen == {"sharpness": [1000, 0, 2000], "structures": [1000, 0, 3000]}
    assert reading.slices.at == 0


@pytest.mark.slow
def test_images_are_ranked_one_after_the_other(made: Any) -> None:
    arms = [{"name": name, "image": "clean"} for name in ("one", "two", "three")]
    reading, *_ = made(arms=arms, questions=[{"id": "rank", "kind": "ranking", "text": "?"}])
    assert list(reading.images()) == ["a", "b", "c"]
    reading.rank("rank", 2)
    assert not reading.complete
    reading.rank("rank", 0)
    assert reading.values["rank"]["order"] == [2, 0, 1]
    assert reading.complete
    reading.rank("rank", 0)
    assert reading.values["rank"]["order"] == [2]


@pytest.mark.slow
def test_the_reference_comes_in_a_step_of_its_own(made: Any) -> None:
    reading, now, answers = made(questions=[QUALITY, {**STRUCTURES, "reference": True}])
    shown = reading.shown
    assert (list(reading.questions), list(reading.images())) == (["sharpness"], ["image"])
    reading.answer("sharpness", level=1)
    now[0] = 5.0
    reading.submit()
    assert reading.shown is shown
    assert (list(reading.questions), list(reading.images())) == (["structures"], ["reference", "image"])
    reading.toggle("structures", "nothing")
    reading.answer("structures", certainty=50.0)
    now[0] = 7.0
    reading.submit()
    assert reading.shown is not shown
    times = {row["question"]: row["context"] for row in answers.rows()}
    assert (times["sharpness"]["answered"], times["structures"]["answered"]) == (5000, 7000)
    assert times["structures"]["shown"] == 0


@pytest.mark.slow
def test_structures_without_a_change_have_no_consequence(made: Any) -> None:
    reading, _, answers = made(questions=[STRUCTURES])
    reading.toggle("structures", "removed")
    reading.answer("structures", certainty=50.0, consequence="minor")
    assert reading.complete
    reading.toggle("structures", "nothing")
    assert reading.complete
    reading.submit()
    assert answers.rows()[0]["value"] == {"changes": [], "certainty": 50.0, "consequence": "none"}


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_revision_asks_for_what_was_not_given_before(made: Any) -> None:
    """A confidence where the reader was unsure, and a consequence where nothing was changed."""
    reading, _, answers = made(questions=[*LESION, STRUCTURES])
    reading.answer("lesion", seen="unsure")
    reading.toggle("structures", "nothing")
    reading.answer("structures", certainty=80.0)
    reading.submit()
    stored = {row["question"]: row["value"] for row in answers.rows()}
    assert stored["lesion"] == {"seen": "unsure", "confidence": 0.0}
    assert stored["structures"]["consequence"] == "none"
    reading.go_back()
    assert reading.complete
    reading.answer("lesion", seen="yes")
    assert not reading.is_answered("lesion")
    reading.answer("lesion", confidence=70.0)
    reading.toggle("structures", "added")
    assert not reading.is_answered("structures")
    reading.answer("structures", consequence="minor")
    reading.submit()
    assert {row["question"]: row["value"] for row in answers.rows()} == {
        "comment": {"text": ""},
        "lesion": {"seen": "yes", "confidence": 70.0},
        "structures": {"changes": ["added"], "certainty": 80.0, "consequence": "minor"},
    }


@pytest.mark.slow
def test_going_back_keeps_what_was_not_stored_yet(made: Any) -> None:
    reading, _, answers = made(questions=[QUALITY, {**STRUCTURES, "id": "changed"}])
    reading.answer("sharpness", level=1)
    reading.answer("changed", cannot_judge=True)
    reading.submit()
    reading.answer("sharpness", level=2)
    reading.comment = "dark"
    second = reading.shown
    reading.go_back()
    reading.answer("sharpness", level=3)
    reading.submit()
    assert (reading.shown, reading.values, reading.comment) == (second, {"sharpness": {"level": 2}}, "dark")
    reading.answer("changed", cannot_judge=True)
    reading.submit()
    assert (reading.values, reading.comment) == ({}, "")
    given = answers.given("R1", second.id)[1]
    assert (given["sharpness"], given["comment"]) == ({"level": 2}, {"text": "dark"})


@pytest.mark.slow
def test_the_time_of_a_case_goes_on_after_another_one_was_revised(made: Any) -> None:
    """First case: 4 s, then 3 s of revising. Second case: 5 s before that, 2 s after it."""
    reading, now, answers = made()
    for seconds, act in (
        (4, lambda: (reading.answer("sharpness", level=1), reading.submit())),
        (5, reading.go_back),
        (3, lambda: (reading.answer("sharpness", level=2), reading.submit())),
        (2, lambda: (reading.answer("sharpness", level=3), reading.submit())),
    ):
        now[0] += seconds
        act()
    table = long_table(answers, answers.unsealed(None))
    assert [(row["seconds"], row["hidden_seconds"], row["revision_seconds"]) for row in table] == [
        (4, 0, 3),
        (7, 3, None),
    ]


@pytest.mark.slow
def test_marks_that_were_taken_away_come_back(made: Any) -> None:
    reading, _, answers = made(questions=[{"id": "marks", "kind": "free-response", "text": "?"}])
    first, second = {"row": 1, "column": 1, "rating": 60}, {"row": 1, "column": 9, "rating": 20}
    for mark in (first, second):
        reading.marks.add(mark["row"], mark["column"])
        reading.marks.rate(mark["rating"])
    assert not reading.marks.can_bring_back
    for part in ({"marks": []}, {"cannot_judge": True}):  # keys 1 and 0
        reading.answer("marks", **part)
        assert (reading.marks.all, reading.complete) == ([], True)
        reading.marks.bring_back()
        assert reading.marks.all == [first, second]
    for left in ([first], []):
        reading.marks.take_away()
        assert reading.marks.all == left
    assert not reading.complete  # whoever takes the last one away has not said that there is none
    reading.marks.bring_back()
    reading.marks.bring_back()
    assert reading.marks.all == [first, second]
    reading.marks.bring_back()
    assert reading.marks.all == [first, second]
    reading.submit()
    assert answers.rows()[0]["value"] == {"marks": [first, second]}
    reading.marks.bring_back()
    assert reading.marks.all == []


@pytest.mark.slow
def test_names_are_neutral(made: Any) -> None:
    reading, _, answers = made(questions=PAIRS, viewing={"reference": True})
    images = reading.images()
    assert list(images) == ["reference", "a", "b"]
    shown = reading.shown
    assert shown is not None
    np.testing.assert_array_equal(images["b"], answers.bundle.image(shown.images[1], shown))


@pytest.mark.slow
def test_a_case_for_training_shows_its_truth_before_the_next_one(made: Any) -> None:
    cases = [
        {"id": f"c{at}", "saved": f"c{at}", "patient": f"p{at}", "lesion": True, "training": at == 0} for at in range(2)
    ]
    reading, *_ = made(cases=cases)
    first = reading.shown
    reading.answer("sharpness", level=1)
    reading.submit()
    assert reading.shown is first
    assert reading.truth == {"lesion": True, "places": []}
    reading.submit()
    assert reading.shown is not first
    assert reading.truth is None


@pytest.mark.slow
def test_a_case_for_training_of_which_nothing_can_be_told_leads_to_the_next_one(made: Any) -> None:
    cases = [{"id": f"c{at}", "saved": f"c{at}", "patient": f"p{at}", "training": at == 0} for at in range(2)]
    reading, *_ = made(cases=cases)
    first = reading.shown
    reading.answer("sharpness", level=1)
    reading.submit()
    assert reading.shown is not first


@pytest.mark.slow
def test_the_truth_is_shown_on_the_slice_on_which_it_is(made: Any) -> None:
    place = {"slice": 2, "shapes": [{"kind": "box", "row": 4, "column": 5, "height": 3, "width": 3}]}
    reading, *_ = made(cases=[{**VOLUMES[0], "place": place, "training": True}, VOLUMES[1]])
    reading.answer("sharpness", level=1)
    assert reading.true_places == []
    reading.submit()
    assert (reading.slices.at, reading.true_places) == (2, [(5, 6, 2)])
    reading.truth = {"lesion": True, "places": [[5.0, 6.0]]}  # of a study that was frozen before there were slices
    assert reading.true_places == [(5, 6, 0)]


@pytest.mark.slow
def test_an_unknown_reader_is_refused(made: Any) -> None:
    _, _, answers = made()
    with pytest.raises(InputError, match="there is no reader 'R9'"):
        Reading(answers, "R9")


@pytest.mark.slow
def test_what_was_answered_stays_while_the_truth_is_told(made: Any) -> None:
    place = {"shapes": [{"kind": "box", "row": 4, "column": 5, "height": 3, "width": 3}]}
    cases = [
        {"id": f"c{at}", "saved": f"c{at}", "patient": f"p{at}", "lesion": True, "training": at == 0, "place": place}
        for at in range(2)
    ]
    reading, _, answers = made(cases=cases, questions=[{"id": "marks", "kind": "free-response", "text": "?"}])
    reading.marks.add(5, 6)
    assert reading.marks.chosen is not None
    reading.marks.rate(70)
    reading.submit()
    assert reading.true_places == [(5, 6, 0)]
    given = {"marks": {"marks": [{"row": 5, "column": 6, "rating": 70}]}}
    for act in (
        lambda: reading.marks.add(9, 9),
        lambda: reading.marks.rate(20),
        lambda: reading.marks.move(1, 1),
        reading.marks.take_away,
        reading.marks.bring_back,
        lambda: reading.answer("marks", marks=[]),
    ):
        act()
        assert reading.values == given
    assert reading.marks.chosen is None, "arrows move the image"
    reading.submit()
    assert reading.shown is not None
    assert not reading.shown.training
    assert answers.given("R1", answers.bundle.of_reader("R1")[0].id)[1]["marks"] == given["marks"]


@pytest.mark.slow
def test_no_mark_is_set_outside_of_the_square(made: Any) -> None:
    reading, _, _ = made(questions=[{"id": "marks", "kind": "free-response", "text": "?"}], viewing={"region": True})
    object.__setattr__(reading.shown, "region", (4, 6, 8, 9))  # as of an image that is wider than the square
    said: list[str] = []
    reading.marks.refused.connect(said.append)
    for row, column in ((3, 8), (12, 8), (8, 5), (8, 15)):
        reading.marks.add(row, column)
    assert reading.values == {}
    assert said == 4 * ["Marks outside of the square do not count. Click in the square."]
    reading.marks.add(8, 8)
    assert len(said) == 4
    reading.marks.move(20, 20)
    assert reading.marks.all == [{"row": 11, "column": 14}]
    reading.marks.move(-20, -20)
    assert reading.marks.all == [{"row": 4, "column": 6}]


@pytest.mark.slow
def test_a_mark_beyond_the_most_is_refused_in_words(made: Any) -> None:
    """Nothing happened, and nothing was said."""
    reading, _, _ = made(questions=[{"id": "marks", "kind": "free-response", "text": "?"}])
    said: list[str] = []
    reading.marks.refused.connect(said.append)
    full = [{"row": 0.0, "column": 100.0 * at} for at in range(20)]
    reading.answer("marks", marks=full)
    reading.marks.add_in_middle()
    assert reading.marks.all == full
    assert said == ["20 marks are the most that a case can have. Take one away to set another."]
    reading.marks.take_away()
    reading.marks.add_in_middle()
    assert (len(reading.marks.all), len(said)) == (20, 1)
