"""The wipe and the fade are dragged by the mouse, in any panel."""

from collections.abc import Generator
from typing import Any

from .comparing import Comparing
from .layers import Panels

_INSET = 0.05  # of the columns: less far from an edge a wipe does not begin


class Wiping:
    """Moves the wipe to where the left button is pressed and held, while there is a wipe and nothing is drawn.

    The fade goes from the first image at the left edge to the second one at the right.
    """

    def __init__(self, panels: Panels, comparing: Comparing) -> None:
        self._panels, self._comparing = panels, comparing

    def on_drag(self, viewer: Any, event: Any) -> Generator[None, None, bool]:
        """Handle a press of the mouse; return whether it was for the wipe or the fade."""
        host = self._comparing.host
        if (
            event.button != 1
            or host is None
            or self._comparing.view.way == "lens"
            or self._panels.navigation.picking
            or self._draws()
        ):
            return False
        image = self._panels.panels[host].image
        while True:
            _, _, column = image.world_to_data(event.position)
            column = float(column) + 0.5  # a pixel reaches half to each side of its centre
            self._comparing.move_wipe(column)
            self._comparing.move_fade(column / image.data.shape[2])
            if event.type == "mouse_release":
                return True
            event.handled = True  # or napari would move the picture
            yield

    @property
    def middle(self) -> float:
        """The middle of what is seen, as a fraction of the columns; within the image."""
        if not self._panels.shown:
            return 0.5
        front = self._panels.panels[self._panels.shown[0]]
        camera = self._panels.viewer.scene.camera
        _, _, column = front.image.world_to_data((0.0, *camera.center[-2:]))
        return min(max((float(column) + 0.5) / front.stack.shape[-1], _INSET), 1 - _INSET)

    def _draws(self) -> bool:
        active = self._panels.viewer.layers.selection.active
        return active is not None and str(active.mode) != "pan_zoom"
