"""The title that is drawn in a panel, in lines, while its layer has a name of one line, as lists of layers show it."""

from napari._vispy.overlays.text import VispyLayerNameOverlay
from napari._vispy.utils.visual import overlay_to_visual
from napari.components.overlays import LayerNameOverlay


class Heading(LayerNameOverlay):
    """Words in place of the name of a layer for as long as that has the name `of`.

    Once the user gives the layer another name, that is drawn, as napari does.
    """

    lines: str = ""
    of: str = ""


class _VispyHeading(VispyLayerNameOverlay):
    def _connect_events(self) -> None:
        super()._connect_events()
        self.overlay.events.of.connect(self._on_text_change)
        self.overlay.events.lines.connect(self._on_text_change)

    def _on_text_change(self) -> None:
        self.node.text = self.overlay.lines if self.layer.name == self.overlay.of else self.layer.name
        self._on_position_change()


overlay_to_visual[Heading] = _VispyHeading
