"""The list of keys in a window of its own, which may stay open beside the images."""

from qtpy.QtWidgets import QDialog, QVBoxLayout, QWidget

from ...controls.parts import words
from .. import keys

_WIDTH, _MARGIN = 1120, 36  # pixels: three columns, no higher than a window of 720


class KeysWindow(QDialog):
    """What every key does, in the review and in the gallery."""

    def __init__(self, parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys")
        self.list = words(keys.text())
        QVBoxLayout(self).addWidget(self.list)
        self.setFixedSize(_WIDTH, self.list.heightForWidth(_WIDTH) + _MARGIN)

    def toggle(self) -> None:
        """Show the list, or put it away."""
        self.setVisible(self.isHidden())
