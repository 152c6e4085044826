"""What the user does with napari's slider and the mouse: slices, places, the window by dragging."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from napari.components import ViewerModel
from psygnal import Signal

from .our_changes import OurChanges
from .panel import PanelSet
from .surface import cell_size, drag_window, moves_picture
from .titles import too_early

_AROUND = 3.0  # how many times the size of a place a cell shows


class Navigation:
    """Signals: `slice_changed(int)`; `clicked(row, column)` while places are picked, `pointed(row, column)` of a click
    that is for nothing else; `moved(row, column)`, whole pixels under the cursor. All may lie beyond the image.

    ours: true while layers are arranged, when napari's slider means nothing. picking: whether places are picked.
    windowed: whether what is shown has a window that a drag may change.
    """

    slice_changed = Signal(int)
    clicked = Signal(float, float)
    pointed = Signal(float, float)
    moved = Signal(int, int)

    def __init__(self, viewer: ViewerModel, panels: PanelSet, ours: OurChanges) -> None:
        self.viewer = viewer
        self._panels, self._ours = panels, ours
        self.picking = False
        self.slice = 0
        self.windowed: Callable[[], bool] = lambda: True

    @property
    def seen(self) -> int:
        """The slice that the picture is of: the one before while another one is read."""
        front = self._panels.front
        return self.slice if front is None or front.former is None else front.former

    @property
    def refusal(self) -> str:
        """Why nothing is drawn on the picture yet: it is of another slice. Empty where it is not.

        The first panel decides, which is the first to show a slice that is read; what is drawn goes into all of them.
        """
        front = self._panels.front
        return "" if front is None or front.former is None else too_early(front.former, self.slice)

    def go_to(self, index: int) -> None:
        """Show a slice, also where napari's slider stands there already."""
        self.viewer.dims.set_current_step(self._axis, index)
        self._turn(index)

    def pick(self, active: bool) -> None:
        """Take clicks into the picture as places (`clicked`), or as navigation again."""
        self.picking = active

    def on_step(self) -> None:
        """Follow the slider; without a layer of ours its movements mean nothing."""
        if self._panels.is_in(self.viewer.layers) and not self._ours:
            self._turn(int(self.viewer.dims.current_step[self._axis]))

    @property
    def _axis(self) -> int:
        """That of our slices; layers of the user with more axes than ours have theirs before it."""
        return max(self.viewer.dims.ndim - 3, 0)

    def _turn(self, index: int) -> None:
        if index != self.slice:
            self.slice = index
            self.slice_changed.emit(index)

    def on_move(self, viewer: ViewerModel, event: Any) -> None:
        """Report the pixel under the mouse; napari calls this."""
        panel = self._panels.front
        if panel is not None and panel.image in viewer.layers:
            _, row, column = panel.image.world_to_data(event.position)
            self.moved.emit(round(float(row)), round(float(column)))

    def centre(self, index: int, row: float, column: float, radius: float) -> None:
        """Go to a place: its slice, and a view in which a circle of this radius in pixels is easily seen."""
        geometry = self._panels.geometry
        if geometry is None:
            return
        self.go_to(index)
        camera, grid = self.viewer.scene.camera, self.viewer.canvas.grid
        camera.center = (0.0, *geometry.world(row, column))
        cell = cell_size(grid.shape if grid.enabled else (1, 1), *self.viewer.canvas.size)
        diameter = 2 * radius * max(geometry.transform["scale"][1:])
        camera.zoom = max(camera.zoom, cell / (_AROUND * diameter))

    def on_drag(self, viewer: ViewerModel, event: Any) -> Iterator[None]:
        """Handle a press of the mouse: a click of the left button is a place, the right one changes the window."""
        panel = self._panels.front
        if panel is None:
            return
        if event.button == 1 and (self.picking or moves_picture(viewer)):
            start, place = event.pos, self.clicked if self.picking else self.pointed
            yield
            while event.type == "mouse_move":
                yield
            if np.abs(np.subtract(event.pos, start)).max() < 4:
                _, row, column = panel.image.world_to_data(event.position)
                place.emit(float(row), float(column))
        elif event.button == 2 and self.windowed():
            yield from drag_window(panel.image, event)
