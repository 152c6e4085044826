"""Which slice of a case is shown, in words and as a slider; for a case of one slice there is nothing to see."""

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QLabel, QSlider, QWidget

from ...workbench.reading import Reading


class SliceBar(QWidget):
    """Follows the reading."""

    def __init__(self, reading: Reading) -> None:
        super().__init__()
        self._reading = reading
        self._label = QLabel()
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setPageStep(1)
        self.slider.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # arrows stay for the mark
        self.slider.setToolTip("Keys: J and K, or the mouse wheel")
        self.slider.valueChanged.connect(reading.slices.turn)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._label)
        layout.addWidget(self.slider, 1)
        reading.opened.connect(self.follow)
        reading.slices.turned.connect(self.follow)
        self.follow()

    def follow(self) -> None:
        """Show which slice it is."""
        slices = self._reading.slices
        words = f"Slice {slices.at + 1} of {slices.count}"
        self._label.setText(f"{words} (J, K)")
        self.slider.setAccessibleName(words)
        self.slider.blockSignals(True)
        self.slider.setRange(0, slices.count - 1)
        self.slider.setValue(slices.at)
        self.slider.blockSignals(False)
        self.setVisible(slices.count > 1)
