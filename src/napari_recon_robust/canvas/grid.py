"""napari's grid: a cell for each panel, and one zoom that fits them."""

import math
from collections.abc import Mapping
from typing import Any
from weakref import WeakSet

from napari.components import ViewerModel
from napari.layers import Image, Layer

from .napari_patches.grid_layout import without_collecting
from .surface import arrangement, cell_size, show_slices

_SPACING = 2.0  # pixels between cells


class Grid:
    """Shows layers in as many cells as there are panels; what fills a cell also fills cells of another size."""

    def __init__(self, viewer: ViewerModel) -> None:
        self.viewer = viewer
        self._fresh, self._cell = True, 0.0
        self._drawn: WeakSet[Layer] = WeakSet()

    def start(self) -> None:
        """Expect images of another size, to which the view will be fitted."""
        self._fresh = True

    def settle(self) -> None:
        """Fit the view to the images that are there; from now on it is the user's."""
        if self._fresh:
            self._fresh = False
            self.viewer.reset_view()
            self.follow_cells()

    def lay_out(self, visible: Mapping[Layer, bool], cells: int, stride: int, rows: int | None = None) -> bool:
        """Switch layers on or off and set the grid, in one batch; return whether anything changed.

        Of layers that were never seen one is shown, since their first drawing takes long; call again for the next.
        cells: of the panels; 0 leaves the grid as it is. Images that are not among `visible` have cells behind these.
        rows: of the panels' cells, by default those with which cells are largest.
        """
        if cells:
            show_slices(self.viewer)
        layers = self.viewer.layers
        changed = {layer: on for layer, on in visible.items() if layer.visible is not on and layer in layers}
        self._drawn |= {layer for layer in layers if layer.visible}
        for layer in [layer for layer, on in changed.items() if on and layer not in self._drawn][1:]:
            del changed[layer]
        grid = self._changes(cells, self._others(visible, stride), stride, rows) if cells else {}
        if not changed and not grid:
            return False
        with without_collecting(), layers.batched_update():
            for layer, on in changed.items():
                layer.visible = on
            for name, value in grid.items():  # for another shape napari builds all cells anew
                setattr(self.viewer.canvas.grid, name, value)
        if self._fresh and cells:
            self.viewer.reset_view()
        self.follow_cells()
        return True

    def follow_cells(self) -> None:
        """Zoom by as much as the cells have grown."""
        grid = self.viewer.canvas.grid
        cell = cell_size(grid.shape if grid.enabled else (1, 1), *self.viewer.canvas.size)
        if self._cell and not self._fresh and cell != self._cell:
            self.viewer.scene.camera.zoom *= cell / self._cell
        self._cell = cell

    def _others(self, ours: Mapping[Layer, bool], stride: int) -> int:
        """How many cells others' layers take if there is an image among them; what is no image lies over a panel."""
        others = {at: layer for at, layer in enumerate(self.viewer.layers) if layer not in ours and layer.visible}
        there = any(isinstance(layer, Image) for layer in others.values())
        return len({at // stride for at in others}) if there else 0

    def _changes(self, cells: int, others: int, stride: int, rows: int | None) -> dict[str, Any]:
        if rows is None:
            shape = arrangement(cells + others, *self.viewer.canvas.size)
        else:
            columns = math.ceil(cells / rows)
            shape = rows + math.ceil(others / columns), columns
        fitting = {"stride": stride, "shape": shape, "enabled": cells + others > 1}
        now = self.viewer.canvas.grid
        changes = {name: value for name, value in fitting.items() if getattr(now, name) != value}
        # Not by itself: in a canvas that is too small for it napari takes less, each time that it is set.
        return {"spacing": _SPACING, **changes} if changes else {}
