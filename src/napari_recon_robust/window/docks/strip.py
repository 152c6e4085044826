"""Thumbnails of the reconstructions that differ most; a click turns the knobs to one."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QRect, QSize, Qt, Signal
from qtpy.QtGui import QColor, QImage, QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QAbstractButton, QGridLayout, QSizePolicy, QWidget

from ...canvas.geometry import Geometry
from ...controls.parts import ACCENT, words
from ...data.window import Window
from ...ground.knob import Knob
from ...ground.numbers import written

if TYPE_CHECKING:
    from ...analyses.diversity import Variant

COLUMNS = 4
_SIDE = 76  # pixels of a picture: four beside each other fit a dock of 360
_MARGIN = 12  # pixels of the image that are seen around what is looked at
_LARGEST = 128  # picture pixels, twice those of the screen


class Thumbnail(QAbstractButton):
    """One picture with a line below it."""

    def __init__(self, picture: QImage, caption: str, tip: str) -> None:
        super().__init__()
        self.picture, self.caption = picture, caption
        self.setCheckable(True)
        self.setToolTip(tip)
        self.setAccessibleName(caption)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """The size of a square with a line of text below."""
        return QSize(_SIDE, _SIDE + self.fontMetrics().height() + 2)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint the picture on black; a frame marks the one that is shown, and the one under the mouse."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        square = QRect(0, 0, _SIDE, _SIDE)
        painter.fillRect(square, QColor("black"))
        size = self.picture.size().scaled(square.size(), Qt.AspectRatioMode.KeepAspectRatio)
        place = QRect(square.topLeft(), size)
        place.moveCenter(square.center())
        painter.drawImage(place, self.picture)
        text = self.palette().text().color()
        if self.isChecked() or self.hasFocus() or self.underMouse():
            painter.setPen(QPen(QColor(ACCENT) if self.isChecked() else text, 3 if self.isChecked() else 1))
            inset = 1 if self.isChecked() else 0
            painter.drawRect(square.adjusted(inset, inset, -inset - 1, -inset - 1))
        painter.setPen(text)
        below = QRect(0, _SIDE + 2, _SIDE, self.height() - _SIDE - 2)
        shown = self.fontMetrics().elidedText(self.caption, Qt.TextElideMode.ElideRight, _SIDE)
        painter.drawText(below, Qt.AlignmentFlag.AlignCenter, shown)
        painter.end()


class Strip(QWidget):
    """One or two rows of thumbnails; hidden while there are none.

    Signal: `chosen(knobs)` when one is clicked.
    """

    chosen = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 2, 0, 2)
        self._grid.setSpacing(6)
        self._grid.setColumnStretch(COLUMNS, 1)
        self.heading = words(faint=True)
        self._grid.addWidget(self.heading, 0, 0, 1, COLUMNS + 1)
        self.variants: Sequence[Variant] = ()
        self.thumbnails: list[Thumbnail] = []
        self.hide()

    def clear(self) -> None:
        """Show nothing."""
        for thumbnail in self.thumbnails:
            self._grid.removeWidget(thumbnail)
            thumbnail.hide()
            thumbnail.deleteLater()
        self.variants, self.thumbnails = (), []
        self.hide()

    def show_variants(
        self,
        variants: "Sequence[Variant]",
        axes: Sequence[Knob],
        region: np.ndarray,
        geometry: Geometry,
        place: str,
        sentence: str,
    ) -> None:
        """Show these in one window, turned and stretched as on the canvas; only the region with its surroundings.

        region: bool (rows, columns). place: what the region is, in words. sentence: how they were chosen.
        """
        self.clear()
        if not variants:
            return
        part = around(region)
        images = [variant.image.cpu().numpy()[part] for variant in variants]
        white = max(Window.of(image).high for image in images)
        for number, (variant, image) in enumerate(zip(variants, images, strict=True)):
            picture = picture_of(geometry.laid.shown(image), white, geometry.aspect)
            thumbnail = Thumbnail(picture, _caption(variant, axes), _tip(variant, axes))
            thumbnail.clicked.connect(lambda _=False, knobs=variant.knobs: self.chosen.emit(dict(knobs)))
            self.thumbnails.append(thumbnail)
            self._grid.addWidget(thumbnail, 1 + number // COLUMNS, number % COLUMNS)
        self.heading.setText(f"{' · '.join(axis.label for axis in axes)}; the pictures show {place}. {sentence}")
        self.variants = variants
        self.show()

    def mark(self, knobs: Mapping[str, Any]) -> None:
        """Frame the picture at these knobs, if there is one."""
        for thumbnail, variant in zip(self.thumbnails, self.variants, strict=True):
            thumbnail.setChecked(dict(variant.knobs) == dict(knobs))


def around(region: np.ndarray) -> tuple[slice, ...]:
    """The rows and columns of the region with its surroundings."""
    part = []
    for axis in (1, 0):
        at = np.flatnonzero(region.any(axis))
        part.append(slice(max(at[0] - _MARGIN, 0), at[-1] + _MARGIN + 1))
    return tuple(part)


def picture_of(image: np.ndarray, white: float, aspect: float) -> QImage:
    """A thumbnail of an image (rows, columns), white at `white`. aspect: height over width of a pixel."""
    grey = np.ascontiguousarray((255 * np.clip(image / white, 0, 1)).astype(np.uint8))
    height, width = grey.shape
    picture = QImage(grey.tobytes(), width, height, width, QImage.Format.Format_Grayscale8).copy()
    size = QSize(width, max(round(height * aspect), 1))
    size.scale(_LARGEST, _LARGEST, Qt.AspectRatioMode.KeepAspectRatio)
    return picture.scaled(size, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation)


def _caption(variant: "Variant", axes: Sequence[Knob]) -> str:
    return " · ".join(_value(variant, axis, 2) for axis in axes)


def _tip(variant: "Variant", axes: Sequence[Knob]) -> str:
    """Say its knobs, and why it was chosen."""
    lines = [f"{axis.label}: {_value(variant, axis, 3)} {axis.unit}".rstrip() for axis in axes]
    lines.append(f"Misfit to the samples: {written(variant.consistency)}")
    if variant.distance:
        lines.append(f"1 − SSIM to the nearest before it: {written(variant.distance)}")
        lines.append(f"Salience of the difference: {variant.salience:.1f} times the noise, on blobs of 3 to 8 pixels")
    return "\n".join(lines)


def _value(variant: "Variant", axis: Knob, digits: int) -> str:
    value = variant.knobs[axis.name]
    return str(value) if axis.kind == "int" else f"{value:.{digits}g}"
