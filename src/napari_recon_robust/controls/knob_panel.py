"""The controls of all knobs of a method, made from their specifications alone."""

from collections.abc import Container, Iterable, Mapping
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

from ..ground.knob import Knob, Value, live_axes
from .knob_row import control
from .pad import Pad


class KnobPanel(QWidget):
    """All knobs of a method, each in a row. Where two of them are live, a pad for both stands above.

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
        """All values by the names of the knobs."""
        return {name: row.value() for name, row in self.controls.items()}

    def set_values(self, values: Mapping[str, Any]) -> None:
        """Show values without a signal."""
        for name, value in values.items():
            self.controls[name].set_value(value)
        if self.pad is not None:
            self.pad.set_values(self.values())
        self.grey(self.values())

    def grey(self, values: Mapping[str, Any]) -> None:
        """Grey the knobs that do not matter at these values, which may include those of knobs elsewhere."""
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
