"""A canvas keeps one grid, and collects garbage for removed layers only."""

import gc
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from napari._vispy import canvas as napari_canvas
from napari.components.grid import GridCanvas

from napari_recon_robust.canvas.napari_patches.grid_layout import lighten, without_collecting


def test_each_new_shape_takes_the_place_of_the_one_before(viewer: Any) -> None:
    lighten()
    for number in range(4):
        viewer.add_image(np.full((4, 4), number, np.float32))
    canvas = viewer.window._qt_viewer.canvas
    for shape in ((2, 2), (1, 4), (4, 1)):
        viewer.canvas.grid.shape = shape
        viewer.canvas.grid.enabled = True
        assert canvas.grid.grid_size == shape
        assert sum(one is canvas.grid for one in canvas.central_widget._widgets) == 1
    assert len(canvas.central_widget._widgets) == 2, "the single view and the grid"
    scenes = {view.scene for view in canvas.grid_views}
    assert {canvas.layer_to_visual[layer].node.parent for layer in viewer.layers} == scenes


def test_hidden_layers_outlive_the_cells_that_they_were_in(viewer: Any) -> None:
    lighten()
    layers = [viewer.add_image(np.full((4, 4), number, np.float32)) for number in range(4)]
    viewer.canvas.grid.shape, viewer.canvas.grid.enabled = (2, 2), True
    layers[0].visible = False
    viewer.canvas.grid.shape = (1, 3)
    gc.collect()
    layers[0].visible = True
    viewer.canvas.grid.shape = (2, 2)
    layers[1].visible = False
    viewer.canvas.grid.shape = (1, 3)
    gc.collect()
    viewer.layers.remove(layers[1])


def test_garbage_is_collected_for_removed_layers_only(viewer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    collected: list[int] = []
    monkeypatch.setattr(gc, "collect", lambda *_: collected.append(1) or 0)
    layers = [viewer.add_image(np.zeros((4, 4), np.float32)) for _ in range(2)]
    with without_collecting(), viewer.layers.batched_update():
        layers[0].visible = False
    assert not collected
    assert napari_canvas.gc is gc
    viewer.layers.remove(layers[0])
    assert collected


@pytest.mark.parametrize("seed", range(20))
def test_cells_hold_what_napari_says(seed: int) -> None:
    random = np.random.default_rng(seed)
    layers = [SimpleNamespace(visible=bool(random.random() < 0.7)) for _ in range(random.integers(0, 12))]
    shape = (int(random.integers(1, 4)), int(random.integers(1, 4))) if seed % 2 else (-1, -1)
    grid = GridCanvas(enabled=bool(random.random() < 0.8), stride=int(random.choice([-2, -1, 1, 2, 3])), shape=shape)
    lighten()
    found = dict(grid.iter_viewboxes(layers))
    assert found == {cell: grid.contents_at(cell, layers) for cell in np.ndindex(grid.actual_shape(layers))}


def test_new_cells_have_their_size_and_zoom_before_they_are_painted(viewer: Any) -> None:
    """Or the first picture of them shows a few pixels as large as the whole image."""
    lighten()
    for number in range(4):
        viewer.add_image(np.full((40, 40), number, np.float32))
    canvas, zoom = viewer.window._qt_viewer.canvas, viewer.scene.camera.zoom
    for shape in ((2, 2), (1, 4)):
        viewer.canvas.grid.shape = shape
        viewer.canvas.grid.enabled = True
        (height, width), (rows, columns) = viewer.canvas.size, shape
        for view in canvas.grid_views:
            assert np.allclose(view.rect.size, (width / columns, height / rows), atol=3)
            seen = view.camera.rect
            assert np.allclose((seen.width, seen.height), np.divide(view.rect.size, zoom), rtol=1e-3)
            assert np.allclose(seen.center, viewer.scene.camera.center[:0:-1], atol=1e-3)
