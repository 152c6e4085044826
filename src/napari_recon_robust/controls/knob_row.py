"""One knob in a row: its label and the control that fits its kind."""

from typing import Any

from qtpy.QtCore import QEvent, Qt, Signal
from qtpy.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLabel, QSlider, QSpinBox, QWidget
from superqt.utils import signals_blocked

from ..ground.knob import Knob, Value
from .letters import letters
from .number_boxes import ExactSpinBox, WholeSpinBox, short_unit, significant, without_unit
from .parts import NARROW_LIST

_STEPS = 1000
_LABEL_WIDTH, _LONGEST = 106, 84  # pixels, and those of the longest word at napari's own letters
_BOX_WIDTH, _DIGITS = 90, 76  # for six digits behind "0.000", and those of usual values
_FEW_DIGITS, _BESIDE = 40, 14  # pixels for the digits at least, and of a box beside them
# napari's theme asks for boxes so wide that a row does not fit a narrow dock. A theme's least width wins over Qt's.
_BOX_STYLE = "QAbstractSpinBox {{ min-width: {digits}px; padding: 1px 6px; }}"


class RowLabel(QLabel):
    """A label as wide as those of all rows, so that controls stand below each other; it grows with the letters."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.setWordWrap(True)
        self._fit()

    def changeEvent(self, event: QEvent | None) -> None:
        """Follow the size of letters, which arrives as a new style."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.StyleChange:
            self._fit()

    def _fit(self) -> None:
        self.setFixedWidth(max(_LABEL_WIDTH, round(_LONGEST * letters())))


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
            self._row.addWidget(RowLabel(f"{knob.label}{unit}"))

    def _name(self, control: QWidget) -> None:
        """Name a control for screen readers."""
        control.setAccessibleName(self.knob.label)
        control.setAccessibleDescription(self.knob.help)


class NumberControl(KnobRow):
    """A slider and a number box for a float or an integer. The slider runs on the knob's scale."""

    def __init__(self, knob: Knob, percent: bool = False) -> None:
        super().__init__(knob)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.box: WholeSpinBox | ExactSpinBox
        if knob.kind == "int":
            self.box = WholeSpinBox()
            self.box.setRange(int(knob.minimum), int(knob.maximum))
            self.box.setSuffix(f" {short_unit(knob)}".rstrip())
            self.box.setSpecialValueText(knob.least)
        else:
            self.box = ExactSpinBox(knob, percent)
        for part in (self.slider, self.box):
            self._name(part)
        # The room of the step buttons belongs to the digits; the arrow keys step.
        usual = round(_DIGITS * letters())
        # Between the ends of a log scale are values with more digits than these, by which Qt finds the width.
        self.box.setStyleSheet(_BOX_STYLE.format(digits=usual - _BESIDE if knob.scale == "log" else _FEW_DIGITS))
        self.box.setMaximumWidth(max(_BOX_WIDTH, usual))
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
        self._to_answer = self._typed = False  # a refusal, until a value is typed
        self.box.lineEdit().textEdited.connect(self._on_typed)
        self.box.editingFinished.connect(self._on_finished)

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

    def _on_typed(self) -> None:
        self._typed = True

    def _on_finished(self) -> None:
        """Take the value that was there before, too, where it follows a text that was none."""
        if self._to_answer and self._typed:
            self._to_answer = False
            self.turned.emit(self.value())

    def _on_refused(self, text: str) -> None:
        self._to_answer, self._typed = True, False
        box, least = self.box, self.knob.least
        low, high, now = map(box.textFromValue, (box.minimum(), box.maximum(), box.value()))
        stays = least if least and box.value() == box.minimum() else f"{now}{box.suffix()}"
        typed = without_unit(text, box.suffix()) or "empty"
        self.refused.emit(
            f"{self.knob.label} cannot be {typed}; type {least and f'{least} or '}a number between "
            f"{low} and {high}{box.suffix()}, it stays at {stays}."
        )

    def _on_box(self, value: float) -> None:
        self._to_answer = False
        with signals_blocked(self.slider):
            self.slider.setValue(round(self.knob.to_unit(value) * _STEPS))
        self.turned.emit(self.value())


class ChoiceControl(KnobRow):
    """A list for a knob with named choices."""

    def __init__(self, knob: Knob) -> None:
        super().__init__(knob)
        self.list = QComboBox()
        self._name(self.list)
        self.list.addItems([choice.replace("-", " ") for choice in knob.choices])
        self.list.setStyleSheet(NARROW_LIST)
        self.list.setMinimumWidth(80)  # not that of its longest entry: the row fits a narrow dock
        self._row.addWidget(self.list, 1)
        self.set_value(knob.default)
        self.list.currentIndexChanged.connect(lambda: self.turned.emit(self.value()))

    def value(self) -> Value:
        """The choice."""
        return self.knob.choices[self.list.currentIndex()]

    def set_value(self, value: Any) -> None:
        """Show a value without a signal."""
        with signals_blocked(self.list):
            self.list.setCurrentIndex(self.knob.choices.index(value))


class SwitchControl(KnobRow):
    """A switch for a knob that is on or off."""

    def __init__(self, knob: Knob) -> None:
        super().__init__(knob)
        self.switch = QCheckBox(knob.label)
        self._name(self.switch)
        self._row.addWidget(self.switch)
        self.set_value(knob.default)
        self.switch.toggled.connect(lambda: self.turned.emit(self.value()))

    def value(self) -> Value:
        """Whether the switch is on."""
        return self.switch.isChecked()

    def set_value(self, value: Any) -> None:
        """Show a value without a signal."""
        with signals_blocked(self.switch):
            self.switch.setChecked(bool(value))


Control = NumberControl | ChoiceControl | SwitchControl


def control(knob: Knob, percent: bool = False) -> Control:
    """Make the control that fits the kind of a knob."""
    if knob.kind == "choice":
        return ChoiceControl(knob)
    return SwitchControl(knob) if knob.kind == "bool" else NumberControl(knob, percent)
