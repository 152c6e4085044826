"""Boxes in which a number is typed: exactly, with a few decimals, or as a whole number."""

from qtpy.QtCore import QEvent, Qt, Signal
from qtpy.QtGui import QKeyEvent, QKeySequence, QValidator
from qtpy.QtWidgets import QDoubleSpinBox, QSpinBox

from ..ground.knob import Knob

_NUMERIC = "0123456789+-.,e "


def significant(value: float, digits: int = 3) -> float:
    """Round a value to significant digits, so that a slider gives what its box shows."""
    return float(f"{value:.{digits}g}")


def short_unit(knob: Knob) -> str:
    """The unit if it fits into a number box, else nothing; a longer unit stands beside the label."""
    return knob.unit if len(knob.unit) <= 3 else ""


def without_unit(text: str, suffix: str) -> str:
    """What was typed into a box, without its unit; the box keeps its own behind one that was typed."""
    return text.removesuffix(suffix).strip().removesuffix(suffix.strip()).strip()


def left_undo(event: QEvent | None) -> bool:
    """Leave undo and redo to the window where a field is asked whether it takes their keys; whether that is asked."""
    keys = QKeySequence.StandardKey
    if not isinstance(event, QKeyEvent) or event.type() != QEvent.Type.ShortcutOverride:
        return False
    asked = event.matches(keys.Undo) or event.matches(keys.Redo)
    if asked:
        event.ignore()
    return asked


class ExactSpinBox(QDoubleSpinBox):
    """A number box that shows its exact value in as few digits as possible. On a log scale arrows step by 10%.

    percent: the value is a fraction and shown as a percentage. Signal: `refused(text)` when a text is no value.
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
        self.setSpecialValueText(knob.least)

    def event(self, event: QEvent | None) -> bool:
        """Take keys as `_takes` says."""
        return _takes(self, event) or super().event(event)

    def textFromValue(self, value: float) -> str:
        """Up to six significant digits."""
        return f"{value * self._factor:.6g}"

    def valueFromText(self, text: str | None) -> float:
        """Read a number with or without its unit, or the word for the least one."""
        return self._number(text or "")

    def validate(self, text: str | None, position: int) -> tuple[QValidator.State, str, int]:
        """Accept what reads as a number in the range; exponents may be typed, and no letter that has no place there."""
        text = text or ""
        if not set(text.lower()) <= set(f"{_NUMERIC}{self.suffix()}{self.specialValueText()}".lower()):
            return QValidator.State.Invalid, text, position
        try:
            value = self._number(text)
        except ValueError:
            return QValidator.State.Intermediate, text, position
        inside = self.minimum() <= value <= self.maximum()
        return (QValidator.State.Acceptable if inside else QValidator.State.Intermediate), text, position

    def fixup(self, text: str | None) -> str:
        """Go back to the value before."""
        self.refused.emit(text or "")
        return self.textFromValue(self.value()) + self.suffix()

    def stepBy(self, steps: int) -> None:
        """Change the value by 10% for each step on a log scale."""
        if self._log:
            self.setValue(significant(self.value() * 1.1**steps))
        else:
            super().stepBy(steps)

    def _number(self, text: str) -> float:
        text = without_unit(text, self.suffix())
        if text and text == self.specialValueText():
            return self.minimum()
        return float(text.replace(",", ".")) / self._factor


class WholeSpinBox(QSpinBox):
    """A number box for an integer. Signal: `refused(text)` when a text is no value."""

    refused = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setKeyboardTracking(False)

    def event(self, event: QEvent | None) -> bool:
        """Take keys as `_takes` says."""
        return _takes(self, event) or super().event(event)

    def fixup(self, text: str | None) -> str:
        """Go back to the value before."""
        self.refused.emit(text or "")
        return f"{self.value()}{self.suffix()}"


class DecimalSpinBox(QDoubleSpinBox):
    """A number box with as many decimals as it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.setKeyboardTracking(False)

    def event(self, event: QEvent | None) -> bool:
        """Take keys as `_takes` says."""
        return _takes(self, event) or super().event(event)


def _takes(box: QDoubleSpinBox | QSpinBox, event: QEvent | None) -> bool:
    """Whether a key is dealt with here: Escape takes back what is typed, and undo is the window's where nothing is."""
    if not isinstance(event, QKeyEvent):
        return False
    if not _waits(box):
        return left_undo(event)
    if event.type() != QEvent.Type.KeyPress or event.key() != Qt.Key.Key_Escape:
        return False
    box.setValue(box.value())
    return True


def _waits(box: QDoubleSpinBox | QSpinBox) -> bool:
    """Whether a text is typed that is not taken as the value yet."""
    least = box.specialValueText() if box.value() == box.minimum() else ""
    return box.lineEdit().text() != (least or f"{box.prefix()}{box.textFromValue(box.value())}{box.suffix()}")
