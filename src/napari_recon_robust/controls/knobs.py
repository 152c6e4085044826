"""Controls made from knob specifications alone: log sliders with the exact value, choices, switches, a pad."""

import math
from collections.abc import Container, Iterable, Mapping
from typing import Any

import numpy as np
from qtpy.QtCore import QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent, QPen, QValidator
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLabel,
    QSlider,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)
from superqt.utils import signals_blocked

from ..ground.knob import Knob, Value, live_axes

_STEPS = 1000
_UNKNOWN = 90  # grey
LABEL_WIDTH = 106
_BOX_WIDTH = 90  # for six digits behind "0.000"
# napari's theme asks for boxes so wide that a row does not fit a narrow dock.
_BOX_STYLE = "QAbstractSpinBox { min-width: 40px; padding: 1px 6px; }"


def significant(value: float, digits: int = 3) -> float:
    """A value rounded to significant digits: what a slider gives is what its box shows."""
    return float(f"{value:.{digits}g}")


def short_unit(knob: Knob) -> str:
    """The unit where it fits into a number box; a longer one stands with the label."""
    return knob.unit if len(knob.unit) <= 3 else ""


class ExactSpinBox(QDoubleSpinBox):
    """A number box that shows the value that it has, in as few digits as that takes; arrows step by 10% on a log scale.

    percent: the value is a fraction and shown as a percentage. `refused(text)` when what was typed is no value.
    """

    refused = Signal(str)

    def __init__(self, knob: Knob, percent: bool = False) -> None:
        super().__init__()
        self._log = knob.scale == "log"
        self._factor = 100.0 if percent else 1.0
        self.setDecimals(12)
        self.setRange(knob.minimum, knob.maximum)
        self.setSingleStep(significant((knob.maximum - knob.minimum) / 50, 1))
        self.setKeyboardTracking(False)
        unit = "%" if percent else short_unit(knob)
        self.setSuffix(f" {unit}" if unit else "")

    def textFromValue(self, value: float) -> str:
        """Up to six significant digits."""
        return f"{value * self._factor:.6g}"

    def valueFromText(self, text: str | None) -> float:
        """A number with or without its unit."""
        return self._number(text or "") / self._factor

    def validate(self, text: str | None, position: int) -> tuple[QValidator.State, str, int]:
        """Anything that reads as a number in the range; exponents may be typed."""
        text = text or ""
        try:
            value = self._number(text) / self._factor
        except ValueError:
            return QValidator.State.Intermediate, text, position
        inside = self.minimum() <= value <= self.maximum()
        return (QValidator.State.Acceptable if inside else QValidator.State.Intermediate), text, position

    def fixup(self, text: str | None) -> str:
        """Back to the value that it had."""
        self.refused.emit(text or "")
        return self.textFromValue(self.value()) + self.suffix()

    def stepBy(self, steps: int) -> None:
        """10% for each step on a log scale."""
        if self._log:
            self.setValue(significant(self.value() * 1.1**steps))
        else:
            super().stepBy(steps)

    def _number(self, text: str) -> float:
        return float(text.removesuffix(self.suffix()).strip().replace(",", "."))


class WholeSpinBox(QSpinBox):
    """A number box of an integer. `refused(text)` when what was typed is no value."""

    refused = Signal(str)

    def fixup(self, text: str | None) -> str:
        """Back to the value that it had."""
        self.refused.emit(text or "")
        return f"{self.value()}{self.suffix()}"


class KnobRow(QWidget):
    """The label of a knob, with room for its control.

    `turned(value)` at every change by the user; `refused(sentence)` when what was typed is no value of the knob.
    """

    turned = Signal(object)
    refused = Signal(str)

    def __init__(self, knob: Knob) -> None:
        super().__init__()
        self.knob = knob
        span = knob.range if knob.kind in ("float", "int") else ""
        self.setToolTip("\n".join(part for part in (knob.help, span, knob.condition) if part))
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(6)
        if knob.kind != "bool":
            unit = "" if knob.unit == short_unit(knob) else f", {knob.unit}"
            label = QLabel(f"{knob.label}{unit}")
            label.setFixedWidth(LABEL_WIDTH)
            label.setWordWrap(True)
            self._row.addWidget(label)


