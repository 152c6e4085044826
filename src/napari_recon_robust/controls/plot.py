"""A small plot: measures of one quantity stand side by side, each with its axes; points can be chosen."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from qtpy.QtCore import QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF, QResizeEvent

from ..ground.numbers import written
from .lettered import Lettered
from .parts import CAUTION

COLOURS = (CAUTION, "#7b859a")  # orange and grey: told apart on a dark and a light theme, and without colours
_AREA, _LABEL = 94, 6  # pixels: the height of the axes, and between a number and them, with a margin at its left
_MOST = 4  # numbers beside the axes
_HEAD = 0.4  # of a line of words, between the title and the axes, beside which the highest number stands
_POINT, _BESIDE = 3.0, 26  # pixels: of a mark, and what it takes beside a name


@dataclass(frozen=True)
class Line:
    """Values over the quantity of the plot; values that are not finite are left out.

    spread: how far each value may lie to either side, None where that is not known; empty if it is of none.
    """

    name: str
    values: Sequence[float]
    spread: Sequence[float | None] = ()

    def ends(self, number: int) -> tuple[float, ...]:
        """How low and how high a value may lie; nothing where that is not known."""
        wide = self.spread[number] if self.spread else None
        return () if wide is None else (self.values[number] - wide, self.values[number] + wide)

    @property
    def bounds(self) -> list[float]:
        """All values, or between what they may lie."""
        return [bound for number, value in enumerate(self.values) for bound in self.ends(number) or (value,)]


@dataclass(frozen=True)
class Axes:
    """One measure and its lines. All axes of a plot have the same names of lines in the same order."""

    title: str
    lines: Sequence[Line]


class Plot(Lettered):
    """Lines over one quantity. The plot is hidden while it has fewer than two points.

    Signal: `chosen(number)` when a point is clicked, or reached by the arrow keys.
    """

    chosen = Signal(int)
    _axes: tuple[Axes, ...] = ()  # `fit` is asked for before there are any

    def __init__(self) -> None:
        super().__init__()
        self._at: tuple[float, ...] = ()
        self._ticks: list[list[float]] = []
        self._label = ""
        self._marked: int | None = None
        self._line: float | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.hide()

    def sizeHint(self) -> QSize:
        """The width of the dock."""
        return QSize(330, self.height())

    def fit(self) -> None:
        """Be high enough for the axes, with numbers below each other, between the words above and two lines below."""
        above = 1 + max(len(self._names()), 1)
        self.setFixedHeight(max(_AREA, _MOST * self.row) + (above + 2) * self.row + self._head + 4)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Follow the names of the lines, which stand below each other where it is narrow."""
        super().resizeEvent(event)
        self.fit()

    def show_lines(self, at: Sequence[float], label: str, axes: Sequence[Axes], tip: str = "") -> None:
        """Plot lines over `at` (rising), which `label` names with its unit."""
        self._at, self._label, self._axes = tuple(at), label, tuple(axes)
        self._ticks = [ticks_of([bound for line in one.lines for bound in line.bounds]) for one in axes]
        self._marked = self._line = None
        self.setToolTip(tip)
        self.fit()
        self.setVisible(len(self._at) > 1)
        self.update()

    def mark(self, number: int | None, at: float | None = None) -> None:
        """Mark the point that is looked at, with a line at its place or at another one."""
        self._marked = number
        self._line = self._at[number] if at is None and number is not None else at
        self.update()

    # ---------------------------------------------------------------- choosing

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Choose the nearest point."""
        if event is None or event.button() != Qt.MouseButton.LeftButton or not self._axes:
            return
        across = event.position().x()
        area = min(self._areas(), key=lambda one: abs(one.center().x() - across))
        self.chosen.emit(min(range(len(self._at)), key=lambda n: abs(self._x(area, self._at[n]) - across)))

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Choose the next point or the one before."""
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        if event is None or event.key() not in steps or self._marked is None:
            super().keyPressEvent(event)
            return
        number = self._marked + steps[Qt.Key(event.key())]
        if 0 <= number < len(self._at):
            self.chosen.emit(number)

    # ---------------------------------------------------------------- painting

    def _areas(self) -> list[QRectF]:
        width, left = self.width() / max(len(self._axes), 1), self._gutter
        above = (1 + len(self._names())) * self.row + self._head
        height = self.height() - above - 2 * self.row - 4
        return [QRectF(n * width + left, above, width - left - 8, height) for n in range(len(self._axes))]

    @property
    def _head(self) -> int:
        return round(_HEAD * self.row)

    @property
    def _gutter(self) -> float:
        """The room for the widest number at the left of any axes."""
        words = [written(tick) for ticks in self._ticks for tick in ticks]
        return _LABEL + max((self.fontMetrics().horizontalAdvance(word) for word in words), default=0)

    def _names(self) -> list[list[int]]:
        """The numbers of the lines whose names stand beside each other: of all of them, or each in a row of its own."""
        lines = self._axes[0].lines if self._axes else ()
        wide = sum(self.fontMetrics().horizontalAdvance(line.name) + _BESIDE for line in lines)
        numbers = list(range(len(lines)))
        return [numbers] if wide <= self.width() else [[number] for number in numbers]

    def _x(self, area: QRectF, value: float) -> float:
        low, high = self._at[0], self._at[-1]
        return area.left() + area.width() * (value - low) / ((high - low) or 1.0)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint the names of the lines, then every measure with its axes."""
        if len(self._at) < 2:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_names(painter)
        for area, axes, ticks in zip(self._areas(), self._axes, self._ticks, strict=True):
            self._paint_axes(painter, area, axes, ticks)
        below = QRectF(0, self.height() - self.row - 1, self.width(), self.row)
        painter.setPen(self.palette().text().color())
        painter.drawText(below, Qt.AlignmentFlag.AlignCenter, self._label)
        painter.end()

    def _paint_names(self, painter: QPainter) -> None:
        for row, numbers in enumerate(self._names()):
            left, top = 8.0, row * self.row
            for number in numbers:
                name = painter.fontMetrics().elidedText(
                    self._axes[0].lines[number].name, Qt.TextElideMode.ElideRight, round(self.width() - left - 9)
                )
                _paint_point(painter, QPointF(left, top + self.row / 2 + 1), number)
                painter.setPen(self.palette().text().color())
                width = painter.fontMetrics().horizontalAdvance(name)
                painter.drawText(QRectF(left + 7, top, width + 2, self.row), Qt.AlignmentFlag.AlignVCenter, name)
                left += width + _BESIDE

    def _paint_axes(self, painter: QPainter, area: QRectF, axes: Axes, ticks: Sequence[float]) -> None:
        text = self.palette().text().color()
        faint = QColor(text)
        faint.setAlpha(70)
        painter.setPen(text)
        gutter, row = self._gutter, self.row
        head = QRectF(area.left() - gutter, area.top() - row - self._head + 2, area.width() + gutter, row)
        painter.drawText(head, Qt.AlignmentFlag.AlignHCenter, axes.title)
        low, high = ticks[0], ticks[-1]

        def y(value: float) -> float:
            return area.bottom() - area.height() * (value - low) / (high - low)

        for tick in ticks:
            painter.setPen(QPen(faint, 1))
            painter.drawLine(QPointF(area.left(), y(tick)), QPointF(area.right(), y(tick)))
            painter.setPen(text)
            beside = QRectF(area.left() - gutter, y(tick) - row / 2, gutter - 4, row)
            painter.drawText(beside, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, written(tick))
        self._paint_places(painter, area)
        for number, line in reversed(list(enumerate(axes.lines))):
            known = [n for n, value in enumerate(line.values) if math.isfinite(value)]
            points = [QPointF(self._x(area, self._at[n]), y(line.values[n])) for n in known]
            painter.setPen(QPen(QColor(COLOURS[number]), 1.5))
            painter.drawPolyline(QPolygonF(points))
            for n, point in zip(known, points, strict=True):
                if ends := line.ends(n):
                    painter.setPen(QPen(QColor(COLOURS[number]), 1))
                    painter.drawLine(*(QPointF(point.x(), y(end)) for end in ends))
                _paint_point(painter, point, number)

    def _paint_places(self, painter: QPainter, area: QRectF) -> None:
        """Write the numbers below the axis where there is room, both ends first; draw a line at the marked one."""
        painter.setPen(QPen(self.palette().text().color(), 1, Qt.PenStyle.DashLine))
        if self._line is not None:
            across = self._x(area, self._line)
            painter.drawLine(QPointF(across, area.top()), QPointF(across, area.bottom()))
        painter.setPen(self.palette().text().color())
        words = [written(value) for value in self._at]
        widths = [painter.fontMetrics().horizontalAdvance(each) for each in words]
        lefts = [
            min(self._x(area, value) - width / 2, area.right() + 8 - width)
            for value, width in zip(self._at, widths, strict=True)
        ]
        last = len(words) - 1
        first = (0, last) if self._marked is None else (0, last, self._marked)
        for number in apart(lefts, widths, (*first, *range(last, -1, -1))):
            painter.drawText(QPointF(lefts[number], area.bottom() + self.row - 1), words[number])


def apart(lefts: Sequence[float], widths: Sequence[float], order: Iterable[int], gap: float = 6) -> list[int]:
    """The words of a line that fit with a gap between them; the first in `order` have precedence."""
    kept: list[int] = []
    for one in order:
        if all(lefts[one] >= lefts[n] + widths[n] + gap or lefts[n] >= lefts[one] + widths[one] + gap for n in kept):
            kept.append(one)
    return kept


def ticks_of(values: Sequence[float], most: int = _MOST) -> list[float]:
    """At most `most` (3 or more) round numbers; all finite values lie between the first and the last."""
    finite = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
    low, high = min(finite), max(finite)
    if high - low < 1e-9 * max(abs(high), 1e-9):
        low, high = low - abs(low or 1.0) / 20, high + abs(high or 1.0) / 20
    step = 10.0 ** math.floor(math.log10((high - low) / most))
    while True:
        for factor in (1, 2, 5, 10):
            size = factor * step
            first, last = math.floor(low / size + 1e-9), math.ceil(high / size - 1e-9)
            if last - first < most:
                return [number * size for number in range(first, last + 1)]
        step *= 10


def _paint_point(painter: QPainter, at: QPointF, number: int) -> None:
    """Paint a disc for the first line, a square for the second."""
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(COLOURS[number]))
    if number:
        painter.drawRect(QRectF(at.x() - _POINT, at.y() - _POINT, 2 * _POINT, 2 * _POINT))
    else:
        painter.drawEllipse(at, _POINT + 0.5, _POINT + 0.5)
    painter.setBrush(Qt.BrushStyle.NoBrush)
