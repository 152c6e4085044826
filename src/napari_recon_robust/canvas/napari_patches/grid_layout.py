"""napari's canvas, without what it does for nothing, or too late, each time that the grid is laid out."""

import gc
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from types import SimpleNamespace

from napari._vispy import canvas
from napari._vispy.canvas import VispyCanvas
from napari.components.grid import GridCanvas
from napari.layers import Layer

_init_or_update_grid = VispyCanvas._init_or_update_grid


def lighten() -> None:
    """Let each canvas forget the cells of a grid that it replaces, size new ones, and find the layers of cells at once.

    napari 0.9 takes such cells out of the picture only. They follow each change of size and zoom for as long as the
    window is open, so that each new shape takes longer than the one before. And to find what is in a cell it goes
    through all layers for each layer, and that again for each layer whose labels are placed: of forty layers in eight
    cells one layout took half a second. New cells get their size while they are drawn, after their zoom was set for
    cells of 10 by 10 pixels, so that the first picture of them shows a few pixels as large as the whole image.
    """
    VispyCanvas._init_or_update_grid = _replace_grid
    GridCanvas.iter_viewboxes = _viewboxes


def _viewboxes(self: GridCanvas, layers: Sequence[Layer]) -> Iterator[tuple[tuple[int, int], tuple[int, ...]]]:
    """Each cell (row, column) and the indices of the layers that are seen in it, as `GridCanvas.iter_viewboxes`."""
    rows, columns = self.actual_shape(layers)
    found: dict[tuple[int, int], list[int]] = defaultdict(list)
    if self.enabled:
        group_of, occupied = self._viewbox_groups(layers)
        cells = {group: divmod(number % (rows * columns), columns) for number, group in enumerate(occupied)}
        for index in self._effective_indices(layers):
            found[cells[group_of[index]]].append(index)
    else:
        found[0, 0] = list(range(len(layers)))
    for cell in product(range(rows), range(columns)):
        yield cell, tuple(found[cell])


def _replace_grid(self: VispyCanvas) -> None:
    former, cells = self.grid, {view.scene for view in self.grid_views}
    _init_or_update_grid(self)
    if self.grid is former:
        return
    for visual in self.layer_to_visual.values():
        if visual.node.parent in cells:  # of a hidden layer too, which has no place in the new grid
            visual.node.parent = self.view.scene
    self.central_widget.remove_widget(former)
    self._update_grid_spacing()
    self.grid._update_child_widget_dim()  # what vispy does first when it draws a grid


@contextmanager
def without_collecting() -> Iterator[None]:
    """Spare a batch of changes the collection of garbage, most of a tenth of a second.

    napari collects at the end of each batch, for the sake of removed layers' textures. This is for one that removes no
    layer, or after which garbage is collected in a turn of its own.
    """
    canvas.gc = SimpleNamespace(collect=lambda: 0)
    try:
        yield
    finally:
        canvas.gc = gc
