"""The mouse on napari's canvas."""

import time
from typing import Any

from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QApplication

Held = Qt.KeyboardModifier
NO, SHIFT = Held.NoModifier, Held.ShiftModifier


def drag(canvas: Any, start: QPoint, end: QPoint, modifier: Held = NO, busy: bool = False) -> None:
    """Drag with the left button. busy: the window has no time meanwhile for what it does later."""
    kinds, left, none = QMouseEvent.Type, Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    for kind, at, pressed, held in (
        (kinds.MouseButtonPress, start, left, left),
        (kinds.MouseMove, (start + end) / 2, none, left),
        (kinds.MouseMove, end, none, left),
        (kinds.MouseButtonRelease, end, left, none),
    ):
        where = QPointF(canvas.mapToGlobal(at))
        QApplication.sendEvent(canvas, QMouseEvent(kind, QPointF(at), where, pressed, held, modifier))
        time.sleep(0.011)  # vispy leaves out a move within 10 ms of another
        if not busy:
            QApplication.processEvents()
