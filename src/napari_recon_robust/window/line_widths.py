"""Outlines and marks stay as thin on the screen, however far the picture is magnified."""

from qtpy.compat import isalive
from qtpy.QtCore import QObject, QTimer

from ..canvas.layers import Panels
from ..controls.number_boxes import significant

_REST = 100  # ms without another notch of the wheel


class LineWidths(QObject):
    """Makes the lines of all panels thinner in the image once the zoom rests: thick ones hide what they frame."""

    def __init__(self, panels: Panels, parent: QObject) -> None:
        super().__init__(parent)
        self._panels = panels
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(_REST)
        self._rest.timeout.connect(self._thin)
        panels.viewer.scene.camera.events.zoom.connect(self._on_zoom)

    def _on_zoom(self) -> None:
        if isalive(self):
            self._rest.start()

    def _thin(self) -> None:
        if self._panels.geometry is not None:  # or else they were closed meanwhile
            self._panels.thin(significant(1 / self._panels.framing.magnification, 2))
