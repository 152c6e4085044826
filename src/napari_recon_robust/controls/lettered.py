"""A widget that paints its words itself, in letters of the size that the user has chosen."""

from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QApplication, QWidget

from .letters import points


class Lettered(QWidget):
    """napari sets the letters of Qt's own widgets only; these follow the same preference, and `fit` is told of it."""

    def __init__(self) -> None:
        super().__init__()
        self._grow()

    @property
    def row(self) -> int:
        """The height in pixels of a line of words."""
        return self.fontMetrics().height() + 1

    def fit(self) -> None:
        """Take the height that the letters need now."""

    def changeEvent(self, event: QEvent | None) -> None:
        """Follow the preference, with which napari's style changes."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.StyleChange:
            self._grow()

    def _grow(self) -> None:
        font = QApplication.font()
        font.setPointSize(points())
        if font != self.font():
            self.setFont(font)
            self.updateGeometry()
        self.fit()
