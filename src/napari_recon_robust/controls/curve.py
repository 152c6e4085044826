"""A small curve without axes."""

from collections.abc import Sequence

import numpy as np
from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import (
    QColor,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
)

from .lettered import Lettered
from .parts import ACCENT

_AREA = 56  # pixels below the words


class Curve(Lettered):
    """A small curve with a line of text above it: the loss of a search after each step, SSIM over an angle."""

    def __init__(self) -> None:
        super().__init__()
        self._values: tuple[float, ...] = ()
        self._left = self._right = ""

    def fit(self) -> None:
        """Be high enough for the curve below a line of words."""
        self.setFixedHeight(_AREA + self.row + 1)

    def set_values(self, values: Sequence[float], left: str = "", right: str = "", tip: str = "") -> None:
        """Show these values with words above them, at the left and at the right; fewer than two hide the curve."""
        self._values = tuple(float(value) for value in values)
        self._left, self._right = left, right
        self.setToolTip(tip)
        self.setVisible(len(self._values) > 1)
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint a line with its points."""
        values = np.array(self._values)
        if len(values) < 2 or not np.isfinite(values).all():
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        text = self.palette().text().color()
        area = QRectF(self.rect()).adjusted(8, self.row + 1, -8, -8)
        low, high = values.min(), values.max()
        span = high - low if high > low else 1.0
        points = [
            QPointF(
                area.left() + area.width() * i / (len(values) - 1), area.bottom() - area.height() * (v - low) / span
            )
            for i, v in enumerate(values)
        ]
        faint = QColor(text)
        faint.setAlpha(70)
        painter.setPen(QPen(faint, 1))
        painter.drawLine(area.bottomLeft(), area.bottomRight())
        painter.setPen(QPen(QColor(ACCENT), 2))
        painter.drawPolyline(QPolygonF(points))
        painter.setBrush(QColor(ACCENT))
        for point in points:
            painter.drawEllipse(point, 2.5, 2.5)
        painter.setPen(text)
        head = QRectF(self.rect()).adjusted(8, 0, -8, 0)
        room = round(head.width()) - painter.fontMetrics().horizontalAdvance(f"{self._right} ")
        left = painter.fontMetrics().elidedText(self._left, Qt.TextElideMode.ElideRight, room)
        painter.drawText(head, Qt.AlignmentFlag.AlignTop, left)
        painter.drawText(head, Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignRight, self._right)
        painter.end()
