"""A line over a panel that is drawn while the mouse moves; a napari layer takes too long to draw."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject, QTimer
from vispy.scene.visuals import Line

from .layers import Panels

_COLOUR = "#ffd140e6"


class Stroke(QObject):
    """One line over one panel, or none."""

    def __init__(self, panels: Panels, parent: QObject, colour: str = _COLOUR) -> None:
        super().__init__(parent)
        self._panels, self._viewer, self._colour = panels, panels.viewer, colour
        self._line: Any = None
        self._at: tuple[object, object] | None = None
        self._put: tuple[str, NDArray[np.floating]] | None = None
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self._draw)
        for event in (self._viewer.canvas.grid.events, self._viewer.layers.events.inserted):
            event.connect(self._on_place)

    def _on_place(self, _: object = None) -> None:
        """Follow the panel where napari has laid out the grid anew, or has its layer only now."""
        if self._put is not None:
            self._soon.start()

    def put(self, key: str, points: NDArray[np.floating]) -> None:
        """Put the line over a panel, as soon as its layer is in the viewer.

        points: (n, 2) rows and columns, where pixel i reaches from i to i + 1.
        """
        self._put = (key, points)
        self._draw()

    def take_away(self) -> None:
        """Have no line."""
        self._put = None
        self._erase()

    def _draw(self) -> None:
        if self._put is None:
            return
        key, points = self._put
        node = self._node(key)
        if node is None:
            self._erase()
            return
        if self._at != (node, node.parent):  # a line draws only where it was made
            self._erase()
            self._line = Line(color=self._colour, width=1.5, parent=node)
            self._line.set_gl_state("translucent", depth_test=False)
            self._line.order = 1000  # over everything that is drawn before
            self._at = (node, node.parent)
        self._line.set_data(np.ascontiguousarray(points[:, ::-1], np.float32))

    def _erase(self) -> None:
        if self._line is not None:
            self._line.parent = None
            self._line = self._at = None

    def _node(self, key: str) -> Any:
        """The scene node of an image; napari has no public way to it."""
        # a closed window has none any more, and images may still come
        window = getattr(getattr(self._viewer, "window", None), "_qt_window", None)
        visuals = {} if window is None else window._qt_viewer.canvas.layer_to_visual
        panel = self._panels.panels.get(key)
        visual = None if panel is None else visuals.get(panel.image)
        return None if visual is None else visual.node
