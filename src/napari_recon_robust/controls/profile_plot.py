"""Curves of several images along one line, with their names."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy

from ..ground.numbers import written
from .lettered import Lettered
from .plot import ticks_of

# Sky blue and orange of Okabe and Ito beside the colour of the text; dashes tell them apart without colours.
COLOURS = (None, "#56b4e9", "#e69f00", "#cc79a7")
DASHES = (Qt.PenStyle.SolidLine, Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine)
_LABEL = 8  # pixels: between a number and the axes, with a margin at its left


class ProfilePlot(Lettered):
    """Lines over a distance; the values under the mouse stand beside the names."""

    def __init__(self) -> None:
        super().__init__()
        self.at: NDArray[np.floating] = np.zeros(0)
        self.lines: Mapping[str, NDArray[np.floating]] = {}
        self._ticks: list[float] = []
        self._label, self._under = "", -1  # under the mouse: the number of a point, or -1
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Profile")

    def sizeHint(self) -> QSize:
        """A size for the room below the images."""
        return QSize(600, 125 + 3 * self.row)

    def show_lines(
        self, at: Sequence[float] | NDArray[np.floating], lines: Mapping[str, NDArray[np.floating]], label: str
    ) -> None:
        """Show values (n,) over `at` (n,), which `label` names with its unit; nothing for fewer than two points."""
        self.at, self.lines, self._label = np.asarray(at, float), dict(lines), label
        finite = [one[np.isfinite(one)] for one in self.lines.values()]
        bounds = [float(bound(one)) for one in finite if len(one) for bound in (np.min, np.max)]
        self._ticks = ticks_of([0.0, *bounds]) if bounds else []
        self._under = -1
        self.update()

    @property
    def _area(self) -> QRectF:
        return QRectF(self.rect()).adjusted(self._left, self.row + 6, -8, -2 * self.row - 4)

    @property
    def _left(self) -> int:
        """The room for the widest number at the left."""
        return _LABEL + max((self.fontMetrics().horizontalAdvance(written(tick)) for tick in self._ticks), default=0)

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Read the curves under the mouse."""
        if event is not None and len(self.at) > 1:
            share = (event.position().x() - self._area.left()) / self._area.width()
            self._under = round(min(max(share, 0.0), 1.0) * (len(self.at) - 1))
            self.update()

    def leaveEvent(self, event: object) -> None:
        """Read nothing any more."""
        self._under = -1
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint names, axes and curves."""
        ticks = self._ticks
        if len(self.at) < 2 or not ticks:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_names(painter)
        self._paint_axes(painter, ticks)
        for number, line in enumerate(self.lines.values()):
            painter.setPen(self._pen(number))
            painter.drawPolyline(QPolygonF([QPointF(x, y) for x, y in self._places(line, ticks)]))
        painter.end()

    def _places(self, line: NDArray[np.floating], ticks: Sequence[float]) -> list[tuple[float, float]]:
        area = self._area
        across = area.left() + area.width() * self.at / (self.at[-1] or 1.0)
        down = area.bottom() - area.height() * (line - ticks[0]) / (ticks[-1] - ticks[0])
        return [(float(x), float(y)) for x, y in zip(across, down, strict=True) if math.isfinite(y)]

    def _pen(self, number: int) -> QPen:
        colour = COLOURS[number % len(COLOURS)]
        return QPen(
            self.palette().text().color() if colour is None else QColor(colour), 1.5, DASHES[number % len(DASHES)]
        )

    def _paint_names(self, painter: QPainter) -> None:
        left, row = float(self._left), self.row
        for number, (name, line) in enumerate(self.lines.items()):
            painter.setPen(self._pen(number))
            painter.drawLine(QPointF(left, row / 2), QPointF(left + 22, row / 2))
            said = name if self._under < 0 else f"{name} {written(float(line[self._under]), '.3f')}"
            width = painter.fontMetrics().horizontalAdvance(said) + 4
            painter.setPen(self.palette().text().color())
            painter.drawText(QRectF(left + 27, 0, width, row), Qt.AlignmentFlag.AlignVCenter, said)
            left += width + 45

    def _paint_axes(self, painter: QPainter, ticks: Sequence[float]) -> None:
        area, row, text = self._area, self.row, self.palette().text().color()
        faint = QColor(text)
        faint.setAlpha(60)
        for tick in ticks:
            y = area.bottom() - area.height() * (tick - ticks[0]) / (ticks[-1] - ticks[0])
            painter.setPen(QPen(faint, 1))
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            painter.setPen(text)
            beside = QRectF(0, y - row / 2, area.left() - 5, row)
            painter.drawText(beside, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, written(tick))
        for tick in ticks_of([0.0, float(self.at[-1])], most=8):
            if tick <= self.at[-1]:
                x = area.left() + area.width() * tick / self.at[-1]
                painter.drawText(
                    QRectF(x - 30, area.bottom() + 2, 60, row), Qt.AlignmentFlag.AlignHCenter, written(tick)
                )
        below = QRectF(area.left(), self.height() - row, area.width(), row)
        painter.drawText(below, Qt.AlignmentFlag.AlignHCenter, self._label)
        if self._under >= 0:
            x = area.left() + area.width() * float(self.at[self._under] / (self.at[-1] or 1.0))
            painter.setPen(QPen(faint, 1, Qt.PenStyle.DashLine))
            painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
