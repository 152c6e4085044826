"""All that touches napari's own API: panels in its grid, regions in every panel, and the viewer put back after.

Nothing here knows Qt: everything runs on a `ViewerModel`. Layers are held by reference, never by name.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Layer, Shapes
from psygnal import Signal

from .geometry import Geometry, Outline
from .surface import arrangement, cell_size, drag_window, make_reading_surface

ORDER = ("reference", "clean", "perturbed", "difference")
EDGE, SELECTED_EDGE = "#5fd3f3", "#ffd23f"
OVERLAY = "clean"  # the panel with the overlay
_WINDOW = ("contrast_limits", "gamma")
_BAR = (12, 80)  # pixels of the overlay's colour bar: beside the anatomy in a panel of a quarter of the canvas


@dataclass(eq=False)
class Panel:
    """One image of the reading surface with its regions. `stack` holds (slices, rows, columns) in the scan's units.

    overlay: a map over the image, or None while there has been none. Panels of one grid have equally many layers, so
    that it is there, but hidden, in panels without one too.
    """

    image: Image
    regions: Shapes
    stack: np.ndarray
    title: str
    filled: set[int] = field(default_factory=set)
    inserted: bool = False
    edges: list[str] = field(default_factory=list)
    overlay: Image | None = None

    @property
    def layers(self) -> list[Layer]:
        """From the bottom up."""
        return [layer for layer in (self.image, self.overlay, self.regions) if layer is not None]


class Panels:
    """Up to four panels in napari's grid, with one zoom and one window.

    later: calls a function when napari has finished what it is at (layers cannot be put back while they are
    being removed, nor shapes while one is being drawn). Signals: `outlines_edited(action, indices, outlines)` when
    shapes were "added", "changed" or "removed" by hand; `slice_changed(int)`; `clicked(row, column)` after `pick`.
    """

    outlines_edited = Signal(str, tuple, list)
    slice_changed = Signal(int)
    clicked = Signal(float, float)

    def __init__(self, viewer: ViewerModel, later: Callable[[Callable[[], None]], object]) -> None:
        # Plugins get a proxy that wraps every layer again at every access; only its public interface is used here.
        self.viewer: ViewerModel = getattr(viewer, "__wrapped__", viewer)
        self._later = later
        self.geometry: Geometry | None = None
        self.panels: dict[str, Panel] = {}
        self.shown: tuple[str, ...] = ()
        self._linked: tuple[Image, ...] = ()
        self._old: list[Layer] = []
        self._coming = False
        self._outlines: list[Outline] = []
        self._outlines_visible = True
        self._overlay: np.ndarray | None = None
        self._overlay_visible = False
        self._quiet = False
        self._arranging = False
        self._picking = False
        self._slice, self._fresh, self._cell = 0, True, 0.0
        self._restore: Callable[[], None] | None = None

    # ---------------------------------------------------------------- the viewer, taken over and given back

    def open(self, geometry: Geometry, start: int = 0) -> None:
        """Make room for a scan, shown from slice `start` on: the old panels go, the viewer is set up for reading."""
        old = [layer for layer in self._ours() if layer in self.viewer.layers]
        self.panels, self.shown, self._linked = {}, (), ()
        if old:
            self._old += old
            with self.viewer.layers.batched_update():
                for layer in old:
                    layer.visible = False
        self.geometry, self._slice, self._fresh = geometry, start, True
        self._outlines, self._overlay, self._overlay_visible = [], None, False

    def close(self) -> None:
        """Remove the panels and put back whatever of the viewer was changed."""
        self._remove([*self._old, *self._ours()])
        self.panels, self.shown, self._linked, self._old = {}, (), (), []
        restore = self._restore
        self.let_go()
        if restore is not None:
            restore()

    def let_go(self) -> None:
        """Have nothing more to do with the viewer."""
        self.geometry = None
        if self._restore is None:
            return
        viewer, self._restore = self.viewer, None
        viewer.dims.events.current_step.disconnect(self._on_step)
        viewer.layers.events.removed.disconnect(self._on_removed)
        viewer.canvas.events.size.disconnect(self._on_size)
        viewer.mouse_drag_callbacks.remove(self._on_drag)

    def _take_over(self) -> None:
        viewer = self.viewer
        self._restore = make_reading_surface(viewer)
        viewer.dims.events.current_step.connect(self._on_step)
        viewer.layers.events.removed.connect(self._on_removed)
        viewer.canvas.events.size.connect(self._on_size)
        viewer.mouse_drag_callbacks.append(self._on_drag)

    def _remove(self, layers: Sequence[Layer]) -> None:
        there = [layer for layer in layers if layer in self.viewer.layers]
        if there:
            with self._arrangement(), self.viewer.layers.batched_update():
                for layer in there:
                    self.viewer.layers.remove(layer)

    # ---------------------------------------------------------------- layout

    def show(self, keys: Sequence[str]) -> None:
        """Show these panels and hide the others; panels that a user deleted come back."""
        if self.geometry is None:
            return
        self.shown = tuple(key for key in ORDER if key in keys)
        for key in self.shown:
            panel = self.panels.get(key)
            if panel is None or self._deleted(panel):
                self.panels[key] = self._new_panel(key, panel)
        if all(layer in self.viewer.layers for layer in self._ours()):
            self._arrange()
        else:
            self._continue()

    @property
    def settled(self) -> bool:
        """Whether all layers are in their places."""
        return not self._coming

    def _ours(self) -> list[Layer]:
        """Layers in the order of the panels, those of each together, so that the grid's stride keeps them so."""
        panels = ((key, self.panels[key]) for key in ORDER if key in self.panels)
        return [
            layer
            for key, panel in panels
            if key in self.shown or panel.image in self.viewer.layers
            for layer in panel.layers
        ]

    def _continue(self) -> None:
        if not self._coming:
            self._coming = True
            self._later(self._arrange)

    def _arrange(self) -> None:
        """One step towards all layers in their places, and the next in another turn of the event loop.

        napari takes most of a tenth of a second to add a layer, and about as much to lay out the grid anew.
        """
        self._coming = False
        if self.geometry is None:
            return
        with self._arrangement():
            if self._step():
                self._continue()
            else:
                self._finish()

    def _step(self) -> bool:
        """The first that is to be done: old layers away, the viewer set up, what there is laid out, one added."""
        layers, ours = self.viewer.layers, self._ours()
        if self._old:
            self._remove([self._old.pop()])
            return True
        if self._restore is None:
            self._take_over()
            return True
        if not layers and self.viewer.dims.ndim != 3:
            self._make_slider()
            return True
        for index, layer in enumerate(layer for layer in ours if layer in layers):
            if layers.index(layer) != index:
                layers.move(layers.index(layer), index)
        if self._lay_out():
            return True
        missing = next((layer for layer in ours if layer not in layers), None)
        if missing is not None:
            self._insert(ours.index(missing), missing)
        return missing is not None

    def _make_slider(self) -> None:
        """The slider comes before the first image, since the canvas is resized for it."""
        assert self.geometry is not None
        steps = zip(self.geometry.shape, self.geometry.transform["scale"], strict=True)
        dims = self.viewer.dims
        dims.ndim = 3
        dims.range = tuple((0.0, (count - 1) * step, step) for count, step in steps)

    def _finish(self) -> None:
        self._link_window()
        if self._fresh and self.shown:
            self._fresh = False
            self.viewer.reset_view()
            self._follow_cells()
        if self.shown:
            self.viewer.layers.selection.active = self.panels[self.shown[0]].image

    def _lay_out(self) -> bool:
        """Visible layers and the grid in one batch, which napari lays out once; whether anything changed."""
        visible: dict[Layer, bool] = {}
        for key, panel in self.panels.items():
            visible[panel.image] = key in self.shown
            visible[panel.regions] = key in self.shown and self._outlines_visible
            if panel.overlay is not None:
                visible[panel.overlay] = key == OVERLAY and key in self.shown and self._overlay_visible
        layers = self.viewer.layers
        changed = {layer: on for layer, on in visible.items() if layer.visible is not on and layer in layers}
        grid = self._grid_changes() if self._present else {}
        if not changed and not grid:
            return False
        # napari collects Python's garbage at the end of a batch; a single change is laid out once without one.
        with layers.batched_update() if len(changed) + len(grid) > 1 else nullcontext():
            for layer, on in changed.items():
                layer.visible = on
            self._set_grid(grid)
        if self._fresh and self._present:
            self.viewer.reset_view()
        self._follow_cells()
        return True

    def _follow_cells(self) -> None:
        """What fills its cell, or a tenth of it, does so in cells of another size too."""
        grid = self.viewer.canvas.grid
        cell = cell_size(grid.shape if grid.enabled else (1, 1), *self.viewer.canvas.size)
        if self._cell and not self._fresh and cell != self._cell:
            self.viewer.scene.camera.zoom *= cell / self._cell
        self._cell = cell

    def _set_grid(self, changes: Mapping[str, Any]) -> None:
        """All cells of another shape are built anew by napari."""
        for name, value in changes.items():
            setattr(self.viewer.canvas.grid, name, value)

    def _on_size(self) -> None:
        if not self._arranging:
            self._lay_out()
            self._follow_cells()
            self._later(self._place_overlays)

    def _place_overlays(self) -> None:
        """Anew: napari has placed them by the size before, when its own layout was not done yet."""
        if self._restore is not None:
            self.viewer.canvas.overlays["scale_bar"].events.position()

    def _insert(self, index: int, layer: Layer) -> None:
        first = not self._present
        self.viewer.layers.insert(index, layer)
        for panel in self.panels.values():
            if layer is panel.image:
                panel.inserted, panel.title = True, layer.name
        if first:
            self.go_to(self._slice)

    def _deleted(self, panel: Panel) -> bool:
        return panel.inserted and panel.image not in self.viewer.layers

    def _grid_changes(self) -> dict[str, Any]:
        count = max(len(self.shown), 1)
        shape = arrangement(count, *self.viewer.canvas.size)
        stride = 2 if self._overlay is None else 3
        fitting = {"stride": stride, "spacing": 2.0, "shape": shape, "enabled": count > 1}
        return {name: value for name, value in fitting.items() if getattr(self.viewer.canvas.grid, name) != value}

    def _new_panel(self, key: str, old: Panel | None) -> Panel:
        """A panel without content, or with that of one whose layer was deleted."""
        assert self.geometry is not None
        stack = np.zeros(self.geometry.shape, np.float32) if old is None else old.stack
        title = key.capitalize() if old is None else old.title
        limits = next((panel.image.contrast_limits for panel in self.panels.values()), (0.0, 1.0))
        image = Image(stack, name=title, colormap="gray", contrast_limits=limits, **self.geometry.transform)
        image.name_overlay.visible = True
        image.name_overlay.font_size = 9
        regions = Shapes(ndim=3, name="ROI", face_color="transparent", opacity=1.0, **self.geometry.transform)
        regions.current_edge_color = SELECTED_EDGE
        regions.current_edge_width = self._edge
        panel = Panel(image, regions, stack, title, set() if old is None else old.filled)
        if self._overlay is not None:
            panel.overlay = self._new_overlay(self._overlay)
        regions.events.data.connect(lambda event, panel=panel: self._on_shapes(panel, event))
        with self._quietly():
            self._put_outlines(panel)
        return panel

    def _new_overlay(self, stack: np.ndarray) -> Image:
        assert self.geometry is not None
        look = {"colormap": "inferno", "opacity": 0.4, "blending": "translucent", "visible": False}
        return Image(stack, name="Overlay", contrast_limits=(0.0, 1.0), **look, **self.geometry.transform)

    def _link_window(self) -> None:
        images = tuple(panel.image for panel in self.panels.values() if panel.image in self.viewer.layers)
        if len(images) > 1 and images != self._linked:
            self.viewer.layers.unlink_layers(images, _WINDOW)
            self.viewer.layers.link_layers(images, _WINDOW)
        self._linked = images

    def _on_removed(self, event: Any) -> None:
        """A user deleted a layer of ours: a whole panel goes, regions or an overlay alone come back."""
        if self._arranging or not any(event.value in panel.layers for panel in self.panels.values()):
            return
        self._later(self._tidy)

    def _tidy(self) -> None:
        if self.geometry is None:
            return  # the viewer was closed meanwhile
        layers = self.viewer.layers
        gone = [key for key, panel in self.panels.items() if self._deleted(panel)]
        with self._arrangement():
            for layer in (layer for key in gone for layer in self.panels[key].layers):
                if layer in layers:
                    layers.remove(layer)
        self.shown = tuple(key for key in self.shown if key not in gone)
        self._arrange()

    # ---------------------------------------------------------------- images

    def write(self, key: str, index: int, image: np.ndarray, title: str | None = None) -> None:
        """Put a magnitude image (rows, columns) into a slice of a panel, in place; other slices are emptied."""
        panel = self.panels[key]
        for other in panel.filled - {index}:
            panel.stack[other] = 0.0
        panel.filled = {index}
        panel.stack[index] = image
        if title is not None:
            self.set_title(key, title)
        if panel.image in self.viewer.layers:
            panel.image.refresh(thumbnail=False, highlight=False, extent=False)

    def set_title(self, key: str, title: str) -> None:
        """The layer's name is the panel's title; one that the user gave is kept."""
        panel = self.panels[key]
        renamed = panel.image.name != panel.title
        if renamed and panel.title:
            return
        if panel.image.name != title:
            panel.image.name = title
        panel.title = panel.image.name

    def overlay(self, index: int, image: np.ndarray | None, title: str = "", white: float | None = None) -> None:
        """Lay a map (rows, columns) over a slice of the clean panel; None takes it away.

        Black at 0, brightest at `white`, by default the map's maximum.
        """
        if image is None or self.geometry is None or OVERLAY not in self.panels:
            self.show_overlay(False)
            return
        if self._overlay is None:
            self._overlay = np.zeros(self.geometry.shape, np.float32)
        self._overlay[:] = 0.0
        self._overlay[index] = image
        for panel in self.panels.values():
            if panel.overlay is None:
                panel.overlay = self._new_overlay(self._overlay)
        layer = self.panels[OVERLAY].overlay
        assert layer is not None
        layer.name = title
        layer.contrast_limits_range = layer.contrast_limits = (0.0, white or float(image.max()) or 1.0)
        layer.refresh(thumbnail=False, highlight=False, extent=False)
        layer.colorbar.size = _BAR
        layer.colorbar.font_size, layer.colorbar.visible = 7, True
        self._overlay_visible = True
        self.show(self.shown)

    def show_overlay(self, visible: bool) -> None:
        """The overlay on or off, if there is one."""
        self._overlay_visible = visible and self._overlay is not None
        self._lay_out()

    @property
    def window(self) -> tuple[float, float]:
        """Black and white, in the scan's units."""
        low, high = next(panel.image.contrast_limits for panel in self.panels.values())
        return low, high

    def set_window(self, low: float, high: float) -> None:
        """One window for all panels, in the scan's units; its range leaves room above."""
        for panel in self.panels.values():
            panel.image.contrast_limits_range = (min(low, 0.0), 2.0 * high)
            panel.image.contrast_limits = (low, high)
            panel.image.gamma = 1.0

    def set_upside_down(self, upside_down: bool) -> None:
        """Turn the picture (the layers' transform only)."""
        assert self.geometry is not None
        self.geometry = Geometry(self.geometry.shape, self.geometry.voxel, upside_down)
        for panel in self.panels.values():
            for layer in panel.layers:
                layer.affine = self.geometry.transform["affine"]

    # ---------------------------------------------------------------- slice, clicks, window by dragging

    @property
    def slice(self) -> int:
        """The slice that is shown."""
        return self._slice

    def go_to(self, index: int) -> None:
        """Show a slice."""
        self._slice = index
        self.viewer.dims.set_current_step(0, index)

    def _on_step(self) -> None:
        """Without a layer of ours napari's slider means nothing."""
        if self._present and not self._arranging:
            self._slice = int(self.viewer.dims.current_step[0])
            self.slice_changed.emit(self._slice)

    @property
    def _present(self) -> bool:
        return any(panel.image in self.viewer.layers for panel in self.panels.values())

    def pick(self, active: bool) -> None:
        """Whether the next clicks into the picture are places (`clicked`) instead of navigation."""
        self._picking = active

    def _on_drag(self, viewer: ViewerModel, event: Any) -> Iterator[None]:
        if not self.shown:
            return
        image = self.panels[self.shown[0]].image
        if event.button == 1 and self._picking:
            start = event.pos
            yield
            while event.type == "mouse_move":
                yield
            if np.abs(np.subtract(event.pos, start)).max() < 4:
                _, row, column = image.world_to_data(event.position)
                self.clicked.emit(float(row), float(column))
        elif event.button == 2:
            yield from drag_window(image, event)

    # ---------------------------------------------------------------- regions

    def draw(self, kind: str) -> None:
        """Select napari's shape tool ("rectangle", "polygon", "ellipse") on the regions of the first panel."""
        layer = self.panels[self.shown[0]].regions
        if layer not in self.viewer.layers:
            return
        self.show_outlines(True)
        self.viewer.layers.selection.active = layer
        layer.mode = f"add_{kind}"

    def stop_drawing(self) -> None:
        """Back to pan and zoom on an image."""
        for panel in self.panels.values():
            with suppress(ValueError):
                panel.regions.mode = "pan_zoom"
        if self.shown and self.panels[self.shown[0]].image in self.viewer.layers:
            self.viewer.layers.selection.active = self.panels[self.shown[0]].image

    def set_outlines(self, outlines: Sequence[Outline]) -> None:
        """The regions, in every panel."""
        self._outlines = list(outlines)
        with self._quietly():
            for panel in self.panels.values():
                self._put_outlines(panel)

    def show_outlines(self, visible: bool) -> None:
        """The regions on or off."""
        self._outlines_visible = visible
        self._lay_out()

    @property
    def outlines_visible(self) -> bool:
        """Whether the regions are shown."""
        return self._outlines_visible

    @property
    def _edge(self) -> float:
        """Width of an outline in image pixels: about as thin on the screen whatever the matrix."""
        assert self.geometry is not None
        return self.geometry.shape[1] / 200

    def _put_outlines(self, panel: Panel) -> None:
        """Shapes that are there already are left alone; napari draws everything anew at each change of one."""
        layer, outlines = panel.regions, self._outlines
        shapes = [np.column_stack([np.full(len(o.vertices), o.slice), o.vertices]) for o in outlines]
        kinds = [outline.kind for outline in outlines]
        edges = [SELECTED_EDGE if outline.selected else EDGE for outline in outlines]
        there = [str(kind) for kind in layer.shape_type] == kinds
        if not (there and all(map(np.array_equal, layer.data, shapes))):
            layer.data = []
            if shapes:
                look = {"edge_color": edges, "edge_width": self._edge, "face_color": "transparent"}
                layer.add(shapes, shape_type=kinds, **look)
        elif shapes and edges != panel.edges:
            layer.edge_color = edges
        panel.edges = edges

    def _on_shapes(self, panel: Panel, event: Any) -> None:
        action = str(event.action)
        if self._quiet or action not in ("added", "changed", "removed"):
            return
        layer = panel.regions
        now = [
            Outline(str(kind), np.asarray(vertices)[:, 1:], round(float(vertices[0][0])))
            for vertices, kind in zip(layer.data, layer.shape_type, strict=True)
        ]
        before = len(self._outlines)
        indices = tuple(range(before, len(now))) if action == "added" else tuple(event.data_indices)
        self._later(lambda: self.outlines_edited.emit(action, indices, now))

    # ---------------------------------------------------------------- own changes are not the user's

    @contextmanager
    def _quietly(self) -> Iterator[None]:
        before, self._quiet = self._quiet, True
        try:
            yield
        finally:
            self._quiet = before

    @contextmanager
    def _arrangement(self) -> Iterator[None]:
        before, self._arranging = self._arranging, True
        try:
            yield
        finally:
            self._arranging = before
