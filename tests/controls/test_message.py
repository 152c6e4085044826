"""A sentence at the foot of a dock."""

from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication

from napari_recon_robust.controls.message import Message

SENTENCE = "Opening ismrmrd_simulated_brain.h5 has to wait: abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz runs."


def test_a_long_name_is_wrapped(qtbot: Any) -> None:
    label = Message()
    qtbot.addWidget(label)
    label.setText(SENTENCE)
    assert label.minimumSizeHint().width() < label.fontMetrics().horizontalAdvance("ismrmrd_simulated_")
    assert label.text() == SENTENCE


def test_it_is_copied_as_it_was_said(qtbot: Any) -> None:
    label = Message()
    qtbot.addWidget(label)
    label.setText(SENTENCE)
    qtbot.keyClick(label, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QApplication.clipboard().text() == SENTENCE, "without a choice all of it"
    label.setSelection(0, 24)
    qtbot.keyClick(label, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert SENTENCE.startswith(QApplication.clipboard().text())
    assert 8 < len(QApplication.clipboard().text()) <= 24
    (copy,) = label.actions()
    copy.trigger()
    assert "\u200b" not in QApplication.clipboard().text()
