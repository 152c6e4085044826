"""The outlines of regions in every panel, and those that are drawn by hand."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Layer, Shapes
from psygnal import Signal

from .geometry import Outline
from .letter_sizes import NUMBER, points
from .our_changes import OurChanges
from .panel import Panel, PanelSet

EDGE, SELECTED_EDGE = "#5fd3f3", "#ffd23f"  # unless the user prefers others
TOOLS = ("rectangle", "polygon", "ellipse")
_CLICK = 3  # pixels of the screen; of a mere click napari makes a shape of 2.5


class Drawing:
    """Outlines, the same in every panel.

    switched: called when they are switched on or off. Signal: `edited(action, indices, outlines)` when shapes were
    "added", "changed" or "removed" by hand; `clicked(kind)` when a tool of that kind outlined nothing; `tool_changed()`
    when another tool is in hand, by whatever means; `asked_deletion()` when Delete is pressed on an image.
    """

    edited = Signal(str, tuple, list)
    clicked = Signal(str)
    tool_changed = Signal()
    asked_deletion = Signal()

    def __init__(
        self,
        viewer: ViewerModel,
        panels: PanelSet,
        later: Callable[[Callable[[], None]], object],
        switched: Callable[[], object],
    ) -> None:
        self.viewer = viewer
        self._panels, self._later, self._switched = panels, later, switched
        self._outlines: list[Outline] = []
        self._ours = OurChanges()
        self.visible = True
        self._edge_colours = EDGE, SELECTED_EDGE
        self._thinner = 1.0
        self._waiting = 0  # edits by hand that are not said yet
        viewer.layers.selection.events.active.connect(self._on_tool)

    def colour(self, edge: str, selected: str) -> None:
        """Give outlines these colours, the second one to those that are selected."""
        self._edge_colours = edge, selected
        with self._ours:
            for panel in self._panels:
                panel.regions.current_edge_color = selected
        self.set(self._outlines)

    def thin(self, factor: float) -> None:
        """Make the outlines thinner in the image, by as much as it is magnified on the screen."""
        thinner = min(factor, 1.0)
        if thinner == self._thinner:
            return
        self._thinner = thinner
        with self._ours:
            for panel in self._panels:
                panel.regions.current_edge_width = self._edge
                if panel.regions.nshapes:
                    panel.regions.edge_width = self._edge

    def reletter(self) -> None:
        """Give the numbers the size that the user has chosen by now."""
        self.set(self._outlines)

    def show(self, visible: bool) -> None:
        """Show or hide the outlines."""
        self.visible = visible
        self._switched()

    def toggle(self) -> None:
        """Show or hide the regions."""
        self.show(not self.visible)

    def set(self, outlines: Sequence[Outline]) -> None:
        """Set the outlines in every panel."""
        self._outlines = list(outlines)
        with self._ours:
            for panel in self._panels:
                self._put(panel)

    @property
    def tool(self) -> str | None:
        """The one of `TOOLS` that the left button draws with; None while it does not draw."""
        active = self.viewer.layers.selection.active
        modes = [str(panel.regions.mode) for panel in self._panels if panel.regions is active]
        return next((tool for tool in TOOLS if f"add_{tool}" in modes), None)

    def _on_tool(self) -> None:
        self.tool_changed.emit()

    def begin(self, kind: str) -> None:
        """Select one of `TOOLS`, napari's own, on the regions of the first panel."""
        panel = self._panels.front
        if panel is None or panel.regions not in self.viewer.layers:
            return
        panel.shut = False  # nobody draws on an image that is hidden
        self.show(True)
        self.viewer.layers.selection.active = panel.regions
        panel.regions.mode = f"add_{kind}"

    def stop(self) -> None:
        """Go back to pan and zoom on an image; what is outlined so far is finished."""
        for panel in self._panels:
            if panel.regions._is_creating:  # or its last corner would stay where the mouse is
                panel.regions._finish_drawing()
            with suppress(ValueError):
                panel.regions.mode = "pan_zoom"
        front = self._panels.front
        if front is not None and front.image in self.viewer.layers:
            self.viewer.layers.selection.active = front.image

    def finish(self) -> None:
        """Finish what is outlined in part, if there is anything: on another slice it would go on unseen."""
        if any(panel.regions._is_creating for panel in self._panels):
            self.stop()

    def new_layer(self) -> Shapes:
        """Make the layer of a panel's outlines, which is still empty."""
        assert self._panels.geometry is not None
        place = self._panels.geometry.transform
        layer = Shapes(ndim=3, name="ROI", face_color="transparent", opacity=1.0, **place)
        layer.current_edge_color = self._edge_colours[1]
        layer.current_edge_width = self._edge
        layer.bind_key("Escape", lambda _: self.stop(), overwrite=True)
        layer.events.mode.connect(self._on_tool)
        return layer

    def join(self, panel: Panel) -> None:
        """Follow what is drawn in a new panel, and Delete where its image is in front: napari knows it of outlines."""
        panel.image.bind_key("Delete", lambda _: self.asked_deletion.emit(), overwrite=True)
        panel.regions.events.data.connect(lambda event: self._on_shapes(panel, event))

    def fill(self, layer: Layer) -> None:
        """Put the outlines into their layer of a panel, before it is shown."""
        for panel in self._panels:
            if layer is panel.regions:
                with self._ours:
                    self._put(panel)

    @property
    def _edge(self) -> float:
        """Width of an outline in image pixels: about as thin on the screen whatever the matrix."""
        assert self._panels.geometry is not None
        return self._panels.geometry.length / 200 * self._thinner

    def _put(self, panel: Panel) -> None:
        """Put the outlines into a panel, unless they are there already: napari draws all anew when one changes."""
        layer, outlines = panel.regions, self._outlines
        shapes = [np.column_stack([np.full(len(o.vertices), o.slice), o.vertices]) for o in outlines]
        kinds = [outline.kind for outline in outlines]
        edges = [self._edge_colours[outline.selected] for outline in outlines]
        there = [str(kind) for kind in layer.shape_type] == kinds
        if not (there and all(map(np.array_equal, layer.data, shapes))):
            if layer.nshapes:
                layer.data = []
            if shapes:
                look = {"edge_color": edges, "edge_width": self._edge, "face_color": "transparent"}
                layer.add(shapes, shape_type=kinds, **look)
        elif shapes and edges != panel.edges:
            layer.edge_color = edges
        panel.edges = edges
        numbers = [outline.number for outline in outlines]
        if any(numbers) or any(panel.numbers):
            layer.features = {"number": np.array(numbers, object)}  # of no outlines, too, they are words
            layer.feature_defaults = {"number": ""}  # or what is drawn next would have the last one
            layer.text = {"string": "{number}", "color": SELECTED_EDGE, "size": points(NUMBER), "anchor": "upper_left"}
        panel.numbers = numbers

    def _on_shapes(self, panel: Panel, event: Any) -> None:
        action = str(event.action)
        if self._ours or action not in ("added", "changed", "removed"):
            return
        layer = panel.regions
        now = [
            Outline(str(kind), np.asarray(vertices)[:, 1:], round(float(vertices[0][0])))
            for vertices, kind in zip(layer.data, layer.shape_type, strict=True)
        ]
        before = len(self._outlines)
        indices = tuple(range(before, len(now))) if action == "added" else tuple(event.data_indices)
        if action == "added" and all(_is_click(layer, index) for index in indices):
            kind = str(layer.mode).removeprefix("add_")
            self._hand_over(lambda: self.clicked.emit(kind))
        else:
            self._hand_over(lambda: self.edited.emit(action, indices, now))

    def _hand_over(self, emit: Callable[[], None]) -> None:
        """Say what was done by hand once napari has finished what it is at."""
        self._waiting += 1

        def hand_over() -> None:
            self._waiting -= 1
            emit()

        self._later(hand_over)

    def after_edits(self, function: Callable[[], None]) -> None:
        """Call a function when all that was done by hand is said: at once, unless something waits for its turn."""
        if self._waiting:
            self._later(function)
        else:
            function()


def _is_click(layer: Shapes, index: int) -> bool:
    """Whether a box or an ellipse is no larger on the screen than what napari makes of a mere click."""
    if str(layer.shape_type[index]) not in ("rectangle", "ellipse"):
        return False
    sides = np.ptp([layer.data_to_world(vertex) for vertex in layer.data[index]], axis=0)
    return bool((sides <= _CLICK * layer.scale_factor).all())
