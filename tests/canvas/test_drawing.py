"""Regions in every panel, on a ViewerModel."""

from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel

from helpers.colour_vision import closest, contrast, rgb
from napari_recon_robust.canvas.drawing import EDGE, SELECTED_EDGE
from napari_recon_robust.canvas.geometry import Geometry, Outline
from napari_recon_robust.canvas.layers import Panels
from napari_recon_robust.canvas.marks import AROUND, RING, RULE
from napari_recon_robust.data.orientation import AS_STORED, Turn

BOX = np.array([[3.5, 4.5], [3.5, 9.5], [8.5, 9.5], [8.5, 4.5]])


def names(panels: Panels) -> list[str]:
    return [layer.name.split(" [")[0] for layer in panels.viewer.layers]


def test_deleted_regions_come_back_since_they_are_the_reviews(panels: Panels, later: Any) -> None:
    panels.drawing.set([Outline("rectangle", BOX, 2)])
    panels.viewer.layers.selection = {panels.panels["clean"].regions, panels.panels["perturbed"].image}
    panels.viewer.layers.remove_selected()
    later.run()
    assert names(panels) == [name for key in ("Reference", "Clean", "Difference") for name in (key, "ROI", "Marks")]
    assert len(panels.panels["clean"].regions.data) == 1


def test_regions_are_in_every_panel_in_image_pixels(panels: Panels) -> None:
    panels.drawing.set([Outline("rectangle", BOX, 2, selected=True)])
    expected = np.zeros((32, 40), bool)
    expected[4:9, 5:10] = True
    for panel in panels.panels.values():
        (shape,) = panel.regions.data
        assert set(shape[:, 0]) == {2}
        np.testing.assert_allclose(panel.regions.data_to_world(shape[0]), panel.image.data_to_world(shape[0]))


def test_what_is_drawn_in_one_panel_is_reported_once(panels: Panels, later: Any) -> None:
    seen: list[Any] = []
    panels.drawing.edited.connect(lambda *edit: seen.append(edit))
    panels.drawing.set([Outline("rectangle", BOX, 2)])
    later.run()
    assert not seen, "the review's own regions are no edit"
    drawn = np.column_stack([np.full(4, 3.0), BOX + 5])
    panels.panels["difference"].regions.scale_factor = 0.1  # the image is on the screen, magnified
    panels.panels["difference"].regions.add(drawn, shape_type="ellipse")
    later.run()
    ((action, indices, outlines),) = seen
    assert (action, indices) == ("added", (1,))
    assert (outlines[1].kind, outlines[1].slice) == ("ellipse", 3)
    panels.drawing.set(outlines)
    panels.panels["clean"].regions.selected_data = {0}
    panels.panels["clean"].regions.remove_selected()
    later.run()
    assert seen[-1][:2] == ("removed", (0,))


@pytest.mark.parametrize("kind", ["rectangle", "ellipse"])
def test_a_click_draws_nothing(panels: Panels, later: Any, kind: str) -> None:
    seen: list[Any] = []
    panels.drawing.edited.connect(lambda *edit: seen.append(edit))
    panels.drawing.clicked.connect(lambda: seen.append("clicked"))
    layer = panels.panels["clean"].regions
    layer.scale_factor = 0.5  # an image pixel is two of the screen
    sides = np.array([[0, 0], [0, 1], [1, 1], [1, 0.0]])
    for pixels in (1.25, 2.0):
        layer.add(np.column_stack([np.full(4, 3.0), 5 + pixels / layer.scale[1:] * sides]), shape_type=kind)
        later.run()
        panels.drawing.set([])
    assert [one if one == "clicked" else one[0] for one in seen] == ["clicked", "added"]


def test_a_tool_that_is_taken_up_while_panels_go_stays_in_hand(panels: Panels, later: Any) -> None:
    panels.show(("reference", "clean"))
    panels.drawing.begin("ellipse")
    later.run()
    assert panels.drawing.tool == "ellipse"
    panels.show(("clean",))
    later.run()
    assert panels.drawing.tool is None, "the panel that it drew in is not shown any more"
    assert panels.viewer.layers.selection.active is panels.panels["clean"].image


def test_numbered_outlines_can_all_go_and_others_be_drawn(panels: Panels) -> None:
    panels.drawing.set([Outline("rectangle", BOX, 2, number="1")])
    panels.drawing.set([])
    assert not len(panels.panels["clean"].regions.data)
    panels.drawing.set([Outline("rectangle", BOX, 2, number="2")])
    assert list(panels.panels["clean"].regions.features["number"]) == ["2"]


def test_outlines_stand_out_and_those_that_mean_something_else_are_told_apart_by_every_eye() -> None:
    assert closest(rgb(EDGE), rgb(SELECTED_EDGE)) > 40
    assert closest(rgb(RING), rgb(SELECTED_EDGE), rgb(EDGE)) > 30
    assert min(closest(rgb(RULE), rgb(one)) for one in (EDGE, SELECTED_EDGE, RING, AROUND)) > 20
    assert min(contrast(rgb(colour), np.zeros(3)) for colour in (EDGE, SELECTED_EDGE, RING, RULE)) > 4.5


@pytest.mark.parametrize(
    ("shape", "voxel"), [((96, 80), (5.0, 2.0, 1.0)), ((40, 256), (1.0, 3.0, 1.0)), ((256, 40), (1.0, 1.0, 3.0))]
)
@pytest.mark.parametrize("turn", [AS_STORED, AS_STORED.turned], ids=str)
def test_all_sides_of_a_box_are_drawn_where_pixels_are_oblong(
    shape: tuple[int, int], voxel: tuple[float, float, float], turn: Turn
) -> None:
    """Lines narrower than a pixel of the screen vanish: of a box two sides were seen."""
    panels = Panels(ViewerModel(), later=lambda function: function())
    panels.viewer.canvas.size = (400, 400)
    panels.open(Geometry((1, *shape), voxel, turn=turn))
    panels.show(["clean"])
    panels.drawing.set([Outline("rectangle", BOX, 0)])
    panels.marks.ring(0, (8.0, 8.0, 4.0))
    on_screen = min(voxel[1:]) * panels.viewer.scene.camera.zoom
    for layer in (panels.panels["clean"].regions, panels.panels["clean"].marks):
        assert 1.4 < layer.edge_width[0] * on_screen < 2
