"""The reading room in napari's real window, read by real keys and clicks."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QDockWidget, QLabel

from helpers.reading import LESION, PAIRS, opened_study
from napari_recon_robust.ground.writing import WritingError
from napari_recon_robust.reader_studies.answers import Answers
from napari_recon_robust.window.reading.room import ReadingRoom
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
        for _ in range(2):  # consent, and the display
            QTest.mouseClick(made.side._first, Qt.MouseButton.LeftButton)
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
        np.testing.assert_array_equal(np.asarray(image.data)[0], reading.images()["image"])
        assert tuple(image.contrast_limits) == pytest.approx(shown.window)
        QTest.keyClick(opened._canvas, Qt.Key.Key_Return)  # nothing is answered yet
        assert reading.shown is shown
        QTest.keyClick(opened._canvas, str(1 + done % 3))
        QTest.keyClick(opened._canvas, Qt.Key.Key_Return)
    assert reading.shown is None
    levels = [row["value"]["level"] for row in reading._answers.rows() if row["question"] == "sharpness"]
    assert levels == [1 + done % 3 for done in range(12)]
    words = [label.text() for label in opened.side.findChildren(QLabel)]
    assert any("12 of 12 are read" in text for text in words)


def test_going_back_and_pausing(room: Callable[..., ReadingRoom]) -> None:
    opened = room()
    first = opened.reading.shown
    QTest.keyClick(opened._canvas, "2")
    QTest.keyClick(opened._canvas, Qt.Key.Key_Return)
    assert opened.reading.shown is not first
    QTest.keyClick(opened._canvas, Qt.Key.Key_Backspace)
    assert opened.reading.shown is first
    assert opened.reading.values == {"sharpness": {"level": 2}}
    QTest.keyClick(opened._canvas, "p")
    assert opened.reading.paused
    assert opened._canvas.isHidden()
    QTest.mouseClick(opened.side._pause, Qt.MouseButton.LeftButton)
    assert not opened._canvas.isHidden()


def test_a_lesion_is_marked_by_a_click(room: Callable[..., ReadingRoom]) -> None:
    opened = room(questions=[{**LESION[0], "place": True}])
    QTest.keyClick(opened._canvas, "1")
    QTest.keyClick(opened._canvas, "+")
    QTest.mouseClick(opened._canvas, Qt.MouseButton.LeftButton, pos=opened._canvas.rect().center())
    shown = opened.reading.shown
    assert shown is not None
    assert opened.reading.marked == pytest.approx(((shown.rows - 1) / 2, (shown.columns - 1) / 2), abs=1)
    assert opened.side._next.isEnabled()


def test_what_was_answered_stays_if_it_cannot_be_stored(
    room: Callable[..., ReadingRoom], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = room()

    def full(*_: Any, **__: Any) -> None:
        raise WritingError("answers.sqlite cannot be written (the disk is full); make room, and send the answer again.")

    with monkeypatch.context() as patch:
        patch.setattr(opened.reading._answers, "record", full)
        QTest.keyClick(opened._canvas, "3")
        QTest.keyClick(opened._canvas, Qt.Key.Key_Return)
    assert "the disk is full" in opened.side._error.text()
    assert opened.reading.values == {"sharpness": {"level": 3}}
    QTest.keyClick(opened._canvas, Qt.Key.Key_Return)
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


def test_two_arms_differ_in_pixels_alone(room: Callable[..., ReadingRoom]) -> None:
    told = []
    for image in ("clean", "perturbed"):
        opened = room(arms=[{"name": image, "image": image}])
        heard = []
        while opened.reading.shown is not None:
            heard.append(_told(opened))
            QTest.keyClick(opened._canvas, "2")
            QTest.keyClick(opened._canvas, Qt.Key.Key_Return)
        told.append(heard)
    assert told[0] == told[1]
    layers, _, docks, title, *bars = told[0][0]
    assert next(iter(layers))[0] == "Image"
    assert (docks, title, bars) == ([""], "Reading", [False, False])


def test_napari_keys_that_tell_or_change_do_nothing(room: Callable[..., ReadingRoom]) -> None:
    opened = room(questions=PAIRS)
    layers = list(opened.panels.viewer.layers)
    for key in (Qt.Key.Key_Delete, Qt.Key.Key_V, Qt.Key.Key_G):
        QTest.keyClick(opened._canvas, key)
    QTest.keyClick(
        opened._canvas, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    )
    assert list(opened.panels.viewer.layers) == layers
    assert all(layer.visible for layer in layers if layer.name in ("Left", "Right"))
    visible = [dock for dock in opened._window._qt_window.findChildren(QDockWidget) if dock.isVisible()]
    assert len(visible) == 1
