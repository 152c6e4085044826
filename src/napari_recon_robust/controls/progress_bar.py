"""A bar that shows how far a job is."""

from qtpy.QtGui import (
    QColor,
    QPainter,
    QPaintEvent,
)
from qtpy.QtWidgets import (
    QWidget,
)

from .parts import ACCENT


class Bar(QWidget):
    """A thin bar. Qt's own bar is painted at once at every new value, and napari's whole canvas with it."""

    def __init__(self) -> None:
        super().__init__()
        self.fraction = 0.0
        self.setFixedHeight(6)

    def set_fraction(self, fraction: float) -> None:
        """Show a fraction between 0 and 1."""
        self.fraction = fraction
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint the part that is done, on a faint ground."""
        painter = QPainter(self)
        ground = self.palette().text().color()
        ground.setAlpha(50)
        done = self.rect()
        painter.fillRect(done, ground)
        done.setWidth(round(self.fraction * done.width()))
        painter.fillRect(done, QColor(ACCENT))
        painter.end()
