"""Two knobs as a plane in which a point is dragged."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from qtpy.QtCore import QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QWidget

from ..ground.knob import Knob
from .number_boxes import significant

_UNKNOWN = 90  # grey


class Pad(QWidget):
    """Two float knobs as a plane: drag the point; a map of a measure may lie under it.

    The first knob runs to the right, the second upwards, each on its own scale. `turned({name: value})` while
    the point moves. The map is (second knob, first knob), low values dark, NaN grey.
    """

    turned = Signal(object)

    def __init__(self, across: Knob, upwards: Knob) -> None:
        super().__init__()
        self.knobs = (across, upwards)
        self._position = [across.to_unit(float(across.default)), upwards.to_unit(float(upwards.default))]
        self._map: QImage | None = None
        self._caption = ""
        self.setMinimumHeight(118)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(f"{across.label} and {upwards.label}")
        self.setToolTip(f"Drag the point, or use the arrow keys.\nTo the right: {across.help}\nUpwards: {upwards.help}")

    def sizeHint(self) -> QSize:
        """A wide size: most of the change is along the first knob."""
        return QSize(300, 128)

    def values(self) -> dict[str, float]:
        """Both values by the names of the knobs."""
        return {
            knob.name: significant(knob.from_unit(position))
            for knob, position in zip(self.knobs, self._position, strict=True)
        }

    def set_values(self, values: Mapping[str, Any]) -> None:
        """Move the point without a signal."""
        self._position = [knob.to_unit(float(values[knob.name])) for knob in self.knobs]
        self.update()

    def set_map(self, measure: np.ndarray | None, caption: str = "") -> None:
        """Draw a measure under the point, (second knob from low to high, first knob); the caption says what it is."""
        self._caption = caption
        self._map = None
        if measure is not None and np.isfinite(measure).any():
            low, high = np.nanmin(measure), np.nanmax(measure)
            level = np.nan_to_num((measure - low) / (high - low if high > low else 1.0))
            colours = np.zeros((*measure.shape, 4), np.uint8)
            dark, light = np.array([38, 50, 76]), np.array([112, 170, 190])
            known = np.isfinite(measure)[..., None]
            colours[..., :3] = np.where(known, dark + level[..., None] * (light - dark), _UNKNOWN)
            colours[..., 3] = 255
            pixels = np.ascontiguousarray(colours[::-1])
            height, width = measure.shape
            self._map = QImage(pixels.tobytes(), width, height, 4 * width, QImage.Format.Format_RGBA8888).copy()
        self.update()

    def _area(self) -> QRectF:
        return QRectF(self.rect()).adjusted(8, 6, -8, -20)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint the map, the frame, the point, and the names of both axes."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        area = self._area()
        text = self.palette().text().color()
        if self._map is not None:
            painter.drawImage(area, self._map)
        faint = QColor(text)
        faint.setAlpha(90)
        painter.setPen(QPen(faint, 1))
        painter.drawRect(area)
        point = QPointF(
            area.left() + self._position[0] * area.width(), area.bottom() - self._position[1] * area.height()
        )
        painter.drawLine(QPointF(area.left(), point.y()), QPointF(area.right(), point.y()))
        painter.drawLine(QPointF(point.x(), area.top()), QPointF(point.x(), area.bottom()))
        painter.setPen(QPen(QColor("black"), 1.5))
        painter.setBrush(QColor("#ffd23f"))
        painter.drawEllipse(point, 6, 6)
        painter.setPen(text if self._map is None else QColor("white"))
        inner = area.adjusted(5, 3, -5, -3)
        painter.drawText(inner, Qt.AlignmentFlag.AlignTop, f"↑ {_led(self.knobs[1])}")
        corner = Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignRight
        painter.drawText(inner, corner, f"{_led(self.knobs[0])} →")
        painter.setPen(text)
        below = QRectF(area.left(), area.bottom() + 2, area.width(), 16)
        painter.drawText(below, Qt.AlignmentFlag.AlignLeft, self._caption)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Move the point to where the mouse is pressed."""
        self._follow(event)

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Move the point with the mouse."""
        self._follow(event)

    def keyPressEvent(self, event: Any) -> None:
        """Move the point by 2% at an arrow key."""
        moves = {
            Qt.Key.Key_Left: (-0.02, 0.0),
            Qt.Key.Key_Right: (0.02, 0.0),
            Qt.Key.Key_Up: (0.0, 0.02),
            Qt.Key.Key_Down: (0.0, -0.02),
        }
        if event.key() not in moves:
            super().keyPressEvent(event)
            return
        across, up = moves[event.key()]
        self._move(self._position[0] + across, self._position[1] + up)

    def _follow(self, event: QMouseEvent | None) -> None:
        if event is None or not event.buttons() & Qt.MouseButton.LeftButton:
            return
        area, at = self._area(), event.position()
        self._move((at.x() - area.left()) / area.width(), (area.bottom() - at.y()) / area.height())

    def _move(self, across: float, up: float) -> None:
        position = [min(max(across, 0.0), 1.0), min(max(up, 0.0), 1.0)]
        if position != self._position:
            self._position = position
            self.update()
            self.turned.emit(self.values())


def _led(knob: Knob) -> str:
    """The label of a knob, and what more of it makes the image."""
    return f"{knob.label}: {knob.more}" if knob.more else knob.label
