"""napari's canvas, without what it does for nothing each time that the grid is laid out."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

from napari._vispy import canvas
from napari._vispy.canvas import VispyCanvas

_init_or_update_grid = VispyCanvas._init_or_update_grid


def drop_former_grids() -> None:
    """Let a canvas forget the cells of a grid that it replaces by another.

    napari 0.9 takes them out of the picture only. They follow each change of size and zoom for as long as the window
    is open, so that each new shape takes longer than the one before.
    """
    VispyCanvas._init_or_update_grid = _drop_former


def _drop_former(self: VispyCanvas) -> None:
    former, cells = self.grid, {view.scene for view in self.grid_views}
    _init_or_update_grid(self)
    if self.grid is former:
        return
    for visual in self.layer_to_visual.values():
        if visual.node.parent in cells:  # of a hidden layer too, which has no place in the new grid
            visual.node.parent = self.view.scene
    self.central_widget.remove_widget(former)


@contextmanager
def no_layer_removed() -> Iterator[None]:
    """Spare a batch of changes that removes no layer the collection of garbage, most of a tenth of a second.

    napari collects at the end of each batch, for the sake of removed layers' textures.
    """
    canvas.gc = SimpleNamespace(collect=lambda: 0)
    try:
        yield
    finally:
        canvas.gc = gc
