"""One window for all images, whichever part of them is shown; the difference has a scale of its own."""

from collections.abc import Sequence

from napari.components import ViewerModel
from napari.layers import Image
from napari.utils.colormaps import Colormap
from psygnal import Signal

from ..evaluation.parts import Part
from .difference_scale import KEY as DIFFERENCE
from .panel import PanelSet
from .parts import CYCLE, limits_of

_LINKED = ("contrast_limits", "gamma", "colormap", "interpolation2d")
_GREY = "gray"


class SharedWindow:
    """Links the windows and the colours of the images, so that a change of one changes all.

    part: of the images, which is shown. The window is that of the magnitudes: of real and imaginary parts the white is
    its white, and black as far below zero; phases have a fixed scale and colours of their own. Signal: `changed()`,
    whoever changed the window.
    """

    changed = Signal()

    def __init__(self, viewer: ViewerModel, panels: PanelSet) -> None:
        self.viewer = viewer
        self._panels = panels
        self._linked: tuple[Image, ...] = ()
        self.part: Part = "magnitude"
        self._magnitudes = 0.0, 1.0  # their window while another part is shown
        self._colormap: str | Colormap = _GREY  # that of all other parts while phases are shown

    @property
    def images(self) -> Sequence[Image]:
        """The images that share it."""
        return self._own or [panel.image for panel in self._panels]

    @property
    def _own(self) -> list[Image]:
        return [panel.image for key, panel in self._panels.panels.items() if key != DIFFERENCE]

    @property
    def limits(self) -> tuple[float, float]:
        """Black and white, in the scan's units; the last ones while there is no image."""
        if self.part != "magnitude" or not self.images:
            return self._magnitudes
        low, high = self.images[0].contrast_limits
        return low, high

    def show(self, part: Part) -> None:
        """Show another part of the images in its scale."""
        if self.part == "magnitude" and self.images:
            self._magnitudes = self.limits
        if part == self.part:
            return
        self._colormap, self.part = self._colours, part
        self._put()
        for image in self._own:
            image.colormap = CYCLE if part == "phase" else self._colormap

    @property
    def _colours(self) -> str | Colormap:
        """Those that the user has chosen for all parts but the phase."""
        return self._own[0].colormap if self._own and self.part != "phase" else self._colormap

    def _put(self) -> None:
        limits = limits_of(self.part, self._magnitudes)
        for image in self.images:
            image.contrast_limits = limits
        for image in self.images:
            image.contrast_limits_range = limits if self.part != "magnitude" else (min(limits[0], 0.0), 2.0 * limits[1])

    @property
    def smooth(self) -> bool:
        """Whether values are interpolated between pixels; else these are squares."""
        return any(image.interpolation2d == "linear" for image in self.images)

    def toggle_smooth(self) -> None:
        """Interpolate between pixels, of the difference too, or show them as squares."""
        way = "nearest" if self.smooth else "linear"
        for panel in self._panels:
            panel.image.interpolation2d = way

    def dress(self, image: Image) -> None:
        """Give a new image the scale of the part that is shown, and the colours."""
        if self.part != "magnitude":
            image.contrast_limits = image.contrast_limits_range = limits_of(self.part, self._magnitudes)
        image.colormap = CYCLE if self.part == "phase" else self._colours

    def start(self, low: float, high: float) -> None:
        """Set black and white; the range leaves room above."""
        if self.part != "magnitude":
            self._magnitudes = low, high
            self._put()
            return
        for image in self.images:
            image.contrast_limits_range = (min(low, 0.0), 2.0 * high)
            image.contrast_limits = (low, high)
            image.gamma = 1.0

    def turn(self, low: float, high: float) -> None:
        """Set black and white; the range grows where it has to, and the linked images follow."""
        if self.part != "magnitude":
            self._magnitudes = low, high
            self._put()
            return
        first = self.images[0]
        bottom, top = first.contrast_limits_range
        if low < bottom or high > top:
            for image in self.images:
                image.contrast_limits_range = (min(low, bottom), max(high, top))
        first.contrast_limits = (low, high)

    def link(self) -> None:
        """Link the images that napari has by now."""
        images = tuple(image for image in self.images if image in self.viewer.layers)
        if images != self._linked:
            self._unlink()
            if len(images) > 1:
                self.viewer.layers.link_layers(images, _LINKED)
            if images:
                images[0].events.contrast_limits.connect(self._on_limits)
            self._linked = images

    def _unlink(self) -> None:
        """Undo the links, which napari would keep for ever, and with them the images and their viewer."""
        if self._linked:
            self._linked[0].events.contrast_limits.disconnect(self._on_limits)
        if len(self._linked) > 1:
            self.viewer.layers.unlink_layers(self._linked, _LINKED)
        self._linked = ()

    def _on_limits(self) -> None:
        self.changed.emit()

    def forget(self) -> None:
        """Start anew with other images."""
        self._unlink()
        self.part, self._colormap = "magnitude", _GREY
