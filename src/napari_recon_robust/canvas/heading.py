"""The title that is drawn in a panel, in lines, while its layer has a name of one line, as lists of layers show it."""

from napari._vispy.overlays.text import VispyLayerNameOverlay
from napari._vispy.utils.visual import overlay_to_visual
from napari.components.overlays import LayerNameOverlay


class Heading(LayerNameOverlay):
    """Words in place of the name of a layer for as long as that has the name `of`.

    Once the user gives the layer another name, that is drawn, as napari does, with the `tag` of the image behind it.
    """

    lines: str = ""
    of: str = ""
    tag: str = ""


class _VispyHeading(VispyLayerNameOverlay):
    def _connect_events(self) -> None:
        super()._connect_events()
        self.overlay.events.of.connect(self._on_text_change)
        self.overlay.events.lines.connect(self._on_text_change)
        self.overlay.events.tag.connect(self._on_text_change)

    def _on_text_change(self) -> None:
        heading, name = self.overlay, self.layer.name
        self.node.text = heading.lines if name == heading.of else f"{name}{heading.tag}"
        self._on_position_change()


overlay_to_visual[Heading] = _VispyHeading
