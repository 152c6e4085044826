"""Words that napari draws on its canvas: as wide as they are, and one name for the pixel."""

from napari._vispy.overlays.scale_bar import VispyScaleBarOverlay
from napari._vispy.utils.qt_font import QtTextureFont
from napari._vispy.visuals.text import Text

_PER_POINT = 96 / 72  # pixels of the canvas
_width_height = Text.get_width_height
_on_size_or_zoom_change = VispyScaleBarOverlay._on_size_or_zoom_change


def correct_text() -> None:
    """Let napari measure words as it draws them, and write "px" beside the scale bar, as everywhere else here.

    It draws letters at any size from outlines of one size, but measures those of a screen, which are fitted to its
    pixels: of 7 points they are 4% narrower, of 11 points 2% wider, and the dark ground behind them with them.
    """
    Text.get_width_height = _as_drawn
    VispyScaleBarOverlay._on_size_or_zoom_change = _in_px


def _as_drawn(self: Text) -> tuple[float, float]:
    width, height = _width_height(self)
    font = self._font
    if isinstance(font, QtTextureFont):
        lines = ("\n".join(self.text) if isinstance(self.text, list) else self.text).split("\n")
        widest = max(map(font._metrics.horizontalAdvance, lines))
        width = widest * self.font_size / font._font["size"] * _PER_POINT
    return width, height


def _in_px(self: VispyScaleBarOverlay, *, force: bool = False) -> None:
    _on_size_or_zoom_change(self, force=force)
    self.node.text.text = self.node.text.text.replace("pixel", "px")
