"""A list that says what it is for while it is empty."""

from qtpy.QtCore import Qt
from qtpy.QtGui import QPainter, QPaintEvent
from qtpy.QtWidgets import QListWidget

_MARGIN = 8


class HintedList(QListWidget):
    """A list with a hint in it until there is an entry."""

    def __init__(self, hint: str) -> None:
        super().__init__()
        self.hint = hint

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint the entries, or the hint in three quarters of the text's colour."""
        super().paintEvent(event)
        if self.count():
            return
        painter = QPainter(self.viewport())
        colour = self.palette().text().color()
        colour.setAlphaF(0.75)
        painter.setPen(colour)
        area = self.viewport().rect().adjusted(_MARGIN, _MARGIN, -_MARGIN, -_MARGIN)
        painter.drawText(area, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, self.hint)
        painter.end()