class NumberControl(KnobRow):
    """Slider and number box of a float or an integer; the slider runs on the knob's scale."""

    def __init__(self, knob: Knob, percent: bool = False) -> None:
        super().__init__(knob)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.box: WholeSpinBox | ExactSpinBox
        if knob.kind == "int":
            self.box = WholeSpinBox()
            self.box.setRange(int(knob.minimum), int(knob.maximum))
            self.box.setKeyboardTracking(False)
            self.box.setSuffix(f" {short_unit(knob)}".rstrip())
        else:
            self.box = ExactSpinBox(knob, percent)
        # The room of the step buttons belongs to the digits; the arrow keys step.
        self.box.setStyleSheet(_BOX_STYLE)
        self.box.setFixedWidth(_BOX_WIDTH)
        self.box.setButtonSymbols(QSpinBox.ButtonSymbols.NoButtons)
        self.slider.setRange(0, _STEPS)
        self.slider.setMinimumWidth(44)
        # An integer without a natural end (a seed) is typed, not slid.
        self.slider.setVisible(knob.maximum - knob.minimum <= _STEPS or knob.kind == "float")
        self._row.addWidget(self.slider, 1)
        if self.slider.isHidden():
            self._row.addStretch(1)
        self._row.addWidget(self.box)
        self.set_value(knob.default)
        self.slider.valueChanged.connect(self._on_slider)
        self.box.valueChanged.connect(self._on_box)
        self.box.refused.connect(self._on_refused)

    def value(self) -> Value:
        """The exact value."""
        return self.knob.parse(self.box.value())

    def set_value(self, value: Any) -> None:
        """Show a value without a signal."""
        with signals_blocked(self.box), signals_blocked(self.slider):
            self.box.setValue(value)
            self.slider.setValue(round(self.knob.to_unit(float(value)) * _STEPS))

    def _on_slider(self, position: int) -> None:
        value = self.knob.from_unit(position / _STEPS)
        value = round(value) if self.knob.kind == "int" else significant(value)
        value = min(max(value, self.knob.minimum), self.knob.maximum)
        if value == self.box.value():
            return
        with signals_blocked(self.box):
            self.box.setValue(int(value) if self.knob.kind == "int" else value)
        self.turned.emit(self.value())

    def _on_refused(self, text: str) -> None:
        low, high = (self.box.textFromValue(end) for end in (self.box.minimum(), self.box.maximum()))
        self.refused.emit(
            f"{self.knob.label} cannot be {text.strip() or 'empty'}; type a number between {low} and "
            f"{high}{self.box.suffix()}, it stays at {self.box.textFromValue(self.box.value())}{self.box.suffix()}."
        )

    def _on_box(self, value: float) -> None:
        with signals_blocked(self.slider):
            self.slider.setValue(round(self.knob.to_unit(value) * _STEPS))
        self.turned.emit(self.value())


class ChoiceControl(KnobRow):
    """A list of choices."""

    def __init__(self, knob: Knob) -> None:
        super().__init__(knob)
        self.list = QComboBox()
        self.list.addItems([choice.replace("-", " ") for choice in knob.choices])
        self.list.setMinimumWidth(80)  # not that of its longest entry: the row fits a narrow dock
        self._row.addWidget(self.list, 1)
        self.set_value(knob.default)
        self.list.currentIndexChanged.connect(lambda: self.turned.emit(self.value()))

    def value(self) -> Value:
        """The chosen one."""
        return self.knob.choices[self.list.currentIndex()]

    def set_value(self, value: Any) -> None:
        """Show a value without a signal."""
        with signals_blocked(self.list):
            self.list.setCurrentIndex(self.knob.choices.index(value))


