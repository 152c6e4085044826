"""A list that says what it is for while it is empty."""

from qtpy.QtCore import Qt
from qtpy.QtGui import QPainter, QPaintEvent
from qtpy.QtWidgets import QAbstractItemView, QListWidget

_MARGIN = 8


class HintedList(QListWidget):
    """A list with a hint in it until there is an entry."""

    def __init__(self, hint: str) -> None:
        super().__init__()
        self.hint = hint

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint the entries, or the hint."""
        super().paintEvent(event)
        if not self.count():
            paint_hint(self, self.hint)


def paint_hint(view: QAbstractItemView, text: str) -> None:
    """Paint words into an empty view, in three quarters of the text's colour."""
    painter = QPainter(view.viewport())
    colour = view.palette().text().color()
    colour.setAlphaF(0.75)
    painter.setPen(colour)
    area = view.viewport().rect().adjusted(_MARGIN, _MARGIN, -_MARGIN, -_MARGIN)
    painter.drawText(area, int(Qt.AlignmentFlag.AlignCenter) | int(Qt.TextFlag.TextWordWrap), text)
    painter.end()
