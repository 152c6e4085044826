"""Two images in one panel at once: a wipe, a lens under the cursor, or a fade from one to the other."""

from collections.abc import Callable

from ..workbench.looking import Spot, Way
from .scene import Scene

_LENS = 1 / 9  # the radius of the lens, of the image's shorter side


class Mixing:
    """Switches between the ways to mix two images, one of them at a time.

    in_sight: sees to it that the panel with both images is shown, and draws it. changed: called after the mixture has
    changed.
    """

    def __init__(self, scene: Scene, in_sight: Callable[[], object], changed: Callable[[], object]) -> None:
        self._scene, self._in_sight, self._changed = scene, in_sight, changed
        self._place = 0.0, 0.0  # of the cursor
        scene.panels.navigation.moved.connect(self._on_moved)

    def toggle(self, way: Way) -> None:
        """Mix the images that are compared in this way, or show the second of them alone again."""
        geometry = self._scene.panels.geometry
        if geometry is not None:
            rows, columns = geometry.shape[1:]
            inside = 0 < self._place[0] < rows and 0 < self._place[1] < columns
            self._scene.view.mix(None if self._scene.view.way == way else way)
            self._move_lens(*(self._place if inside else (rows / 2, columns / 2)))
            self._in_sight()

    def fade(self, share: float) -> None:
        """Set the share of the second image in the fade."""
        self._scene.comparing.move_fade(share)
        self._changed()

    def _on_moved(self, row: int, column: int) -> None:
        self._place = row, column
        self._move_lens(row, column)

    def _move_lens(self, row: float, column: float) -> None:
        """Keep the lens equally large on the screen, however far the images are magnified."""
        panels = self._scene.panels
        if self._scene.view.lens is not None and panels.geometry is not None:
            radius = _LENS * min(panels.geometry.shape[1:]) / max(panels.framing.magnification, 1.0)
            self._scene.comparing.move_lens(Spot(row, column, radius))
