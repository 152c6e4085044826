"""The reading room in napari's real window, read by real keys and clicks."""

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.settings import get_settings
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QKeyEvent, QWheelEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QCheckBox, QDockWidget, QLabel, QLineEdit, QPushButton, QRadioButton, QWidget

from helpers.full_disk import room_for
from helpers.reading import LESION, PAIRS, QUALITY, VOLUMES, opened_study
from napari_recon_robust.data.orientation import FIRST_ROW_BELOW
from napari_recon_robust.ground.writing import WritingError
from napari_recon_robust.reader_studies.answers import Answers
from napari_recon_robust.window.reading.mark_list import MarkList
from napari_recon_robust.window.reading.room import ReadingRoom
from napari_recon_robust.window.reading.slice_bar import SliceBar
from napari_recon_robust.window.reading.slider import Slider
from napari_recon_robust.workbench.reading import Reading


@pytest.fixture
def room(
    make_napari_viewer_proxy: Callable[[], Any], tmp_path: Path, until: Callable[[Callable[[], object]], None]
) -> Iterator[Callable[..., ReadingRoom]]:
    """Open the room, and come as far as the first case."""
    opened: list[Answers] = []

    def enter(**changes: Any) -> ReadingRoom:
        folder = tmp_path / str(len(opened))
        opened.append(opened_study(folder, **changes))
        viewer = make_napari_viewer_proxy().__wrapped__
        made = ReadingRoom(viewer, Reading(opened[-1], "R1"))
        viewer.window._qt_window.show()
        viewer.window._qt_window.activateWindow()
        until(viewer.window._qt_window.isActiveWindow)  # napari's shortcuts take no key before
        for _ in range(3):  # consent, the display, and how to read
            QTest.mouseClick(made.side._first, Qt.MouseButton.LeftButton)
            QTest.qWait(50)  # each is seen before the next, and laid out
        until(lambda: made.panels.settled and made.panels.panels)
        return made

    yield enter
    for one in opened:
        one.close()


def test_a_scripted_reader_reads_by_keys(
    room: Callable[..., ReadingRoom], until: Callable[[Callable[[], object]], None]
) -> None:
    opened = room()
    reading = opened.reading
    for done in range(12):
        shown = reading.shown
        assert shown is not None
        until(lambda: opened.panels.settled)
        image = opened.panels.panels["image"].image
        np.testing.assert_array_equal(np.asarray(image.data), reading.images()["image"])
        assert tuple(image.contrast_limits) == pytest.approx(shown.window)
        QTest.keyClick(opened.canvas, Qt.Key.Key_Return)  # nothing is answered yet
        assert reading.shown is shown
        QTest.keyClick(opened.canvas, str(1 + done % 3))
        QTest.keyClick(opened.canvas, Qt.Key.Key_Return)
    assert reading.shown is None
    levels = [row["value"]["level"] for row in reading._answers.rows() if row["question"] == "sharpness"]
    assert levels == [1 + done % 3 for done in range(12)]
    words = [label.text() for label in opened.side.findChildren(QLabel)]
    assert any("You have read all cases: 12 of 12" in text for text in words)


