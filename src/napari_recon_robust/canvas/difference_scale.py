"""The scale of the difference panel: it is its own, so that the window of the images leaves it alone."""

from napari.utils.colormaps import Colormap

from ..evaluation.difference import DIVERGING
from .panel import PanelSet

KEY = "difference"
SIGNED = Colormap([(*colour, 1.0) for colour in DIVERGING], name="sky blue to orange")


class DifferenceScale:
    """Grey from zero for magnitudes; sky blue below zero and orange above for signed differences."""

    def __init__(self, panels: PanelSet) -> None:
        self._panels = panels

    def show(self, *, signed: bool, full: float) -> None:
        """Set colours and limits. full: the value with the brightest colour, in the scan's units."""
        panel = self._panels.panels.get(KEY)
        if panel is None:
            return
        image, limits = panel.image, (-full if signed else 0.0, full)
        if tuple(image.contrast_limits) != limits:
            image.contrast_limits_range = limits
            image.contrast_limits = limits
        colours = SIGNED.name if signed else "gray"
        if image.colormap.name != colours:
            image.colormap = SIGNED if signed else "gray"
