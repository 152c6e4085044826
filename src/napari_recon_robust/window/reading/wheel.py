"""The mouse wheel over the images of a case of several slices."""

from collections.abc import Callable

from qtpy.QtCore import Qt
from qtpy.QtGui import QWheelEvent

from ...workbench.reading import Reading

_NOTCH = 120  # of a mouse wheel, in Qt's units
_ZOOM = 1.25  # for a notch


class Wheel:
    """Turns the slices, or zooms where Ctrl is held. A case of one slice is left to napari, which zooms."""

    def __init__(self, reading: Reading, zoom: Callable[[float], object]) -> None:
        self._reading, self._zoom = reading, zoom
        self._rolled = 0

    def roll(self, event: QWheelEvent) -> bool:
        """Take an event; returns whether it was ours. A touchpad sends parts of a notch."""
        reading = self._reading
        if reading.slices.count == 1:
            return False
        by = event.angleDelta().y()
        if reading.clock.paused:
            return True
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            if reading.study.viewing.zoom:
                self._zoom(_ZOOM ** (by / _NOTCH))
            return True
        self._rolled += by
        notches = int(self._rolled / _NOTCH)
        self._rolled -= notches * _NOTCH
        reading.slices.step(-notches)
        return True
