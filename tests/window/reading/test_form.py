from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from helpers.reading import LESION, QUALITY, opened_study
from napari_recon_robust.window.reading.form import Form
from napari_recon_robust.workbench.reading import Reading

STRUCTURES = {"id": "structures", "kind": "structures", "text": "Changed?"}


SCALE = {**QUALITY, "words": [f"level {at}" for at in range(11)]}


@pytest.fixture
def form(tmp_path: Path, qtbot: Any, request: pytest.FixtureRequest) -> Iterator[Form]:
    questions = getattr(request, "param", [QUALITY, LESION[0], STRUCTURES])
    answers = opened_study(tmp_path, questions=questions)
    reading = Reading(answers, "R1")
    reading.consent()
    reading.go_on()
    made = Form(reading, lambda: None)
    qtbot.addWidget(made)
    made.resize(480, 900)  # answers stay in one line
    made.show()
    yield made
    answers.close()


def test_keys_answer_one_question_after_the_other(form: Form) -> None:
    for key in "22++156+":
        assert form.press(key)
    assert form._reading.values == {
        "sharpness": {"level": 2},
        "lesion": {"seen": "no", "confidence": 60.0},
        "structures": {"changes": ["added"], "consequence": "minor", "certainty": 55.0},
    }
    assert form._reading.complete
    assert not form.press("x")


def test_the_mouse_answers_too_and_the_buttons_follow(form: Form) -> None:
    asked = form.asked["sharpness"]
    buttons = {value: button for _, button, name, value in asked._choices if name == "level"}
    QTest.mouseClick(buttons[3], Qt.MouseButton.LeftButton, pos=buttons[3].rect().center() * 0.1)
    assert form._reading.values["sharpness"] == {"level": 3}
    form._reading.answer("sharpness", level=1)
    assert [button.isChecked() for button in buttons.values()] == [True, False, False]
    form._reading.answer("sharpness", cannot_judge=True)
    assert not any(button.isChecked() for button in buttons.values())


@pytest.mark.parametrize("form", [[SCALE]], indirect=True)
def test_a_scale_shows_the_keys_that_it_has(form: Form) -> None:
    shown = [button.text() for _, button, _, _ in form.asked["sharpness"]._choices]
    assert shown[7:] == ["8  level 7", "9  level 8", "level 9", "level 10", "0  Cannot judge"]
    assert not form.press("")  # as of a key without a letter
    assert form.press("9")
    assert form._reading.values["sharpness"] == {"level": 9}


def test_a_consequence_belongs_to_a_change(form: Form) -> None:
    consequences = [button for _, button, name, _ in form.asked["structures"]._choices if name == "consequence"]
    assert not any(button.isEnabled() for button in consequences)
    form._reading.toggle("structures", "added")
    assert all(button.isEnabled() for button in consequences)


def test_that_a_question_cannot_be_judged_stands_apart_from_its_last_part(form: Form) -> None:
    """Among the consequences it was taken for one of them, and the answer before was gone."""
    names = [name for _, _, name, _ in form.asked["structures"]._choices]
    assert names == [*["changes"] * 3, "nothing", "cannot_judge", *["consequence"] * 3]


def test_every_control_has_a_name_for_screen_readers(form: Form) -> None:
    for asked in form.asked.values():
        assert all(button.accessibleName() for _, button, _, _ in asked._choices)
        assert asked._slider is None or asked._slider.slider.accessibleName()
