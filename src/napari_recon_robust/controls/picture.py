"""A grey picture with a title above it, as large as there is room."""

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QRectF, QSize, Qt
from qtpy.QtGui import QColor, QImage, QPainter, QPaintEvent
from qtpy.QtWidgets import QSizePolicy, QWidget

_ROW = 16  # of the title
_TINT, _SHARE = (63, 167, 214), 0.35  # what a marked pixel is mixed with, and by how much


class PictureBox(QWidget):
    """A picture with its title; hidden while there is none."""

    def __init__(self, tip: str) -> None:
        super().__init__()
        self.title = ""
        self._image: QImage | None = None
        self._aspect = 1.0
        self.setToolTip(tip)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(80, 80)
        self.hide()

    def sizeHint(self) -> QSize:
        """A size of which three fit a laptop."""
        return QSize(300, 180)

    def clear(self) -> None:
        """Show nothing."""
        self._image = None
        self.hide()

    def show_image(
        self, image: NDArray[np.floating], title: str, aspect: float = 1.0, marked: NDArray[np.bool_] | None = None
    ) -> None:
        """Show an image (rows, columns) of which 0 is black and 1 white.

        aspect: height over width of a pixel. marked: pixels that are tinted blue.
        """
        grey = (255 * np.clip(image, 0, 1)).astype(np.uint8)
        colours = np.repeat(grey[..., None], 3, axis=-1)
        if marked is not None:
            colours[marked] = ((1 - _SHARE) * colours[marked] + _SHARE * np.array(_TINT)).astype(np.uint8)
        colours = np.ascontiguousarray(colours)
        height, width = grey.shape
        self._image = QImage(colours.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888).copy()
        self._aspect, self.title = aspect, title
        self.setAccessibleName(title)
        self.show()
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint the title, and the picture below it on black."""
        if self._image is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setPen(self.palette().text().color())
        title = self.fontMetrics().elidedText(self.title, Qt.TextElideMode.ElideRight, self.width())
        painter.drawText(QRectF(0, 0, self.width(), _ROW), Qt.AlignmentFlag.AlignLeft, title)
        area = QRectF(self.rect()).adjusted(0, _ROW + 2, 0, 0)
        painter.fillRect(area, QColor("black"))
        width, height = float(self._image.width()), self._image.height() * self._aspect
        scale = min(area.width() / width, area.height() / height)
        place = QRectF(0, 0, scale * width, scale * height)
        place.moveCenter(area.center())
        painter.drawImage(place, self._image)
        painter.end()