def test_no_shortcut_of_the_window_takes_a_key_of_the_room(
    room: Callable[..., ReadingRoom], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = room(questions=[{"id": "marks", "kind": "free-response", "text": "?"}])
    keys = [*opened._acts, *(Qt.Key(Qt.Key.Key_0 + digit) for digit in range(10)), *map(Qt.Key, range(0x41, 0x5B))]
    came: list[int] = []
    monkeypatch.setattr(opened, "_press", lambda event: came.append(event.key()) or True)
    for widget in (opened.canvas, opened._window._qt_viewer, opened.side._next):
        came.clear()
        widget.setFocus()
        for key in keys:
            QTest.keyClick(widget, key)
        assert came == keys


@pytest.mark.parametrize("read_only", [False, True])
def test_napari_gets_no_key_that_the_comment_leaves(
    room: Callable[..., ReadingRoom], until: Callable[[Callable[[], object]], None], read_only: bool
) -> None:
    opened = room()
    viewer, comment = opened.panels.viewer, opened.side.comment
    comment.setReadOnly(read_only)
    comment.setFocus()
    until(comment.hasFocus)
    for key in (Qt.Key.Key_T, Qt.Key.Key_Y, Qt.Key.Key_G, Qt.Key.Key_M):
        QTest.keyClick(comment, key, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClicks(comment, "v2")
    assert comment.toPlainText() == ("" if read_only else "v2")
    assert (viewer.dims.order, viewer.dims.ndisplay, viewer.canvas.grid.enabled) == ((0, 1, 2), 2, False)
    assert opened.panels.panels["image"].image.visible
    assert opened._window._qt_window.menuBar().isHidden()
    assert not opened.reading.values


def test_a_key_that_is_held_answers_one_question(room: Callable[..., ReadingRoom]) -> None:
    questions = [{**QUALITY, "id": id} for id in ("sharpness", "contrast")]
    opened = room(questions=questions)
    reading = opened.reading

    def hold(key: Qt.Key, text: str) -> None:
        for again in (False, True, True, True):  # an even number, which would end a pause
            kind = QKeyEvent.Type.KeyPress
            event = QKeyEvent(kind, key, Qt.KeyboardModifier.NoModifier, text, again)
            QApplication.sendEvent(opened.canvas, event)

    hold(Qt.Key.Key_2, "2")
    assert reading.values == {"sharpness": {"level": 2}}
    hold(Qt.Key.Key_P, "p")
    assert reading.clock.paused


@pytest.mark.thorough
def test_the_slider_of_a_new_mark_is_in_sight(
    room: Callable[..., ReadingRoom], until: Callable[[Callable[[], object]], None]
) -> None:
    opened = room(questions="free-response")

    def is_in_sight(line: QWidget) -> bool:
        viewport = opened.side._scroll.viewport()
        return 0 <= line.mapTo(viewport, QPoint(0, 0)).y() <= viewport.height() - line.height()

    for number in range(12):
        opened.reading.marks.add(5 * (number % 4), 5 * (number // 4))
        (marks,) = opened.side.findChildren(MarkList)
        until(lambda marks=marks, number=number: marks.chosen is marks.lines[number] and is_in_sight(marks.chosen))


@pytest.mark.thorough
def test_how_to_read_is_shown_again_in_a_pause(room: Callable[..., ReadingRoom]) -> None:
    opened = room(viewing={"region": True})
    side, reading = opened.side, opened.reading
    for end in ("h", "p", "button"):
        QTest.keyClick(opened.canvas, Qt.Key.Key_1)
        QTest.keyClick(opened.canvas, "h")
        assert "How to read" in side._text.text()
        assert "R the marked region" in side._text.text()
        assert side._page.isVisible()
        assert reading.clock.paused
        assert not opened.canvas.isVisible()
        assert not side._next.isVisible()
        QTest.keyClick(side._first, Qt.Key.Key_2)  # answers nothing
        assert reading.values == {"sharpness": {"level": 1}}
        if end == "button":
            QTest.mouseClick(side._first, Qt.MouseButton.LeftButton)
        else:
            QTest.keyClick(side._first, end)
        assert not side._page.isVisible()
        assert not reading.clock.paused
        assert opened.canvas.isVisible()
        assert side._next.isEnabled()
        assert side.comment.isVisible()


@pytest.mark.thorough
def test_the_next_sitting_is_told_in_the_time_of_the_place(
    room: Callable[..., ReadingRoom], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "EAST-9:30")
    time.tzset()
    try:
        opened = room(design={"readers": 2, "sittings": "separate"})
        reading = opened.reading
        while reading.shown is not None:
            QTest.keyClick(opened.canvas, "2")
            QTest.keyClick(opened.canvas, Qt.Key.Key_Return)
        wait = datetime.fromisoformat(reading.place.wait)
        assert wait.utcoffset() == timedelta(0)
        local = wait.replace(tzinfo=None) + timedelta(hours=9, minutes=30)
        said = " ".join(label.text() for label in opened.side.findChildren(QLabel))
        assert f"the next sitting on {local:%d %B %Y, %H:%M}." in said
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.thorough
def test_going_back_and_pausing(room: Callable[..., ReadingRoom]) -> None:
    opened = room()
    first = opened.reading.shown
    QTest.keyClick(opened.canvas, "2")
    QTest.keyClick(opened.canvas, Qt.Key.Key_Return)
    assert opened.reading.shown is not first
    QTest.keyClick(opened.canvas, Qt.Key.Key_Backspace)
    assert opened.reading.shown is first
    assert opened.reading.values == {"sharpness": {"level": 2}}
    QTest.keyClick(opened.canvas, "p")
    assert opened.reading.clock.paused
    assert opened.canvas.isHidden()
    QTest.mouseClick(opened.side._pause, Qt.MouseButton.LeftButton)
    assert not opened.canvas.isHidden()


def test_a_study_without_a_way_back_offers_none(room: Callable[..., ReadingRoom]) -> None:
    opened = room(design={"readers": 2, "back": False})
    QTest.keyClick(opened.canvas, "2")
    QTest.keyClick(opened.canvas, Qt.Key.Key_Return)
    second = opened.reading.shown
    assert opened.side._back.isHidden()
    QTest.keyClick(opened.canvas, Qt.Key.Key_Backspace)
    assert opened.reading.shown is second
    assert "answers cannot be changed" in opened.side._error.text()


def test_what_was_answered_stays_while_the_truth_is_told(room: Callable[..., ReadingRoom]) -> None:
    cases = [
        {"id": f"c{at}", "saved": f"c{at}", "patient": f"p{at}", "lesion": False, "training": at == 0}
        for at in range(2)
    ]
    opened = room(cases=cases)
    first, side = opened.reading.shown, opened.side
    for key in ("2", Qt.Key.Key_Return, "3", Qt.Key.Key_Backspace):
        QTest.keyClick(opened.canvas, key)
    assert side._error.text() == "The truth: there is no lesion in this case."
    assert side.form is not None
    for button in side.form.findChildren(QRadioButton):
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert [button.isChecked() for button in side.form.findChildren(QRadioButton)] == [False, True, False, False]
    assert side.comment.isReadOnly()
    assert opened.reading.shown is first
    QTest.keyClick(opened.canvas, Qt.Key.Key_Return)
    assert opened.reading.shown is not first
    assert not side.comment.isReadOnly()
    QTest.keyClick(opened.canvas, "3")
    assert opened.reading.values == {"sharpness": {"level": 3}}


@pytest.mark.thorough
def test_a_click_outside_of_the_square_is_refused_and_said(room: Callable[..., ReadingRoom]) -> None:
    opened = room(questions=[{"id": "marks", "kind": "free-response", "text": "?"}], viewing={"region": True})
    object.__setattr__(opened.reading.shown, "region", (4, 6, 8, 9))  # as of an image that is wider than the square
    opened.panels.navigation.clicked.emit(2.0, 8.0)
    assert opened.reading.values == {}
    assert opened.side._error.text() == "Marks outside of the square do not count. Click in the square."
    opened.panels.navigation.clicked.emit(8.0, 8.0)
    assert opened.reading.marks.all == [{"row": 8.0, "column": 8.0}]
    assert opened.side._error.text() == ""
    opened.reading.answer("marks", marks=[{"row": 4.0, "column": 100.0 + at} for at in range(20)])
    QTest.keyClick(opened.canvas, Qt.Key.Key_M)
    assert opened.side._error.text().startswith("20 marks are the most that a case can have.")


@pytest.mark.parametrize("key", ["1", "p", "h"])
def test_what_was_refused_is_said_until_the_reader_goes_on(room: Callable[..., ReadingRoom], key: str) -> None:
    opened = room(design={"readers": 2, "back": False})
    QTest.keyClick(opened.canvas, Qt.Key.Key_Backspace)
    assert opened.side._error.text() == "In this study answers cannot be changed."
    QTest.keyClick(opened.canvas, key)
    assert opened.side._error.text() == ""


@pytest.mark.parametrize(
    ("question", "placed", "removed"),
    [
        (QUALITY, False, False),
        ({**LESION[0], "place": True}, True, False),
        ({"id": "lesions", "kind": "free-response", "text": "Where?"}, True, True),
    ],
    ids=["quality", "lesion", "free-response"],
)
def test_how_to_read_names_the_keys_that_do_something(
    room: Callable[..., ReadingRoom], question: dict[str, Any], placed: bool, removed: bool
) -> None:
    words = room(questions=[question]).side._text.text()
    assert words.startswith("How to read")
    assert ("M sets a mark" in words, "X removes the chosen mark" in words) == (placed, removed)


@pytest.mark.thorough
def test_the_comment_is_left_by_the_keyboard(room: Callable[..., ReadingRoom]) -> None:
    opened = room()
    QTest.keyClicks(opened.side.comment, "p 1")
    QTest.keyClick(opened.side.comment, Qt.Key.Key_Tab)
    assert opened.reading.comment == "p 1"
    assert not opened.reading.clock.paused
    assert not opened.reading.values


@pytest.mark.thorough
def test_a_pause_holds_all_but_its_own_button(room: Callable[..., ReadingRoom]) -> None:
    opened = room()
    QTest.keyClick(opened.canvas, "2")
    QTest.keyClick(opened.canvas, Qt.Key.Key_Return)
    QTest.keyClick(opened.canvas, "3")
    side, second = opened.side, opened.reading.shown
    for label in ("Continue (P)", "Pause (P)"):
        QTest.mouseClick(side._pause, Qt.MouseButton.LeftButton)
        paused = opened.reading.clock.paused
        assert (side._pause.text(), paused) == (label, label != "Pause (P)")
        held = (opened.canvas.isHidden(), "Paused" in side._words.text(), not side._scroll.isEnabled())
        assert {*held, not side._next.isEnabled(), not side._back.isEnabled()} == {paused}
        QTest.mouseClick(side._back, Qt.MouseButton.LeftButton)
        assert (opened.reading.shown is second) is paused


def test_a_case_that_is_opened_in_a_pause_ends_it(room: Callable[..., ReadingRoom]) -> None:
    opened = room()
    QTest.keyClick(opened.canvas, "p")
    opened.reading.go_on()
    assert not opened.reading.clock.paused
    assert not opened.canvas.isHidden()
    assert opened.side._pause.text() == "Pause (P)"
    assert opened.side._words.text().startswith("Case 1 of 12")


def test_a_lesion_is_marked_by_a_click(room: Callable[..., ReadingRoom]) -> None:
    opened = room(questions=[{**LESION[0], "place": True}])
    QTest.keyClick(opened.canvas, "1")
    QTest.keyClick(opened.canvas, "+")
    QTest.mouseClick(opened.canvas, Qt.MouseButton.LeftButton, pos=opened.canvas.rect().center())
    shown = opened.reading.shown
    assert shown is not None
    mark = opened.reading.marks.all[0]
    assert (mark["row"], mark["column"]) == pytest.approx(((shown.rows - 1) / 2, (shown.columns - 1) / 2), abs=1)
    assert opened.side._next.isEnabled()


@pytest.mark.thorough
def test_marks_are_set_and_moved_by_keys(room: Callable[..., ReadingRoom]) -> None:
    opened = room(questions=[{"id": "marks", "kind": "free-response", "text": "?"}])
    for key in (Qt.Key.Key_M, Qt.Key.Key_Up, Qt.Key.Key_Right, "+"):
        QTest.keyClick(opened.canvas, key)
    shown = opened.reading.shown
    assert shown is not None
    down = 1 if shown.turn == FIRST_ROW_BELOW else -1
    middle = (shown.rows - 1) / 2, (shown.columns - 1) / 2
    assert opened.reading.marks.all == [{"row": middle[0] + down, "column": middle[1] + 1, "rating": 55}]
    QTest.mouseClick(opened.canvas, Qt.MouseButton.LeftButton, pos=opened.canvas.rect().center())
    assert len(opened.reading.marks.all) == 1  # near the first one
    QTest.keyClick(opened.canvas, Qt.Key.Key_X)
    assert opened.reading.marks.all == []
    assert not opened.side._next.isEnabled()
    QTest.keyClick(opened.canvas, "1")
    assert opened.side._next.isEnabled()


def test_three_images_are_ranked_by_keys(
    room: Callable[..., ReadingRoom], until: Callable[[Callable[[], object]], None]
) -> None:
    arms = [{"name": name, "image": image} for name, image in zip("xyz", ("clean", "perturbed", "random"), strict=True)]
    opened = room(arms=arms, questions=[{"id": "rank", "kind": "ranking", "text": "?"}])
    assert opened.panels.shown == ("a", "b", "c")
    assert opened.looking.modes == ("side", "flicker")
    QTest.keyClick(opened.canvas, "3")
    QTest.keyClick(opened.canvas, "1")
    first = opened.reading.shown
    assert first is not None
    QTest.keyClick(opened.canvas, Qt.Key.Key_Return)
    assert opened.reading._answers.given("R1", first.id)[1]["rank"] == {"order": [2, 0, 1]}


def test_flicker_and_wipe_keep_the_window_and_the_zoom(
    room: Callable[..., ReadingRoom], until: Callable[[Callable[[], object]], None]
) -> None:
    opened = room(questions=PAIRS)
    left, right = (image[0] for image in opened.reading.images().values())

    def seen() -> np.ndarray:
        return np.asarray(opened.panels.panels["b"].image.data)[0]

    opened.panels.shared_window.start(0.1, 0.7)
    QTest.keyClick(opened.canvas, "l")
    until(lambda: opened.panels.shown == ("b",) and opened.panels.settled)
    until(lambda: np.array_equal(seen(), left))
    until(lambda: np.array_equal(seen(), right))
    QTest.keyClick(opened.canvas, "v")
    until(lambda: opened.panels.settled)
    QTest.keyClick(opened.canvas, Qt.Key.Key_Right)
    edge = round(0.52 * left.shape[1])
    np.testing.assert_array_equal(seen(), np.concatenate([left[:, :edge], right[:, edge:]], axis=1))
    assert opened.panels.shared_window.limits == pytest.approx((0.1, 0.7))
    QTest.keyClick(opened.canvas, "1")
    shown = opened.reading.shown
    assert shown is not None
    QTest.keyClick(opened.canvas, Qt.Key.Key_Return)
    context = opened.reading._answers.rows()[0]["context"]
    assert (context["mode"], context["low"], context["high"]) == ("wipe", pytest.approx(0.1), pytest.approx(0.7))
    assert context["zoom"] == pytest.approx(1, abs=0.02)
    assert opened.looking.mode == "side"


def _wheel(opened: ReadingRoom, notches: float, control: bool = False) -> None:
    """Roll the wheel over the picture; up is positive."""
    at = QPointF(opened.canvas.rect().center())
    held = Qt.KeyboardModifier.ControlModifier if control else Qt.KeyboardModifier.NoModifier
    rolled = QPoint(0, round(120 * notches))
    place = QPointF(opened.canvas.mapToGlobal(at.toPoint()))
    event = QWheelEvent(at, place, QPoint(), rolled, Qt.MouseButton.NoButton, held, Qt.ScrollPhase.NoScrollPhase, False)
    QApplication.sendEvent(opened.canvas, event)


@pytest.mark.thorough
def test_slices_are_turned_by_wheel_keys_and_slider_in_one_view(
    room: Callable[..., ReadingRoom], until: Callable[[Callable[[], object]], None]
) -> None:
    opened = room(cases=VOLUMES, questions=PAIRS)
    reading, camera = opened.reading, opened.panels.viewer.scene.camera
    bar = opened.side.bar.findChild(SliceBar)
    left, right = reading.images().values()

    def seen(key: str) -> np.ndarray:
        return np.asarray(opened.panels.panels[key].image.data)[0]

    def is_shown(slice: int) -> bool:
        said = (bar._label.text(), bar.slider.accessibleName())
        assert said == (f"Slice {slice + 1} of 3 (J, K)", f"Slice {slice + 1} of 3")
        return np.array_equal(seen("a"), left[slice]) and np.array_equal(seen("b"), right[slice])

    assert bar.isVisible()
    assert is_shown(0)
    opened.panels.shared_window.start(0.1, 0.7)
    QTest.keyClick(opened.canvas, Qt.Key.Key_PageUp)
    zoom = camera.zoom
    for key, slice in (("k", 1), ("k", 2), ("k", 2), ("j", 1)):
        QTest.keyClick(opened.canvas, key)
        assert is_shown(slice)
    _wheel(opened, 1)
    assert is_shown(0)
    for _ in range(4):  # as a touchpad does
        _wheel(opened, -0.5)
    assert is_shown(2)
    assert camera.zoom == zoom
    _wheel(opened, 1, control=True)
    assert camera.zoom == pytest.approx(1.25 * zoom)
    bar.slider.setFocus()
    QTest.keyClick(bar.slider, Qt.Key.Key_Left)
    assert is_shown(1)
    QTest.keyClick(opened.canvas, "v")
    until(lambda: opened.panels.settled)
    QTest.keyClick(opened.canvas, "k")
    edge = left.shape[2] // 2
    np.testing.assert_array_equal(seen("b"), np.concatenate([left[2][:, :edge], right[2][:, edge:]], axis=1))
    QTest.keyClick(opened.canvas, "l")
    until(lambda: opened.panels.settled)
    until(lambda: np.array_equal(seen("b"), left[2]))
    until(lambda: np.array_equal(seen("b"), right[2]))
    assert opened.panels.shared_window.limits == pytest.approx((0.1, 0.7))
    QTest.keyClick(opened.canvas, "1")
    QTest.keyClick(opened.canvas, Qt.Key.Key_Return)
    context = reading._answers.rows()[0]["context"]
    assert (context["slice"], len(context["seen"])) == (2, 3)
    assert min(context["seen"]) > 0
    assert reading.slices.at == 0


@pytest.mark.thorough
def test_the_reference_turns_with_the_images_that_flicker(
    room: Callable[..., ReadingRoom], until: Callable[[Callable[[], object]], None]
) -> None:
    opened = room(cases=VOLUMES, questions=PAIRS, viewing={"reference": True})
    reference = opened.reading.images()["reference"]
    QTest.keyClick(opened.canvas, "l")
    until(lambda: opened.panels.settled)
    QTest.keyClick(opened.canvas, "k")
    np.testing.assert_array_equal(np.asarray(opened.panels.panels["reference"].image.data)[0], reference[1])


@pytest.mark.thorough
def test_marks_are_drawn_on_their_slice_alone(room: Callable[..., ReadingRoom]) -> None:
    opened = room(cases=VOLUMES, questions=[{"id": "marks", "kind": "free-response", "text": "?"}])
    rings = opened.panels.panels["image"].regions
    for key in ("m", "+", "k"):
        QTest.keyClick(opened.canvas, key)
    assert rings.nshapes == 0
    for key in (Qt.Key.Key_Right, "m", Qt.Key.Key_Right):
        QTest.keyClick(opened.canvas, key)
    assert rings.nshapes == 1
    (first, second) = opened.reading.marks.all
    assert (first["slice"], second["slice"], second["column"] - first["column"]) == (0, 1, 1)
    lines = opened.side.findChildren(Slider)
    assert [line.label.text() for line in lines] == [
        "1 (slice 1). How sure are you? 55",
        "2 (slice 2). How sure are you? not set",
    ]
    lines[0].slider.setValue(80)
    assert (opened.reading.slices.at, opened.reading.marks.all[0]["rating"]) == (0, 80)
    QTest.keyClick(opened.canvas, "p")
    _wheel(opened, -1)
    QTest.keyClick(opened.canvas, "k")
    assert opened.reading.slices.at == 0  # while the images are hidden


def test_a_case_of_one_slice_has_nothing_about_slices(room: Callable[..., ReadingRoom]) -> None:
    opened = room()
    assert not opened.side.bar.findChild(SliceBar).isVisible()
    assert not [one for one in opened.side.findChildren(QLabel) if one.isVisible() and "lice" in one.text()]
    QTest.keyClick(opened.canvas, "k")
    QTest.keyClick(opened.canvas, "2")
    QTest.keyClick(opened.canvas, Qt.Key.Key_Return)
    assert not {"slice", "seen"} & set(opened.reading._answers.rows()[0]["context"])


def test_keys_turn_the_window_zoom_and_move(room: Callable[..., ReadingRoom]) -> None:
    opened = room(questions=[{"id": "marks", "kind": "free-response", "text": "?"}])
    camera = opened.panels.viewer.scene.camera

    def window() -> tuple[float, float]:
        low, high = opened.panels.shared_window.limits
        return (low + high) / 2, high - low

    middle, width = window()
    QTest.keyClick(opened.canvas, "b")
    assert window() == pytest.approx((middle - 0.05 * width, width))
    for key, wanted in (("d", width), ("c", 0.9 * width), ("n", width)):
        QTest.keyClick(opened.canvas, key)
        assert window() == pytest.approx((middle, wanted))
    (_, row, column), fitting = camera.center, camera.zoom
    for key in (*[Qt.Key.Key_PageUp] * 3, Qt.Key.Key_Right, Qt.Key.Key_Up):
        QTest.keyClick(opened.canvas, key)
    assert camera.zoom == pytest.approx(1.25**3 * fitting)
    assert camera.center[1] < row
    assert camera.center[2] > column
    QTest.keyClick(opened.canvas, "m")
    mark, geometry = opened.reading.marks.chosen, opened.panels.geometry
    assert mark is not None
    assert geometry is not None

    def offset() -> np.ndarray:
        mark = opened.reading.marks.chosen
        assert mark is not None
        return np.abs(np.subtract(geometry.world(mark["row"], mark["column"]), camera.center[1:])) / opened._seen

    before = offset()
    QTest.keyClick(opened.canvas, Qt.Key.Key_PageUp)
    np.testing.assert_allclose(offset(), before, atol=1e-6)
    for _ in range(20):
        QTest.keyClick(opened.canvas, Qt.Key.Key_Right)
    assert offset().max() < 0.5
    for _ in range(5):
        QTest.keyClick(opened.canvas, Qt.Key.Key_PageDown)
    assert opened._zoom == pytest.approx(1)


@pytest.mark.thorough
def test_outlines_stay_as_thin_on_the_screen_whatever_the_zoom(
    room: Callable[..., ReadingRoom], until: Callable[[Callable[[], object]], None]
) -> None:
    opened = room(questions=PAIRS, viewing={"region": True})
    camera, left = opened.panels.viewer.scene.camera, opened.panels.panels["a"].regions
    fitting = camera.zoom * left.current_edge_width
    camera.zoom *= 4  # as by the wheel
    assert camera.zoom * left.current_edge_width == pytest.approx(fitting, rel=0.1)
    QTest.keyClick(opened.canvas, "r")
    QTest.keyClick(opened.canvas, "v")
    until(lambda: opened.panels.shown == ("b",) and opened.panels.settled)
    right = opened.panels.panels["b"].regions
    assert max(right.edge_width) * camera.zoom < 4 * fitting


@pytest.mark.thorough
def test_a_plan_may_forbid_flicker_wipe_window_and_zoom(room: Callable[..., ReadingRoom]) -> None:
    opened = room(questions=PAIRS, viewing={"modes": ["side"], "window": False, "zoom": False})
    window = opened.panels.shared_window.limits
    centre, zoom = opened.panels.viewer.scene.camera.center, opened.panels.viewer.scene.camera.zoom
    for key in (*"lvwfrbdcn", Qt.Key.Key_PageUp, Qt.Key.Key_Right):
        QTest.keyClick(opened.canvas, key)
    assert (opened.panels.viewer.scene.camera.center, opened.panels.viewer.scene.camera.zoom) == (centre, zoom)
    assert (opened.looking.mode, opened.panels.shown) == ("side", ("a", "b"))
    assert not opened.panels.navigation.windowed()
    assert not opened.panels.viewer.scene.camera.mouse_zoom
    assert opened.panels.shared_window.limits == window
    assert not [made for made in opened.side.bar.findChildren(QPushButton) if made.isVisible()]


@pytest.mark.thorough
def test_the_reference_stands_beside_the_question_that_asks_for_it(
    room: Callable[..., ReadingRoom], until: Callable[[Callable[[], object]], None]
) -> None:
    structures = {"id": "structures", "kind": "structures", "text": "Changed?", "reference": True}
    opened = room(questions=[QUALITY, structures])
    assert opened.panels.shown == ("image",)
    opened.panels.shared_window.start(0.1, 0.7)
    first = opened.reading.shown
    QTest.keyClick(opened.canvas, "2")
    QTest.keyClick(opened.canvas, Qt.Key.Key_Return)
    until(lambda: opened.panels.settled)
    assert opened.reading.shown is first
    assert opened.panels.shown == ("reference", "image")
    assert opened.panels.shared_window.limits == pytest.approx((0.1, 0.7))
    for key in "4+":
        QTest.keyClick(opened.canvas, key)
    layers = set(opened.panels.viewer.layers)
    opened.panels.viewer.scene.camera.zoom *= 3
    QTest.keyClick(opened.canvas, Qt.Key.Key_Return)
    assert opened.reading.shown is not first
    assert opened.panels.shown == ("image",)
    until(lambda: opened.panels.settled)
    assert set(opened.panels.viewer.layers) == layers  # which are not built anew
    assert opened._zoom == pytest.approx(1, abs=0.02)
    assert opened.panels.shared_window.limits != pytest.approx((0.1, 0.7))


@pytest.mark.thorough
def test_going_back_leads_past_the_case_that_is_judged_anew(room: Callable[..., ReadingRoom]) -> None:
    structures = {"id": "structures", "kind": "structures", "text": "Changed?", "reference": True}
    opened = room(questions=[QUALITY, structures])
    order = opened.reading._answers.bundle.of_reader("R1")
    at = next(number for number, one in enumerate(order) if any(one.same == other.same for other in order[:number]))
    for shown in order[:at]:
        assert opened.reading.shown is shown
        for key in ("2", Qt.Key.Key_Return, "4", "+", Qt.Key.Key_Return):
            QTest.keyClick(opened.canvas, key)
    assert opened.reading.shown is order[at]
    assert opened.panels.shown == ("image",)
    passed = []
    while opened.reading.before is not None:
        QTest.keyClick(opened.canvas, Qt.Key.Key_Backspace)
        passed.append(opened.reading.shown)
    assert passed == [one for one in reversed(order[:at]) if one.same != order[at].same]
    assert len(passed) == at - 1


@pytest.mark.thorough
def test_marks_that_a_key_takes_away_come_back(room: Callable[..., ReadingRoom]) -> None:
    opened = room(questions=[{"id": "marks", "kind": "free-response", "text": "?"}])
    QTest.mouseClick(opened.canvas, Qt.MouseButton.LeftButton, pos=opened.canvas.rect().center())
    QTest.keyClick(opened.canvas, "+")
    (marked,) = opened.reading.marks.all
    (again,) = [one for one in opened.side.findChildren(QPushButton) if one.text().startswith("Bring back")]
    assert not again.isVisible()
    for key in ("1", "0", "x"):
        QTest.keyClick(opened.canvas, key)
        assert opened.reading.marks.all == []
        assert again.isVisible()
        QTest.keyClick(opened.canvas, "z")
        assert opened.reading.marks.all == [marked]
        assert not again.isVisible()


def test_what_was_answered_stays_if_it_cannot_be_stored(
    room: Callable[..., ReadingRoom], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = room()

    def full(*_: Any, **__: Any) -> None:
        raise WritingError("answers.sqlite cannot be written (the disk is full); make room, and send the answer again.")

    with monkeypatch.context() as patch:
        patch.setattr(opened.reading._answers, "record", full)
        QTest.keyClick(opened.canvas, "3")
        QTest.keyClick(opened.canvas, Qt.Key.Key_Return)
    assert "the disk is full" in opened.side._error.text()
    assert opened.reading.values == {"sharpness": {"level": 3}}
    QTest.keyClick(opened.canvas, Qt.Key.Key_Return)
    assert len(opened.reading._answers.rows()) == 2


def test_a_full_disk_is_said_and_the_answer_is_stored_later(room: Callable[..., ReadingRoom]) -> None:
    opened = room()
    first = opened.reading.shown
    QTest.keyClick(opened.canvas, "3")
    with room_for(0):
        QTest.keyClick(opened.canvas, Qt.Key.Key_Return)
    assert "make room, and send the answer again" in opened.side._error.text()
    assert (opened.reading.shown, opened.reading.values) == (first, {"sharpness": {"level": 3}})
    assert not opened.reading._answers.rows()
    QTest.keyClick(opened.canvas, Qt.Key.Key_Return)
    assert opened.reading.shown is not first
    assert len(opened.reading._answers.rows()) == 2


def _told(opened: ReadingRoom) -> Any:
    """All of the viewer that a reader could look at, except pixels."""
    viewer = opened.panels.viewer
    window = opened._window._qt_window
    layers = [(layer.name, dict(layer.metadata), layer.source.path, layer.data.shape if layer.ndim == 3 and
               hasattr(layer.data, "shape") else len(layer.data), layer.help) for layer in viewer.layers]  # fmt: skip
    words = [(type(one).__name__, one.text(), one.toolTip()) for one in window.findChildren(QLabel) if one.isVisible()]
    docks = [one.windowTitle() for one in window.findChildren(QDockWidget) if one.isVisible()]
    return layers, words, docks, window.windowTitle(), window.statusBar().isVisible(), window.menuBar().isVisible()


@pytest.mark.parametrize("changes", [{}, {"cases": VOLUMES}])
def test_two_arms_differ_in_pixels_alone(room: Callable[..., ReadingRoom], changes: dict[str, Any]) -> None:
    told = []
    for image in ("clean", "perturbed"):
        opened = room(arms=[{"name": image, "image": image}], **changes)
        heard = []
        while opened.reading.shown is not None:
            heard.append(_told(opened))
            QTest.keyClick(opened.canvas, "k")
            heard.append(_told(opened))
            QTest.keyClick(opened.canvas, "2")
            QTest.keyClick(opened.canvas, Qt.Key.Key_Return)
        told.append(heard)
    assert told[0] == told[1]
    layers, _, docks, title, *bars = told[0][0]
    assert next(iter(layers))[0] == "Image"
    assert (docks, title, bars) == ([""], "Reading", [False, False])


@pytest.mark.thorough
def test_napari_keys_that_tell_or_change_do_nothing(room: Callable[..., ReadingRoom]) -> None:
    opened = room(questions=PAIRS, viewing={"modes": ["side"]})
    layers = list(opened.panels.viewer.layers)
    for key in (Qt.Key.Key_Delete, Qt.Key.Key_V, Qt.Key.Key_G):
        QTest.keyClick(opened.canvas, key)
    QTest.keyClick(opened.canvas, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    assert list(opened.panels.viewer.layers) == layers
    assert all(layer.visible for layer in layers if layer.name in ("A", "B"))
    visible = [dock for dock in opened._window._qt_window.findChildren(QDockWidget) if dock.isVisible()]
    assert len(visible) == 1


def test_a_long_consent_is_read_to_its_end_in_a_small_window(
    make_napari_viewer_proxy: Callable[[], Any], tmp_path: Path, until: Callable[[Callable[[], object]], None]
) -> None:
    consent = " ".join(f"Sentence {number} of what the committee asks to be said." for number in range(80))
    answers = opened_study(tmp_path, consent=consent)
    viewer = make_napari_viewer_proxy().__wrapped__
    side = ReadingRoom(viewer, Reading(answers, "R1")).side
    window = viewer.window._qt_window
    window.resize(1000, 560)
    window.show()
    text = next(label for label in side.findChildren(QLabel) if "Sentence 79" in label.text())
    until(text.isVisible)
    QTest.qWait(100)
    assert window.height() <= 560
    needed = text.fontMetrics().boundingRect(0, 0, text.width(), 0, int(Qt.TextFlag.TextWordWrap), text.text())
    assert text.height() >= needed.height(), "no line is cut off"
    button = side._first
    assert 0 <= button.mapTo(window, button.rect().bottomLeft()).y() <= 560, "and the button stays in sight"
    answers.close()


@pytest.mark.thorough
def test_the_first_question_is_in_sight_in_a_small_window(
    make_napari_viewer_proxy: Callable[[], Any], tmp_path: Path, until: Callable[[Callable[[], object]], None]
) -> None:
    answers = opened_study(
        tmp_path, questions=[*LESION, *({**QUALITY, "id": f"quality-{number}"} for number in range(4))]
    )
    viewer = make_napari_viewer_proxy().__wrapped__
    room = ReadingRoom(viewer, Reading(answers, "R1"))
    window = viewer.window._qt_window
    window.resize(1000, 560)
    window.show()
    for _ in range(3):
        QTest.mouseClick(room.side._first, Qt.MouseButton.LeftButton)
        QTest.qWait(50)
    until(lambda: room.panels.settled and room.panels.panels and room.side.form is not None)
    QTest.qWait(100)
    scroll, (first, *_) = room.side._scroll, room.side.form.asked.values()
    assert scroll.widget().height() > scroll.viewport().height(), "else everything is in sight"
    assert first.mapTo(scroll.viewport(), first.rect().topLeft()).y() >= 0
    answers.close()


@pytest.mark.thorough
def test_large_letters_leave_the_images_their_room(room: Callable[..., ReadingRoom]) -> None:
    appearance = get_settings().appearance
    before, appearance.font_size = appearance.font_size, 14
    try:
        opened = room(questions=PAIRS, viewing={"modes": ["side", "flicker", "wipe"], "smoothing": True})
        QTest.qWait(100)
        shown = [made for made in opened.side.bar.findChildren(QPushButton) if made.isVisible()]
        assert len(shown) >= 6
        assert opened.side.bar.minimumSizeHint().width() <= 250, "no wider than its widest button"
        assert all(opened.side.bar.rect().contains(made.geometry()) for made in shown)
        assert all(made.width() >= made.minimumSizeHint().width() for made in shown)
        assert not any(
            one.geometry().intersects(other.geometry()) for one in shown for other in shown if one is not other
        )
    finally:
        appearance.font_size = before


@pytest.mark.thorough
def test_large_letters_cut_no_beginning_of_a_question(room: Callable[..., ReadingRoom]) -> None:
    appearance = get_settings().appearance
    before, appearance.font_size = appearance.font_size, 14
    try:
        opened = room(questions=[{"id": "structures", "kind": "structures", "text": "Were structures altered?"}])
        QTest.qWait(100)
        scroll = opened.side._scroll
        assert scroll.widget().width() <= scroll.viewport().width()
    finally:
        appearance.font_size = before


def test_large_letters_cut_nothing_of_the_check_of_the_display(
    make_napari_viewer_proxy: Callable[[], Any], tmp_path: Path, until: Callable[[Callable[[], object]], None]
) -> None:
    appearance = get_settings().appearance
    before, appearance.font_size = appearance.font_size, 14
    answers = opened_study(tmp_path)
    try:
        viewer = make_napari_viewer_proxy().__wrapped__
        side = ReadingRoom(viewer, Reading(answers, "R1")).side
        viewer.window._qt_window.resize(1000, 600)
        viewer.window._qt_window.show()
        QTest.qWait(50)
        side._first.click()
        check, seen = side._display, side._page.viewport()
        until(check.isVisible)
        QTest.qWait(100)
        boxes, fields = check.findChildren(QCheckBox), check.findChildren(QLineEdit)
        assert len(boxes) == len(fields) == 3
        for one in (*boxes, *fields, *check.findChildren(QLabel)):
            assert one.mapTo(seen, one.rect().bottomRight()).x() < seen.width(), "nothing is cut off"
        assert all(box.width() >= box.sizeHint().width() for box in boxes)
        for field in fields:
            assert field.fontMetrics().horizontalAdvance(field.placeholderText()) < field.width()
            assert field.font().pointSize() == 14, "what is written has the size that is chosen"
    finally:
        appearance.font_size = before
        answers.close()


def test_large_letters_cut_no_answer(room: Callable[..., ReadingRoom]) -> None:
    appearance = get_settings().appearance
    before, appearance.font_size = appearance.font_size, 14
    try:
        opened = room(questions=[{"id": "structures", "kind": "structures", "text": "Were structures altered?"}])
        QTest.qWait(100)
        answers = opened.side.form.findChildren(QRadioButton) + opened.side.form.findChildren(QCheckBox)
        assert len(answers) > 6
        for answer in answers:
            assert answer.width() >= answer.sizeHint().width(), answer.text()
            assert answer.height() >= answer.sizeHint().height(), answer.text()
    finally:
        appearance.font_size = before
