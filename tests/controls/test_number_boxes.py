"""Number boxes: undo, and Escape."""

from typing import Any

import pytest
from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QKeyEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QWidget

from napari_recon_robust.controls.knob_row import NumberControl
from napari_recon_robust.controls.number_boxes import DecimalSpinBox
from napari_recon_robust.ground.knob import Knob

WEIGHT = Knob(name="weight", label="Weight", help="h", default=2e-3, minimum=2e-4, maximum=2e-2, scale="log")
STEPS = Knob(name="steps", label="Steps", help="h", kind="int", default=5, minimum=1, maximum=20)


def takes(field: QWidget, key: Qt.Key = Qt.Key.Key_Z, shift: bool = False) -> bool:
    """Whether a field keeps undo, or redo, from the shortcuts of its window."""
    held = Qt.KeyboardModifier.ControlModifier
    asked = QKeyEvent(QEvent.Type.ShortcutOverride, key, held | Qt.KeyboardModifier.ShiftModifier if shift else held)
    asked.ignore()
    QApplication.sendEvent(field, asked)
    return bool(asked.isAccepted())


@pytest.mark.parametrize(("knob", "typed", "value"), [(WEIGHT, "0.01", 0.01), (STEPS, "7", 7)])
def test_undo_is_the_windows_once_a_number_is_taken(qtbot: Any, knob: Knob, typed: str, value: float) -> None:
    row = NumberControl(knob)
    qtbot.addWidget(row)
    turned: list[object] = []
    row.turned.connect(turned.append)
    assert not takes(row.box)
    row.box.selectAll()
    QTest.keyClicks(row.box, typed)
    assert takes(row.box), "what is typed is undone in the field"
    QTest.keyClick(row.box, Qt.Key.Key_Return)
    assert turned == [value]
    assert not takes(row.box)
    assert not takes(row.box, shift=True)
    assert takes(row.box, Qt.Key.Key_A), "all other keys stay those of the field"


@pytest.mark.parametrize("knob", [WEIGHT, STEPS])
def test_escape_takes_back_what_is_typed(qtbot: Any, knob: Knob) -> None:
    row = NumberControl(knob)
    qtbot.addWidget(row)
    heard: list[object] = []
    row.turned.connect(heard.append)
    row.refused.connect(heard.append)
    before = row.box.text()
    row.box.selectAll()
    QTest.keyClicks(row.box, "1")
    QTest.keyClick(row.box, Qt.Key.Key_Escape)
    assert row.box.text() == before
    QTest.keyClick(row.box, Qt.Key.Key_Return)
    assert heard == []


def test_a_box_with_decimals_takes_the_same_keys_and_no_letters(qtbot: Any) -> None:
    box = DecimalSpinBox()
    qtbot.addWidget(box)
    box.setPrefix("> ")
    box.setSuffix(" %")
    heard: list[float] = []
    box.valueChanged.connect(heard.append)
    assert not takes(box)
    box.selectAll()
    QTest.keyClicks(box, "7")
    assert takes(box), "what is typed is undone in the field"
    QTest.keyClick(box, Qt.Key.Key_Escape)
    assert (box.text(), heard) == ("> 0.00 %", [])
    box.selectAll()
    QTest.keyClicks(box, "a7b")
    QTest.keyClick(box, Qt.Key.Key_Return)
    assert (box.text(), heard) == ("> 7.00 %", [7.0])
    assert not takes(box)


@pytest.mark.parametrize(("typed", "value"), [("abc0.01", 0.01), ("4e-3x", 4e-3), ("4E-3", 4e-3)])
def test_letters_of_no_number_are_not_typed(qtbot: Any, typed: str, value: float) -> None:
    row = NumberControl(WEIGHT)
    qtbot.addWidget(row)
    heard: list[object] = []
    row.turned.connect(heard.append)
    row.refused.connect(heard.append)
    row.box.selectAll()
    QTest.keyClicks(row.box, typed)
    QTest.keyClick(row.box, Qt.Key.Key_Return)
    assert heard == [value]
