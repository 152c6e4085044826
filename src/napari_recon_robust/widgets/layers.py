"""All that touches napari's own API: panels in its grid, regions in every panel, and the viewer put back after.

Nothing here knows Qt: everything runs on a `ViewerModel`. Layers are held by reference, never by name.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Layer, Shapes
from psygnal import Signal

from ..progress import Job, Progress

ORDER = ("reference", "clean", "perturbed", "difference")
EDGE, SELECTED_EDGE = "#5fd3f3", "#ffd23f"
NOTICE = "Not for diagnostic use"
_WINDOW = ("contrast_limits", "gamma")


@dataclass(frozen=True)
class Geometry:
    """Where a scan lies in the world.

    shape: (slices, rows, columns). voxel: (slice, row, column) in mm, or None where it is not known.
    upside_down: stored with the first row at the bottom, so that only the layers' transform turns it.
    """

    shape: tuple[int, int, int]
    voxel: tuple[float, float, float] | None = None
    upside_down: bool = False

    @property
    def transform(self) -> dict[str, Any]:
        """The keywords that give an image and its regions one place in the world."""
        scale = self.voxel or (1.0, 1.0, 1.0)
        affine = np.eye(4)
        if self.upside_down:
            affine[1, 1] = -1.0
            affine[1, 3] = (self.shape[1] - 1) * scale[1]
        return {
            "scale": scale,
            "affine": affine,
            "units": ("mm" if self.voxel else "pixel",) * 3,
            "axis_labels": ("slice", "row", "column"),
        }


@dataclass(frozen=True, eq=False)
class Outline:
    """One shape of a region. vertices: (n, 2) rows and columns, pixel centres at whole numbers."""

    kind: str
    vertices: np.ndarray
    slice: int
    selected: bool = False


@dataclass(eq=False)
class Panel:
    """One image of the reading surface with its regions. `stack` holds (slices, rows, columns) in the scan's units."""

    image: Image
    regions: Shapes
    stack: np.ndarray
    title: str
    filled: set[int] = field(default_factory=set)
    inserted: bool = False


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
        self._outlines: list[Outline] = []
        self._outlines_visible = True
        self._quiet = False
        self._arranging = False
        self._picking = False
        self._slice, self._fresh = 0, True
        self._saved: dict[str, Any] | None = None

    # ---------------------------------------------------------------- the viewer, taken over and given back

    def open(self, geometry: Geometry, start: int = 0) -> None:
        """Make room for a scan, shown from slice `start` on: the old panels go, the viewer is set up for reading."""
        self._drop_panels()
        self.geometry, self._slice, self._fresh = geometry, start, True
        self._outlines = []
        if self._saved is None:
            self._take_over()

    def close(self) -> None:
        """Remove the panels and put back whatever of the viewer was changed."""
        self._drop_panels()
        self.geometry = None
        if self._saved is None:
            return
        viewer, saved, self._saved = self.viewer, self._saved, None
        viewer.dims.events.current_step.disconnect(self._on_step)
        viewer.layers.events.removed.disconnect(self._on_removed)
        viewer.canvas.events.size.disconnect(self._fit_grid)
        viewer.mouse_drag_callbacks.remove(self._on_drag)
        for name, value in saved["grid"].items():
            setattr(viewer.canvas.grid, name, value)
        for overlay, values in saved["overlays"].items():
            for name, value in values.items():
                setattr(viewer.canvas.overlays[overlay], name, value)
        viewer.canvas.background_color_override = saved["background"]

    def _take_over(self) -> None:
        viewer = self.viewer
        grid, overlays = viewer.canvas.grid, viewer.canvas.overlays
        changes: dict[str, dict[str, Any]] = {
            "scale_bar": {"visible": True, "gridded": False, "font_size": 8},
            "text": {"visible": True, "text": NOTICE, "position": "bottom_left", "font_size": 7, "gridded": False},
        }
        self._saved = {
            "grid": {name: getattr(grid, name) for name in ("enabled", "shape", "stride", "spacing")},
            "overlays": {key: {name: getattr(overlays[key], name) for name in new} for key, new in changes.items()},
            "background": viewer.canvas.background_color_override,
        }
        for key, values in changes.items():
            for name, value in values.items():
                setattr(overlays[key], name, value)
        viewer.canvas.background_color_override = "black"
        viewer.dims.events.current_step.connect(self._on_step)
        viewer.layers.events.removed.connect(self._on_removed)
        viewer.canvas.events.size.connect(self._fit_grid)
        viewer.mouse_drag_callbacks.append(self._on_drag)

    def _drop_panels(self) -> None:
        if self.panels:
            self.viewer.canvas.grid.enabled = False
        with self._arrangement():
            for panel in self.panels.values():
                for layer in (panel.image, panel.regions):
                    if layer in self.viewer.layers:
                        self.viewer.layers.remove(layer)
        self.panels, self.shown = {}, ()

    # ---------------------------------------------------------------- layout

    def show(self, keys: Sequence[str]) -> None:
        """Show these panels and hide the others; panels that a user deleted come back.

        napari takes about a tenth of a second to add a layer: each is added in a turn of its own of the event loop.
        """
        if self.geometry is None:
            return
        self.shown = tuple(key for key in ORDER if key in keys)
        for key in self.shown:
            panel = self.panels.get(key)
            if panel is None or self._deleted(panel):
                self.panels[key] = self._new_panel(key, panel)
        self._arrange()

    def _arrange(self) -> None:
        """Layers in the order of the panels, image and regions by turns, so that a stride of 2 pairs them."""
        layers = self.viewer.layers
        panels = [(key, self.panels[key]) for key in ORDER if key in self.panels]
        ours = [
            layer
            for key, panel in panels
            if key in self.shown or panel.image in layers
            for layer in (panel.image, panel.regions)
        ]
        with self._arrangement():
            for index, layer in enumerate(ours):
                if layer not in layers:
                    self._insert(index, layer)
                    self._later(self._arrange)
                    return
                if layers.index(layer) != index:
                    layers.move(layers.index(layer), index)
            self.viewer.canvas.grid.enabled = False  # or it is laid out anew at every layer
            for key, panel in panels:
                panel.image.visible = key in self.shown
                panel.regions.visible = key in self.shown and self._outlines_visible
            self._link_window()
        self._fit_grid()
        if self._fresh and self.shown:
            self._fresh = False
            self.viewer.reset_view()
        if self.shown:
            layers.selection.active = self.panels[self.shown[0]].image

    def _insert(self, index: int, layer: Layer) -> None:
        """Add a layer, hidden until all are there."""
        first = not self._present
        layer.visible = False
        self.viewer.layers.insert(index, layer)
        for panel in self.panels.values():
            if layer is panel.image:
                panel.inserted, panel.title = True, layer.name
        if first:
            self.go_to(self._slice)

    def _deleted(self, panel: Panel) -> bool:
        return panel.inserted and panel.image not in self.viewer.layers

    def _fit_grid(self) -> None:
        """The grid whose cells are largest for square images in the canvas."""
        count = max(len(self.shown), 1)
        height, width = self.viewer.canvas.size
        columns = max(range(1, count + 1), key=lambda n: min(width / n, height / math.ceil(count / n)))
        grid = self.viewer.canvas.grid
        grid.stride, grid.spacing = 2, 2.0
        grid.shape = (math.ceil(count / columns), columns)
        grid.enabled = count > 1

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
        regions.events.data.connect(lambda event, panel=panel: self._on_shapes(panel, event))
        with self._quietly():
            self._put_outlines(panel)
        return panel

    def _link_window(self) -> None:
        images = [panel.image for panel in self.panels.values() if panel.image in self.viewer.layers]
        if len(images) > 1:
            self.viewer.layers.unlink_layers(images, _WINDOW)
            self.viewer.layers.link_layers(images, _WINDOW)

    def _on_removed(self, event: Any) -> None:
        """A user deleted a layer of ours: a whole panel goes, regions alone come back (they are the review's)."""
        if self._arranging or not any(event.value in (p.image, p.regions) for p in self.panels.values()):
            return
        self._later(self._tidy)

    def _tidy(self) -> None:
        layers = self.viewer.layers
        gone = [key for key, panel in self.panels.items() if self._deleted(panel)]
        with self._arrangement():
            for key in gone:
                if self.panels[key].regions in layers:
                    layers.remove(self.panels[key].regions)
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
            for layer in (panel.image, panel.regions):
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
            yield from self._drag_window(image, event)

    def _drag_window(self, image: Image, event: Any) -> Iterator[None]:
        """Right-drag: to the right widens the window, upwards brightens."""
        low, high = image.contrast_limits
        bottom, top = image.contrast_limits_range
        start = np.array(event.pos)
        yield
        while event.type == "mouse_move":
            across, down = (np.array(event.pos) - start) / 300.0
            centre = (low + high) / 2 + down * (high - low)
            half = (high - low) / 2 * math.exp(across)
            new_low = min(max(centre - half, bottom), top * 0.99)
            image.contrast_limits = (new_low, max(min(centre + half, top), new_low + 1e-3 * (top - bottom)))
            event.handled = True
            yield

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
        for key in self.shown:
            self.panels[key].regions.visible = visible

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
        shapes = [(np.column_stack([np.full(len(o.vertices), o.slice), o.vertices]), o.kind) for o in self._outlines]
        layer = panel.regions
        layer.data = shapes
        if shapes:
            layer.edge_color = [SELECTED_EDGE if o.selected else EDGE for o in self._outlines]
            layer.edge_width = self._edge
            layer.face_color = "transparent"

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


def warm_up() -> Job[None]:
    """What napari does once for the first image and the first shapes of a process: units, compiled geometry.

    It takes most of a second; in another thread the window does not notice. The layers made here are thrown away.
    """
    yield Progress(0.0, "Warming up")
    geometry = Geometry((1, 4, 4), (1.0, 1.0, 1.0))
    Image(np.zeros((1, 4, 4), np.float32), **geometry.transform)
    yield Progress(0.5)
    corners = np.array([[0, 0, 0], [0, 0, 2], [0, 2, 2], [0, 2, 0.0]])
    for kind in ("rectangle", "ellipse", "polygon"):
        Shapes([corners], shape_type=kind, ndim=3, face_color="transparent", **geometry.transform)


def export_figure(viewer: Any, path: str | None = None) -> np.ndarray:
    """The canvas with its titles at twice the screen's resolution: (height, width, 4) uint8."""
    figure: np.ndarray = viewer.export_figure(path=path, scale_factor=2, flash=False)
    return figure
