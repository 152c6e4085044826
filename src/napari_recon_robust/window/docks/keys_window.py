"""The list of keys in a window of its own, which may stay open beside the images."""

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDialog, QFrame, QScrollArea, QVBoxLayout, QWidget

from ...controls.letters import letters
from ...controls.parts import words
from .. import keys

_WIDTH, _HEIGHT, _MARGIN = 1120, 690, 36  # pixels: three columns, no higher than a window of 720
_BESIDE = 60  # pixels of the screen, or of the window behind it, that stay free


class KeysWindow(QDialog):
    """What every key does, in the review and in the gallery; what the screen has no room for is scrolled."""

    def __init__(self, parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys")
        self.list = words(keys.text())
        scroll = QScrollArea()
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidgetResizable(True)
        scroll.setWidget(self.list)
        QVBoxLayout(self).addWidget(scroll)

    def toggle(self) -> None:
        """Show the list, or put it away."""
        if self.isVisible():
            self.hide()
            return
        room = self.screen().availableSize()
        width = min(round(_WIDTH * letters()), room.width() - _BESIDE)
        self.list.ensurePolished()
        height = self.list.heightForWidth(width - 2 * _MARGIN)  # with room for a scroll bar
        self.list.setFixedHeight(height)
        behind = 0 if self.parentWidget() is None else self.parentWidget().height() - _BESIDE
        highest = min(max(round(_HEIGHT * letters()), behind), room.height() - _BESIDE)
        self.resize(width, min(height + _MARGIN, highest))
        self.show()
