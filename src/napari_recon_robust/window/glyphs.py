"""Draws the letters of titles before a title needs them."""

import string
from typing import Any

from qtpy.QtCore import QObject, QTimer

_CHARACTERS = string.ascii_letters + string.digits + " .,:;%()+-−×·…²/'ηµ="
_PAUSE = 5  # ms


class Glyphs(QObject):
    """Draws what titles are written with, one character in each turn of the event loop.

    napari draws a character of a window when it is first written, in 6 to 15 ms, so that the first picture would wait
    for a quarter of a second. canvas: of napari's viewer, with a font of its own.
    """

    def __init__(self, canvas: Any, parent: QObject) -> None:
        super().__init__(parent)
        font = canvas.font_info()
        self._font = font.font_manager.get_font(font.face)
        self._left = list(reversed(_CHARACTERS))
        self._timer = QTimer(self)
        self._timer.setInterval(_PAUSE)
        self._timer.timeout.connect(self._draw_one)

    def begin(self) -> None:
        """Begin to draw, or go on."""
        if self._left:
            self._timer.start()

    def _draw_one(self) -> None:
        self._font[self._left.pop()]
        if not self._left:
            self._timer.stop()
