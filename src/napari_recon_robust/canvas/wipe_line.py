"""The edge between two images in one panel, which says where one of them ends and the other begins."""

from qtpy.QtCore import QObject

from .scene import Scene
from .stroke import Stroke


class WipeLine(QObject):
    """The line of the wipe over the panel in which two images are compared."""

    def __init__(self, scene: Scene, parent: QObject) -> None:
        super().__init__(parent)
        self._comparing = scene.comparing
        self._stroke = Stroke(scene.panels, self)

    def follow(self) -> None:
        """Move to where the edge is, or disappear with it."""
        host, edge = self._comparing.host, self._comparing.edge
        if host is None or edge is None:
            self._stroke.take_away()
        else:
            self._stroke.put(host, edge)