class SwitchControl(KnobRow):
    """Yes or no."""

    def __init__(self, knob: Knob) -> None:
        super().__init__(knob)
        self.switch = QCheckBox(knob.label)
        self._row.addWidget(self.switch)
        self.set_value(knob.default)
        self.switch.toggled.connect(lambda: self.turned.emit(self.value()))

    def value(self) -> Value:
        """Whether it is on."""
        return self.switch.isChecked()

    def set_value(self, value: Any) -> None:
        """Show a value without a signal."""
        with signals_blocked(self.switch):
            self.switch.setChecked(bool(value))


Control = NumberControl | ChoiceControl | SwitchControl


def control(knob: Knob, percent: bool = False) -> Control:
    """The control that fits a knob's kind."""
    if knob.kind == "choice":
        return ChoiceControl(knob)
    return SwitchControl(knob) if knob.kind == "bool" else NumberControl(knob, percent)


class Pad(QWidget):
    """Two float knobs as a plane: drag the point; a map of a measure may lie under it.

    The first knob runs to the right, the second upwards, each on its own scale. `turned({name: value})` while
    the point moves. The map is (second knob, first knob), low values dark, NaN grey.
    """

    turned = Signal(object)

    def __init__(self, across: Knob, upwards: Knob) -> None:
        super().__init__()
        self.knobs = (across, upwards)
        self._position = [across.to_unit(float(across.default)), upwards.to_unit(float(upwards.default))]
        self._map: QImage | None = None
        self._caption = ""
        self.setMinimumHeight(118)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setToolTip(f"Drag the point, or use the arrow keys.\nTo the right: {across.help}\nUpwards: {upwards.help}")

    def sizeHint(self) -> QSize:
        """Wide: the first knob is the one that shows most."""
        return QSize(300, 128)

    def values(self) -> dict[str, float]:
        """Both values."""
        return {
            knob.name: significant(knob.from_unit(position))
            for knob, position in zip(self.knobs, self._position, strict=True)
        }

    def set_values(self, values: Mapping[str, Any]) -> None:
        """Move the point without a signal."""
        self._position = [knob.to_unit(float(values[knob.name])) for knob in self.knobs]
        self.update()

    def set_map(self, measure: np.ndarray | None, caption: str = "") -> None:
        """The measure to draw under the point, (rows from low to high, columns), and what it is."""
        self._caption = caption
        self._map = None
        if measure is not None and np.isfinite(measure).any():
            low, high = np.nanmin(measure), np.nanmax(measure)
            level = np.nan_to_num((measure - low) / (high - low if high > low else 1.0))
            colours = np.zeros((*measure.shape, 4), np.uint8)
            dark, light = np.array([38, 50, 76]), np.array([112, 170, 190])
            known = np.isfinite(measure)[..., None]
            colours[..., :3] = np.where(known, dark + level[..., None] * (light - dark), _UNKNOWN)
            colours[..., 3] = 255
            pixels = np.ascontiguousarray(colours[::-1])
            height, width = measure.shape
            self._map = QImage(pixels.tobytes(), width, height, 4 * width, QImage.Format.Format_RGBA8888).copy()
        self.update()

    def _area(self) -> QRectF:
        return QRectF(self.rect()).adjusted(8, 6, -8, -20)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Map, frame, point, and the names of both axes."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        area = self._area()
        text = self.palette().text().color()
        if self._map is not None:
            painter.drawImage(area, self._map)
        faint = QColor(text)
        faint.setAlpha(90)
        painter.setPen(QPen(faint, 1))
        painter.drawRect(area)
        point = QPointF(
            area.left() + self._position[0] * area.width(), area.bottom() - self._position[1] * area.height()
        )
        painter.drawLine(QPointF(area.left(), point.y()), QPointF(area.right(), point.y()))
        painter.drawLine(QPointF(point.x(), area.top()), QPointF(point.x(), area.bottom()))
        painter.setPen(QPen(QColor("black"), 1.5))
        painter.setBrush(QColor("#ffd23f"))
        painter.drawEllipse(point, 6, 6)
        painter.setPen(text if self._map is None else QColor("white"))
        inner = area.adjusted(5, 3, -5, -3)
        painter.drawText(inner, Qt.AlignmentFlag.AlignTop, f"↑ {self.knobs[1].label}")
        painter.setPen(text)
        below = QRectF(area.left(), area.bottom() + 2, area.width(), 16)
        painter.drawText(below, Qt.AlignmentFlag.AlignRight, f"{self.knobs[0].label} →")
        painter.drawText(below, Qt.AlignmentFlag.AlignLeft, self._caption)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """The point goes where it is pressed."""
        self._follow(event)

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """And follows."""
        self._follow(event)

    def keyPressEvent(self, event: Any) -> None:
        """Arrow keys move the point by 2%."""
        moves = {
            Qt.Key.Key_Left: (-0.02, 0.0),
            Qt.Key.Key_Right: (0.02, 0.0),
            Qt.Key.Key_Up: (0.0, 0.02),
            Qt.Key.Key_Down: (0.0, -0.02),
        }
        if event.key() not in moves:
            super().keyPressEvent(event)
            return
        across, up = moves[event.key()]
        self._move(self._position[0] + across, self._position[1] + up)

    def _follow(self, event: QMouseEvent | None) -> None:
        if event is None or not event.buttons() & Qt.MouseButton.LeftButton:
            return
        area, at = self._area(), event.position()
        self._move((at.x() - area.left()) / area.width(), (area.bottom() - at.y()) / area.height())

    def _move(self, across: float, up: float) -> None:
        position = [min(max(across, 0.0), 1.0), min(max(up, 0.0), 1.0)]
        if position != self._position:
            self._position = position
            self.update()
            self.turned.emit(self.values())


