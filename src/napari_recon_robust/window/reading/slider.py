"""A slider from 0 to 100 that says what its ends mean, and whether it was set at all."""

from collections.abc import Callable

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QLabel, QSlider, QVBoxLayout, QWidget

from ...controls.parts import set_faint


class Slider(QWidget):
    """words: what it asks. low, high: what its ends mean. take: called with each value that the reader chooses."""

    def __init__(self, words: str, low: str, high: str, take: Callable[[float], object]) -> None:
        super().__init__()
        self._words, self._take = words, take
        self.label = QLabel()
        self.label.setWordWrap(True)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, 100)
        self.slider.setSingleStep(5)
        self.slider.setAccessibleName(words)
        self.slider.setToolTip("Keys: + and -")
        self.slider.valueChanged.connect(self._on_value)
        self.slider.sliderReleased.connect(lambda: self._on_value(self.slider.value()))  # in the middle, too
        self.head = QHBoxLayout()
        self.head.addWidget(self.label, 1)
        ends = QHBoxLayout()
        for text, side in ((low, Qt.AlignmentFlag.AlignLeft), (high, Qt.AlignmentFlag.AlignRight)):
            end = QLabel(text)
            set_faint(end, True)
            ends.addWidget(end, 1, side)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 2, 0, 2)
        layout.setSpacing(0)
        layout.addLayout(self.head)
        layout.addWidget(self.slider)
        layout.addLayout(ends)
        self.show_value(None)

    def ask(self, words: str) -> None:
        """Ask in these words, which are shown with the next value."""
        self._words = words
        self.slider.setAccessibleName(words)

    def show_value(self, value: float | None) -> None:
        """Show an answer, or that there is none yet."""
        self.slider.blockSignals(True)
        self.slider.setValue(50 if value is None else round(value))
        self.slider.blockSignals(False)
        self.label.setText(f"{self._words} {'not set' if value is None else f'{value:g}'}")

    def _on_value(self, value: int) -> None:
        self._take(float(value))
