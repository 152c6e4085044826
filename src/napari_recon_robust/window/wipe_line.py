"""The line of the wipe, which says where one image ends and the other begins."""

from typing import Any

import numpy as np
from qtpy.QtCore import QObject, QTimer
from vispy.scene.visuals import Line

from ..workbench.looking import wipe_column
from .canvas.scene import Scene

_COLOUR = (1.0, 0.82, 0.25, 0.9)


class WipeLine(QObject):
    """A line over the panel with the wipe. It is no napari layer, since each of those has a cell of the grid."""

    def __init__(self, scene: Scene, parent: QObject) -> None:
        super().__init__(parent)
        self._scene, self._viewer = scene, scene.panels.viewer
        self._line: Any = None
        self._at: tuple[object, ...] | None = None
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self.follow)
        self._viewer.canvas.grid.events.connect(self._on_grid)

    def _on_grid(self, _: object = None) -> None:
        """Follow the panel when napari has laid out the grid anew."""
        if self._line is not None:
            self._soon.start()

    def follow(self) -> None:
        """Move to where the wipe is, or disappear with it."""
        comparing = self._scene.comparing
        host, wipe = comparing.host, comparing.view.wipe
        if host is None or wipe is None:
            self._take_away()
            return
        rows, columns = comparing.pictures[host].image.shape
        node, column = self._node(host), wipe_column(wipe, columns)
        if node is None or self._at == (node, node.parent, column):
            return
        if self._at is None or self._at[:2] != (node, node.parent):  # a line draws only where it was made
            self._take_away()
            self._line = Line(color=_COLOUR, width=1.5, parent=node)
            self._line.set_gl_state("translucent", depth_test=False)
            self._line.order = 1000  # over everything that is drawn before
        self._line.set_data(np.array([[column, 0], [column, rows]], np.float32))
        self._at = node, node.parent, column

    def _node(self, host: str) -> Any:
        """The scene node of an image, which napari does not make public."""
        window = getattr(self._viewer, "window", None)
        visuals = {} if window is None else window._qt_viewer.canvas.layer_to_visual
        visual = visuals.get(self._scene.panels.panels[host].image)
        return None if visual is None else visual.node

    def _take_away(self) -> None:
        if self._line is not None:
            self._line.parent = None
            self._line = self._at = None