class KnobPanel(QWidget):
    """All knobs of a method: two live ones as a pad with their number boxes, the others a row each.

    percent: names of knobs that are fractions and shown as percentages.
    `turned({name: value})` at every change by the user; `refused(sentence)` when what was typed is no value.
    """

    turned = Signal(object)
    refused = Signal(str)

    def __init__(self, knobs: Iterable[Knob], percent: Container[str] = ()) -> None:
        super().__init__()
        self.knobs = tuple(knobs)
        self.controls = {knob.name: control(knob, knob.name in percent) for knob in self.knobs}
        self.pad: Pad | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        live = live_axes(self.knobs)
        if len(live) == 2:
            self.pad = Pad(*live)
            self.pad.turned.connect(self._on_pad)
            column.addWidget(self.pad)
        for name, row in self.controls.items():
            row.turned.connect(lambda value, name=name: self._on_row(name, value))
            row.refused.connect(self.refused)
            column.addWidget(row)

    def values(self) -> dict[str, Value]:
        """All values."""
        return {name: row.value() for name, row in self.controls.items()}

    def set_values(self, values: Mapping[str, Any]) -> None:
        """Show values without a signal."""
        for name, value in values.items():
            self.controls[name].set_value(value)
        if self.pad is not None:
            self.pad.set_values(self.values())
        self.grey(self.values())

    def grey(self, values: Mapping[str, Any]) -> None:
        """Grey the knobs that do not matter at these values, which may be of knobs elsewhere too."""
        for row in self.controls.values():
            row.setEnabled(row.knob.matters(values))

    def _on_pad(self, values: dict[str, float]) -> None:
        for name, value in values.items():
            self.controls[name].set_value(value)
        self.turned.emit(values)

    def _on_row(self, name: str, value: Value) -> None:
        if self.pad is not None and name in (knob.name for knob in self.pad.knobs):
            self.pad.set_values(self.values())
        self.grey(self.values())
        self.turned.emit({name: value})


def decimals(value: float) -> str:
    """Three significant digits, as text."""
    return "—" if not math.isfinite(value) else f"{value:.3g}"
