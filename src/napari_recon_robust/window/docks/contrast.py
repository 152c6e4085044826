"""How probable is a contrast of the region? A histogram over posterior samples, and the probability."""

from collections.abc import Sequence
from math import ceil, sqrt
from typing import TYPE_CHECKING

from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QAbstractSpinBox, QComboBox, QVBoxLayout, QWidget
from superqt.utils import signals_blocked

from ...controls.lettered import Lettered
from ...controls.number_boxes import DecimalSpinBox
from ...controls.parts import ACCENT, button, row, show_text, words
from ...controls.plot import COLOURS, ticks_of
from ...ground.numbers import written
from ..session import Session

if TYPE_CHECKING:
    from ...workbench.contrasting import Contrasting

_SURROUNDINGS = "its surroundings"
_BARS, _SIDE = 56, 20  # pixels: their height, and at either side


class Histogram(Lettered):
    """Shows how often each contrast occurs, and colours what exceeds the one in question; hidden while empty."""

    def __init__(self) -> None:
        super().__init__()
        self._values: tuple[float, ...] = ()
        self._exceeds = 0.0
        self.hide()

    def sizeHint(self) -> QSize:
        """The width of the dock."""
        return QSize(330, self.height())

    def fit(self) -> None:
        """Be high enough for the bars above two lines of words."""
        self.setFixedHeight(_BARS + 2 * self.row + 6)

    def show_values(self, values: Sequence[float], exceeds: float) -> None:
        """Show contrasts as fractions, and the one in question."""
        self._values, self._exceeds = tuple(values), exceeds
        self.setVisible(bool(values))
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint bars, a dashed line at the value in question, and percentages below."""
        if not self._values:
            return
        ticks = ticks_of([100 * value for value in (*self._values, self._exceeds)])
        low, high = ticks[0] / 100, ticks[-1] / 100
        area = QRectF(_SIDE, 2, self.width() - 2 * _SIDE, self.height() - 2 * self.row - 6)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        text = self.palette().text().color()

        def x(value: float) -> float:
            return area.left() + area.width() * (value - low) / (high - low)

        self._paint_bars(painter, area, low, high)
        painter.setPen(QPen(text, 1))
        painter.drawLine(area.bottomLeft(), area.bottomRight())
        for tick in ticks:
            place = QRectF(x(tick / 100) - 30, area.bottom() + 2, 60, self.row)
            painter.drawText(place, Qt.AlignmentFlag.AlignCenter, written(tick))
        below = QRectF(0, self.height() - self.row - 1, self.width(), self.row)
        painter.drawText(below, Qt.AlignmentFlag.AlignCenter, "contrast (%), number of samples")
        painter.setPen(QPen(text, 1, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(x(self._exceeds), area.top()), QPointF(x(self._exceeds), area.bottom()))
        painter.end()

    def _paint_bars(self, painter: QPainter, area: QRectF, low: float, high: float) -> None:
        """Paint bars of equal width to both sides of the value in question, so that no bar lies on it."""
        least, most = min(self._values), max(self._values)
        wide = (most - least) / ceil(sqrt(len(self._values))) or (high - low) / 20
        counts: dict[int, int] = {}
        for value in self._values:
            number = ceil((value - self._exceeds) / wide)  # what equals the value does not exceed it
            counts[number] = counts.get(number, 0) + 1
        scale = area.width() / (high - low)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setClipRect(area)
        for number, count in counts.items():
            left = area.left() + (self._exceeds + (number - 1) * wide - low) * scale
            height = area.height() * count / max(counts.values())
            painter.setBrush(QColor(ACCENT if number > 0 else COLOURS[1]))
            painter.drawRect(QRectF(left + 0.5, area.bottom() - height, max(wide * scale - 1, 1.0), height))
        painter.setClipping(False)


class ContrastBox(QWidget):
    """A thin view on `contrasting` of the workbench; its page says when to look at it again."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.contrasting: Contrasting = session.bench.contrasting
        self.measure = button(
            "Contrast",
            "Of the chosen region to another, in each sample of the posterior",
            lambda: session.attempt(self.contrasting.run),
        )
        self.against = QComboBox()
        self.against.setAccessibleName("What the region is compared with")
        self.against.setToolTip("What the region is compared with: the pixels 3 to 6 beyond it, or another region")
        self.against.setMinimumWidth(80)
        self.against.activated.connect(lambda _: self.contrasting.compare(self.against.currentData()))
        self.exceeds = DecimalSpinBox()
        self.exceeds.setAccessibleName("Contrast in question")
        self.exceeds.setRange(-100, 1000)
        self.exceeds.setDecimals(1)
        self.exceeds.setSingleStep(1)
        self.exceeds.setPrefix("> ")
        self.exceeds.setSuffix(" %")
        self.exceeds.setButtonSymbols(QAbstractSpinBox.ButtonSymbols.NoButtons)  # napari's leave no room for a number
        self.exceeds.setFixedWidth(76)
        self.exceeds.setToolTip("The contrast in question: how probable is it that the region is brighter by more?")
        self.exceeds.valueChanged.connect(lambda value: self.contrasting.ask(value / 100))
        self.histogram = Histogram()
        self.result = words()
        self.note = words(faint=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(row(self.measure, self.against, self.exceeds, stretch=1))
        column.addWidget(self.histogram)
        column.addWidget(self.result)
        column.addWidget(self.note)
        self.show_found()

    def show_found(self) -> None:
        """Show the contrasts and the probability, as far as they are known."""
        self.setVisible(self.contrasting.possible)
        if not self.contrasting.possible:
            return
        self._list_references()
        found, exceeds = self.contrasting.found, self.contrasting.exceeds
        self.histogram.show_values([] if found is None else found.values.tolist(), exceeds)
        show_text(self.result, "" if found is None else "\n".join((found.sentence(exceeds), *found.cautions)))
        if found is None:
            show_text(self.note, "")
        else:
            from ...reconstructors.generative.posterior import CALIBRATION

            show_text(self.note, CALIBRATION)

    def _list_references(self) -> None:
        with signals_blocked(self.against):
            self.against.clear()
            self.against.addItem(f"to {_SURROUNDINGS}", None)
            for region in self.contrasting.others:
                self.against.addItem(f"to {region.name}", region)
            self.against.setCurrentIndex(max(self.against.findData(self.contrasting.against), 0))
