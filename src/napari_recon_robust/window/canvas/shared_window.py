"""One window for all images; the difference has a scale of its own."""

from collections.abc import Sequence

from napari.components import ViewerModel
from napari.layers import Image

from .difference_scale import KEY as DIFFERENCE
from .panel import PanelSet

_LINKED = ("contrast_limits", "gamma")


class SharedWindow:
    """Links the windows of the images, so that a change of one changes all."""

    def __init__(self, viewer: ViewerModel, panels: PanelSet) -> None:
        self.viewer = viewer
        self._panels = panels
        self._linked: tuple[Image, ...] = ()

    @property
    def images(self) -> Sequence[Image]:
        """The images that share it."""
        images = [panel.image for key, panel in self._panels.panels.items() if key != DIFFERENCE]
        return images or [panel.image for panel in self._panels]

    @property
    def limits(self) -> tuple[float, float]:
        """Black and white, in the scan's units."""
        low, high = self.images[0].contrast_limits
        return low, high

    def start(self, low: float, high: float) -> None:
        """Set black and white; the range leaves room above."""
        for image in self.images:
            image.contrast_limits_range = (min(low, 0.0), 2.0 * high)
            image.contrast_limits = (low, high)
            image.gamma = 1.0

    def turn(self, low: float, high: float) -> None:
        """Set black and white; the range grows where it has to, and the linked images follow."""
        first = self.images[0]
        bottom, top = first.contrast_limits_range
        if low < bottom or high > top:
            for image in self.images:
                image.contrast_limits_range = (min(low, bottom), max(high, top))
        first.contrast_limits = (low, high)

    def link(self) -> None:
        """Link the images that napari has by now."""
        images = tuple(image for image in self.images if image in self.viewer.layers)
        if len(images) > 1 and images != self._linked:
            self.viewer.layers.unlink_layers(images, _LINKED)
            self.viewer.layers.link_layers(images, _LINKED)
        self._linked = images

    def forget(self) -> None:
        """Start anew with other images."""
        self._linked = ()
