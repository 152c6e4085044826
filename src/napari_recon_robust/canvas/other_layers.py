"""Layers that the user brings beside the panels."""

from collections.abc import Callable
from typing import Any

from napari.components import ViewerModel

from .our_changes import OurChanges
from .panel import PanelSet


class OtherLayers:
    """Sees to it that a layer of the user's moves no panel, and has the grid laid out for it.

    put_back: brings the layers of the panels before all others. lay_out: lays out the grid for what is there.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        panels: PanelSet,
        ours: OurChanges,
        later: Callable[[Callable[[], None]], object],
        *,
        put_back: Callable[[], object],
        lay_out: Callable[[], object],
    ) -> None:
        self._viewer, self._panels, self._ours, self._later = viewer, panels, ours, later
        self._put_back, self._lay_out = put_back, lay_out

    def on_event(self, event: Any) -> None:
        """Follow an event of the list of layers: one that is brought, hidden or shown, or taken away."""
        if self._ours or event.type not in ("inserted", "removed", "visible"):
            return
        layer = self._viewer.layers[event.index] if event.type == "visible" else event.value
        if layer not in self._panels.layers:
            self._later(self._make_room)

    def _make_room(self) -> None:
        if self._panels.geometry is None:
            return  # the viewer was closed meanwhile
        ours = [layer in self._panels.layers for layer in self._viewer.layers]
        if ours != sorted(ours, reverse=True):  # a copy lies beside its original, and moves those behind it
            self._put_back()
        else:
            self._lay_out()
