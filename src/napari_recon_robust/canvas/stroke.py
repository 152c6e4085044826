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
        self._soon.timeout.connect(self._again)
        self._viewer.canvas.grid.events.connect(self._on_grid)

    def _on_grid(self, _: object = None) -> None:
        """Follow the panel when napari has laid out the grid anew."""
        if self._line is not None:
            self._soon.start()

    def _again(self) -> None:
        if self._put is not None:
            self.put(*self._put)

    def put(self, key: str, points: NDArray[np.floating]) -> None:
        """Put the line over a panel. points: (n, 2) rows and columns, where pixel i reaches from i to i + 1."""
        node = self._node(key)
        if node is None:
            return
        if self._at != (node, node.parent):  # a line draws only where it was made
            self.take_away()
            self._line = Line(color=self._colour, width=1.5, parent=node)
            self._line.set_gl_state("translucent", depth_test=False)
            self._line.order = 1000  # over everything that is drawn before
        self._line.set_data(np.ascontiguousarray(points[:, ::-1], np.float32))
        self._at, self._put = (node, node.parent), (key, points)

    def take_away(self) -> None:
        """Have no line."""
        if self._line is not None:
            self._line.parent = None
            self._line = self._at = self._put = None

    def _node(self, key: str) -> Any:
        """The scene node of an image; napari has no public way to it."""
        window = getattr(self._viewer, "window", None)
        visuals = {} if window is None else window._qt_viewer.canvas.layer_to_visual
        panel = self._panels.panels.get(key)
        visual = None if panel is None else visuals.get(panel.image)
        return None if visual is None else visual.node
