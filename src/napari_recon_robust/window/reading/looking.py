"""How the images of a case are looked at: side by side, in turn, or one up to an edge and the other from there on."""

from collections.abc import Generator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal
from qtpy.QtCore import QObject, QTimer

from ...canvas.layers import Panels
from ...canvas.stroke import Stroke
from ...data.orientation import AS_STORED, Turn
from ...workbench.looking import wipe_edge, wiped

Images = Mapping[str, NDArray[np.float32]]
_FLICKER = 250  # milliseconds for each image, as in the browser
_CLICK = 4  # pixels of the screen that a click may stray
_STEP = 0.02  # of the picture's width, for a key


class Looking(QObject):
    """The images of one case in their panels. Images are compared in the panel of the last one.

    mode: "side", "flicker" or "wipe", of the same slice of all images. modes: those that the study allows and the case
    has images for. Signal: `changed()`, another mode was chosen.
    """

    changed = Signal()

    def __init__(self, panels: Panels, parent: QObject) -> None:
        super().__init__(parent)
        self._panels = panels
        self.mode, self.share, self.phase, self._slice = "side", 0.5, 0, 0
        self.modes: tuple[str, ...] = ("side",)
        self._images: Images = {}
        self._compared: tuple[str, ...] = ()
        self._line = Stroke(panels, self)
        self._timer = QTimer(self)
        self._timer.setInterval(_FLICKER)
        self._timer.timeout.connect(self.flip)
        panels.left_drag = self._on_drag

    def open(self, images: Images, judged: tuple[str, ...], allowed: tuple[str, ...], slice: int) -> None:
        """Show a slice of a case's images (slices, rows, columns) side by side.

        judged: those without the reference, which is compared with one.
        """
        self._images, self._slice = images, slice
        self._compared = judged if len(judged) > 1 else tuple(images)
        count = len(self._compared)
        possible = {"side": True, "flicker": count > 1, "wipe": count == 2}
        self.modes = tuple(mode for mode in possible if possible[mode] and (mode == "side" or mode in allowed))
        self.share = 0.5
        self.set("side")

    def close(self) -> None:
        """Stop, with the case."""
        self._timer.stop()
        self._line.take_away()
        self._images, self.mode, self.modes = {}, "side", ("side",)

    def set(self, mode: str) -> None:
        """Look in another way; nothing happens for one that is not allowed."""
        if mode not in self.modes or not self._images:
            return
        self.mode, self.phase = mode, 0
        hidden = () if mode == "side" else self._compared[:-1]
        self._panels.show([name for name in self._images if name not in hidden])
        self._draw()
        if mode == "flicker":
            self._timer.start()
        else:
            self._timer.stop()
        self.changed.emit()

    def turn(self, slice: int) -> None:
        """Show another slice in the same way."""
        self._slice = slice
        if self._images:
            for name in set(self._images) - set(self._compared):
                self._write(name, name)
            self._draw()

    def flip(self) -> None:
        """Show the next image of the flicker."""
        self.phase = (self.phase + 1) % len(self._compared)
        self._draw()

    def move_wipe(self, share: float) -> None:
        """Put the edge at a fraction of the picture's width on the screen; without a wipe nothing happens."""
        if self.mode == "wipe":
            self.share = min(max(share, 0.0), 1.0)
            self._draw()

    def step_wipe(self, right: int) -> None:
        """Move the edge by a key."""
        self.move_wipe(self.share + _STEP * right)

    def _draw(self) -> None:
        host = self._compared[-1]
        if self.mode == "side":
            for name in self._images:
                self._write(name, name)
        elif self.mode == "flicker":
            self._write(host, self._compared[self.phase], " (flicker)")
        else:
            first, second = self._compared
            left, right = (self._images[name][self._slice] for name in (first, second))
            image = wiped(left, right, self.share, self._laid)
            self._panels.write(host, 0, image, f"{first.capitalize()} | {second.capitalize()}")
        self._draw_line(host)

    def _write(self, panel: str, name: str, note: str = "") -> None:
        """Put the slice of an image into a panel, which has room for one."""
        self._panels.write(panel, 0, self._images[name][self._slice], f"{name.capitalize()}{note}")

    def _draw_line(self, host: str) -> None:
        if self.mode != "wipe":
            self._line.take_away()
            return
        self._line.put(host, wipe_edge(self.share, self._images[host].shape[1:], self._laid))

    @property
    def _laid(self) -> Turn:
        geometry = self._panels.geometry
        return AS_STORED if geometry is None else geometry.laid

    def _on_drag(self, viewer: Any, event: Any) -> Generator[None, None, bool]:
        """A drag of the left button moves the wipe; a click is left to the navigation, as a place."""
        if self.mode != "wipe" or event.button != 1:
            return False
        panel, start = self._panels.panels[self._compared[-1]], np.array(event.pos)
        moved = False
        while event.type != "mouse_release":
            yield
            moved = moved or bool(np.abs(event.pos - start).max() >= _CLICK)
            _, row, column = panel.image.world_to_data(event.position)
            if moved and (geometry := self._panels.geometry) is not None:
                self.move_wipe(geometry.across(float(row), float(column)))
            event.handled = event.type == "mouse_move"  # or napari would move the picture
        if not moved:
            _, row, column = panel.image.world_to_data(event.position)
            self._panels.navigation.clicked.emit(float(row), float(column))
        return True
