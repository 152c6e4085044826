"""The wipe and the fade are dragged by the mouse, in any panel."""

from collections.abc import Generator, Sequence
from typing import Any

from napari.layers import Image

from .comparing import Comparing
from .layers import Panels
from .surface import moves_picture

_INSET = 0.05  # of the width: less far from an edge a wipe does not begin


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
            or not moves_picture(viewer)
        ):
            return False
        image = self._panels.panels[host].image
        while True:
            share = self._across(image, event.position)
            self._comparing.move_wipe(share)
            self._comparing.move_fade(share)
            if event.type == "mouse_release":
                return True
            event.handled = True  # or napari would move the picture
            yield

    @property
    def middle(self) -> float:
        """The middle of what is seen, as a fraction of the picture's width on the screen; within the image."""
        if not self._panels.shown:
            return 0.5
        front = self._panels.panels[self._panels.shown[0]]
        camera = self._panels.viewer.scene.camera
        return min(max(self._across(front.image, (0.0, *camera.center[-2:])), _INSET), 1 - _INSET)

    def _across(self, image: Image, place: Sequence[float]) -> float:
        _, row, column = image.world_to_data(place)
        geometry = self._panels.geometry
        return 0.5 if geometry is None else geometry.across(float(row), float(column))
