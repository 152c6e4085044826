"""Layers that come one by one, on a ViewerModel."""

from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_recon_robust.canvas.geometry import Geometry
from napari_recon_robust.canvas.layers import Panels
from napari_recon_robust.canvas.panel import ORDER
from napari_recon_robust.data.orientation import Turn

SHAPE = (5, 32, 40)


@pytest.fixture
def held(panels: Panels) -> list[bool]:
    """Whether napari's picture is held, after each change of that."""
    found: list[bool] = []
    events = panels.viewer.layers.events
    events.begin_batch.connect(lambda: found.append(True))
    events.end_batch.connect(lambda: found.append(False))
    return found


def names(panels: Panels) -> list[str]:
    return [layer.name.split(" [")[0] for layer in panels.viewer.layers]


def test_a_layer_is_added_in_a_turn_of_its_own(later: Any) -> None:
    panels = Panels(ViewerModel(), later)
    panels.open(Geometry(SHAPE), start=3)
    panels.show(ORDER)
    panels.write("difference", 3, np.ones((32, 40)), "Difference")
    assert panels.navigation.slice == 3, "before there is a layer"
    counts = []
    while later.waiting:
        counts.append(len(panels.viewer.layers))
        later.waiting.pop(0)()
    assert counts == [0, 0, 0, 1, 1, *range(2, 13)], "and what prepares for them, too"
    assert panels.navigation.slice == 3
    assert panels.panels["difference"].image.data[3].min() == 1


def _sharing(panels: Panels) -> set[str]:
    """The panels whose layers, as far as they are seen, stand with those of another in a cell of napari's grid."""
    layers, grid = panels.viewer.layers, panels.viewer.canvas.grid
    at = {
        key: {grid.position(layers.index(layer), layers) for layer in panel.layers if layer in layers and layer.visible}
        for key, panel in panels.panels.items()
    }
    return {one for one in at for other in at if one != other and at[one] & at[other]}


def test_no_image_stands_under_the_title_of_another_while_panels_come(later: Any) -> None:
    panels = Panels(ViewerModel(), later)
    panels.open(Geometry(SHAPE))
    panels.show(["image"])
    later.run()
    panels.show(["reference", "image"])  # the layers of which come before those that are there
    turns = 0
    while later.waiting:
        later.waiting.pop(0)()
        turns += 1
        assert not _sharing(panels)
    assert turns > 2
    assert names(panels) == ["Reference", "ROI", "Marks", "Image", "ROI", "Marks"]


def test_a_map_moves_no_image_into_another_panel_while_it_comes(panels: Panels, later: Any) -> None:
    panels.overlay.lay(2, np.ones((32, 40)), "Map")
    while later.waiting:
        assert not _sharing(panels)
        later.waiting.pop(0)()
    assert not _sharing(panels)
    assert panels.panels["clean"].overlay in panels.viewer.layers


def test_closing_before_all_layers_are_added(later: Any) -> None:
    panels = Panels(ViewerModel(), later)
    panels.open(Geometry(SHAPE))
    panels.show(ORDER)
    panels.close()
    later.run()
    assert not panels.viewer.layers


def test_a_new_scan_takes_the_place_of_the_old_one(panels: Panels, later: Any) -> None:
    panels.open(Geometry((2, 16, 16)))
    panels.show(("reference", "clean"))
    later.run()
    assert names(panels) == ["Reference", "ROI", "Marks", "Clean", "ROI", "Marks"]
    assert panels.panels["clean"].image.data.shape == (2, 16, 16)


def test_panels_that_are_let_go_without_another_scan_are_removed(panels: Panels, later: Any, held: list[bool]) -> None:
    panels.retire()
    assert not any(layer.visible for layer in panels.viewer.layers)
    later.run()
    assert not panels.viewer.layers
    assert held[-1] is False, "or napari would show no other layer either"


def test_closing_while_old_layers_are_removed_lets_the_picture_go(panels: Panels, later: Any, held: list[bool]) -> None:
    panels.retire()
    panels.viewer.layers.clear()  # by the user
    panels.close()
    later.run()
    assert held[-1] is False


def test_a_turn_is_followed_without_the_last_panel(panels: Panels) -> None:
    for layer in panels.panels[ORDER[-1]].layers:
        panels.viewer.layers.remove(layer)
    before = panels.viewer.dims.range[1:]
    panels.lay(Turn(quarters=1))
    assert [one.stop for one in panels.viewer.dims.range[1:]] != [one.stop for one in before]


def test_what_is_left_of_a_deleted_panel_goes_when_it_is_shown_again_at_once(panels: Panels, later: Any) -> None:
    panels.viewer.layers.remove(panels.panels["clean"].image)  # by the user
    panels.show(ORDER)
    later.run()
    there = {layer for panel in panels.panels.values() for layer in panel.layers}
    assert set(panels.viewer.layers) == there, "or they would stay in the next scan, too"


@pytest.mark.parametrize("end", ["open", "close"])
def test_what_is_left_of_a_hidden_panel_goes_with_the_scan(panels: Panels, later: Any, end: str) -> None:
    panels.show(("reference",))
    later.run()
    panels.viewer.layers.remove(panels.panels["clean"].image)  # by the user
    if end == "open":
        panels.open(Geometry((2, 16, 16)))
    else:
        panels.close()
    later.run()
    assert not panels.viewer.layers
