"""The check of the display at the start of a sitting: no program calibrates a monitor, but it can ask."""

from typing import Any

import numpy as np
from qtpy.QtGui import QImage, QPixmap
from qtpy.QtWidgets import QCheckBox, QFormLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

_SEEN = {
    "5% in black": "The square in the black field",
    "95% in white": "The square in the white field",
    "18 steps": "18 different greys in the bar",
}
_ASKED = {
    "light": ("Light in the room", "dark, dim or bright"),
    "distance": ("Distance of your eyes, cm", "60"),
    "calibrated": ("Display last calibrated", "date, or not known"),
}
_STEPS, _WIDTH, _HEIGHT, _PATCH = 18, 306, 40, 150  # pixels


class DisplayCheck(QWidget):
    """Patches of 5% in black and 95% in white, a ramp of 18 steps, and what the reader sees of them."""

    def __init__(self) -> None:
        super().__init__()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        picture = QLabel()
        picture.setPixmap(_pixmap())
        picture.setAccessibleName("Patches of 5% in black and 95% in white, and a ramp of 18 greys")
        layout.addWidget(picture)
        self._boxes = {name: QCheckBox(words) for name, words in _SEEN.items()}
        for box in self._boxes.values():
            layout.addWidget(box)
        fields = QFormLayout()
        fields.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapAllRows)  # large letters leave no room beside the words
        self._fields = {name: QLineEdit() for name in _ASKED}
        for name, (words, example) in _ASKED.items():
            self._fields[name].setMaxLength(80)
            self._fields[name].setPlaceholderText(example)
            fields.addRow(words, self._fields[name])
        layout.addLayout(fields)
        note = QLabel(
            "Flicker shows images in turn, four in a second. Do not use it if you are sensitive to flashing light."
        )
        note.setWordWrap(True)
        layout.addWidget(note)

    @property
    def findings(self) -> dict[str, Any]:
        """What the reader saw and wrote."""
        seen = {name: box.isChecked() for name, box in self._boxes.items()}
        return {**seen, **{name: field.text() for name, field in self._fields.items()}}


def _pixmap() -> QPixmap:
    ramp = np.repeat(np.linspace(0, 255, _STEPS).round(), _WIDTH // _STEPS)
    grey = np.full((2 * _HEIGHT + 10, _WIDTH), 16.0)
    grey[:_HEIGHT] = ramp
    for left, ground, patch in ((0, 0, 13), (_WIDTH - _PATCH, 255, 242)):
        grey[_HEIGHT + 10 :, left : left + _PATCH] = ground
        grey[_HEIGHT + 22 : -12, left + 50 : left + _PATCH - 50] = patch
    pixels = np.ascontiguousarray(grey, np.uint8)
    height, width = pixels.shape
    return QPixmap.fromImage(QImage(pixels.tobytes(), width, height, width, QImage.Format.Format_Grayscale8))
