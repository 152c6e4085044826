"""A map over the clean panel."""

from collections.abc import Callable

import numpy as np
from napari.layers import Image

from .letter_sizes import SMALL, points
from .panel import Panel, PanelSet

OVER = "clean"  # the panel with the map
_BAR = (12, 80)  # pixels of its colour bar: beside the anatomy in a panel of a quarter of the canvas
_FIGURES = 6  # pixels of the width of its figures for each point of their size


class Overlay:
    """A map over a slice of the clean panel, on or off.

    grown: called when panels have got another layer; switched: called when the map is switched on or off.
    """

    def __init__(self, panels: PanelSet, grown: Callable[[], object], switched: Callable[[], object]) -> None:
        self._panels, self._grown, self._switched = panels, grown, switched
        self._stack: np.ndarray | None = None
        self._title = ""
        self.visible = False

    def clear(self) -> None:
        """Forget the map of another scan."""
        self._stack, self.visible = None, False

    @property
    def exists(self) -> bool:
        """Whether there has been a map, so that each panel has a layer for it."""
        return self._stack is not None

    def lay(self, index: int, image: np.ndarray, title: str, white: float | None = None) -> None:
        """Lay a map (rows, columns) over a slice; black at 0, brightest at `white`, by default its maximum."""
        if self._panels.geometry is None or OVER not in self._panels.panels:
            return
        if self._stack is None:
            self._stack = np.zeros(self._panels.geometry.shape, np.float32)
        self._stack[:] = 0.0
        self._stack[index] = image
        for panel in self._panels:
            self.join(panel)
        layer = self._panels.panels[OVER].overlay
        assert layer is not None
        layer.name = self._title = title
        layer.contrast_limits_range = layer.contrast_limits = (0.0, white or float(image.max()) or 1.0)
        layer.refresh(thumbnail=False, highlight=False, extent=False)
        layer.colorbar.size = _BAR
        layer.colorbar.font_size, layer.colorbar.visible = points(SMALL), True
        self.visible = True
        self._name()
        self._grown()

    def show(self, visible: bool) -> None:
        """Show or hide the map, if there is one."""
        self.visible = visible and self.exists
        self._name()
        self._switched()

    def _name(self) -> None:
        """Say below the panel's title what the colours are, and keep that off their bar."""
        if OVER in self._panels.panels:
            panel = self._panels.panels[OVER]
            panel.covered = _BAR[0] + _FIGURES * points(SMALL) if self.visible else 0
            panel.annotate(f"colours: {self._title.lower()}" if self.visible else "")

    def join(self, panel: Panel) -> None:
        """Give a panel its layer for the map, if there is one."""
        if self._stack is None or panel.overlay is not None:
            return
        assert self._panels.geometry is not None
        look = {"colormap": "inferno", "opacity": 0.4, "blending": "translucent", "visible": False}
        place = self._panels.geometry.transform
        panel.overlay = Image(self._stack, name="Overlay", contrast_limits=(0.0, 1.0), **look, **place)
