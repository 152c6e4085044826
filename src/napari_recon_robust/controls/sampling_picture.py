"""The sampled points as a small picture."""

import numpy as np
from qtpy.QtGui import (
    QColor,
    QImage,
    QPainter,
    QPaintEvent,
)
from qtpy.QtWidgets import (
    QWidget,
)


class SamplingPicture(QWidget):
    """A picture of the sampled points with the centre of k-space in the middle."""

    def __init__(self) -> None:
        super().__init__()
        self._image: QImage | None = None
        self.setFixedSize(56, 56)
        self.setToolTip("Sampled points of k-space: phase encoding across, readout down")

    def set_mask(self, mask: np.ndarray | None) -> None:
        """Show a mask, bool (1 or readout, phase)."""
        self._image = None
        if mask is not None:
            shares = _shares(_shares(mask.astype(float), self.height()).T, self.width()).T
            grey = np.ascontiguousarray((235 * np.sqrt(shares)).astype(np.uint8))  # a small share would be black
            height, width = grey.shape
            self._image = QImage(grey.tobytes(), width, height, width, QImage.Format.Format_Grayscale8).copy()
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint sampled points white; a frame shows the border on a white page."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.fillRect(self.rect(), QColor("black"))
        if self._image is not None:
            painter.drawImage(self.rect(), self._image)
        painter.setPen(self.palette().mid().color())
        painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()


def _shares(values: np.ndarray, size: int) -> np.ndarray:
    """Means of rows over at most so many equally wide bins; a row across a border counts in both for its part."""
    sums = np.pad(np.cumsum(values, 0), ((1, 0), (0, 0)))
    borders = np.linspace(0, len(values), min(size, len(values)) + 1)
    whole = np.minimum(borders.astype(int), len(values) - 1)
    at = sums[whole] + (borders - whole)[:, None] * values[whole]
    return np.diff(at, axis=0) / np.diff(borders)[:, None]
