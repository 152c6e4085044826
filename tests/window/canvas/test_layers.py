"""The panels on a ViewerModel: no window, no display."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_recon_robust.window.canvas.geometry import Geometry, Outline
from napari_recon_robust.window.canvas.layers import ORDER, Panels

SHAPE = (5, 32, 40)
BOX = np.array([[3.5, 4.5], [3.5, 9.5], [8.5, 9.5], [8.5, 4.5]])


class Later:
    """Stands for Qt's event loop."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def __call__(self, function: Callable[[], None]) -> None:
        self.waiting.append(function)

    def run(self) -> None:
        while self.waiting:
            self.waiting.pop(0)()


@pytest.fixture
def later() -> Later:
    return Later()


@pytest.fixture
def panels(later: Later) -> Panels:
    panels = Panels(ViewerModel(), later)
    panels.open(Geometry(SHAPE, (4.0, 0.5, 0.5), upside_down=True), start=2)
    panels.show(ORDER)
    later.run()
    return panels


def names(panels: Panels) -> list[str]:
    return [layer.name.split(" [")[0] for layer in panels.viewer.layers]


def test_images_and_regions_alternate_so_that_a_stride_of_two_pairs_them(panels: Panels) -> None:
    assert names(panels) == ["Reference", "ROI", "Clean", "ROI", "Perturbed", "ROI", "Difference", "ROI"]
    grid = panels.viewer.canvas.grid
    assert (grid.enabled, grid.stride, grid.shape) == (True, 2, (2, 2))
    layers = panels.viewer.layers
    cells = [grid.position(index, layers) for index in range(len(layers))]
    assert cells == [cell for cell in ((0, 0), (0, 1), (1, 0), (1, 1)) for _ in range(2)]


@pytest.mark.parametrize(
    ("shown", "size", "shape"),
    [
        (ORDER, (300, 1600), (1, 4)),
        (ORDER, (700, 640), (2, 2)),
        (ORDER[1:], (700, 640), (2, 2)),
        (ORDER[1:], (400, 900), (1, 3)),
        (ORDER[:2], (400, 900), (1, 2)),
        (ORDER[:2], (700, 640), (1, 2)),  # stacked they would be larger, and harder to compare
    ],
)
def test_the_grid_follows_the_canvas(
    panels: Panels, later: Later, shown: tuple[str, ...], size: tuple[int, int], shape: tuple[int, int]
) -> None:
    panels.viewer.canvas.size = size
    panels.show(shown)
    later.run()
    assert panels.viewer.canvas.grid.shape == shape


def test_the_zoom_follows_the_cells(panels: Panels, later: Later) -> None:
    panels.viewer.canvas.size = (600, 600)
    before = panels.viewer.scene.camera.zoom
    panels.show(["perturbed"])
    later.run()
    assert panels.viewer.scene.camera.zoom == pytest.approx(2 * before)
    panels.show(ORDER)
    later.run()
    assert panels.viewer.scene.camera.zoom == pytest.approx(before)
    panels.viewer.canvas.size = (1200, 1200)
    assert panels.viewer.scene.camera.zoom == pytest.approx(2 * before)


def test_one_panel_alone_has_no_grid(panels: Panels) -> None:
    panels.show(["perturbed"])
    assert not panels.viewer.canvas.grid.enabled
    assert [layer.visible for layer in panels.viewer.layers] == [False] * 4 + [True] * 2 + [False] * 2


def test_the_viewer_is_as_it_was_after_closing(later: Later) -> None:
    viewer = ViewerModel()
    viewer.add_image(np.zeros((4, 4)), name="mine")
    viewer.canvas.grid.stride = 3

    def state() -> Any:
        overlays = {name: overlay.model_dump() for name, overlay in viewer.canvas.overlays.items()}
        mouse = list(viewer.mouse_drag_callbacks)
        return viewer.canvas.grid.model_dump(), overlays, viewer.canvas.background_color_override, mouse

    before = state()
    panels = Panels(viewer, later)
    panels.open(Geometry(SHAPE))
    panels.show(ORDER)
    later.run()
    assert state() != before
    panels.close()
    assert state() == before
    assert [layer.name for layer in viewer.layers] == ["mine"]
    panels.close()


def test_a_layer_is_added_in_a_turn_of_its_own(later: Later) -> None:
    panels = Panels(ViewerModel(), later)
    panels.open(Geometry(SHAPE), start=3)
    panels.show(ORDER)
    panels.write("difference", 3, np.ones((32, 40)))
    assert panels.slice == 3, "before there is a layer"
    counts = []
    while later.waiting:
        counts.append(len(panels.viewer.layers))
        later.waiting.pop(0)()
    assert counts == [0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8], "and what prepares for them, too"
    assert panels.slice == 3
    assert panels.panels["difference"].image.data[3].min() == 1


def test_closing_before_all_layers_are_added(later: Later) -> None:
    panels = Panels(ViewerModel(), later)
    panels.open(Geometry(SHAPE))
    panels.show(ORDER)
    panels.close()
    later.run()
    assert not panels.viewer.layers


def test_a_new_scan_takes_the_place_of_the_old_one(panels: Panels, later: Later) -> None:
    panels.open(Geometry((2, 16, 16)))
    panels.show(("reference", "clean"))
    later.run()
    assert names(panels) == ["Reference", "ROI", "Clean", "ROI"]
    assert panels.panels["clean"].image.data.shape == (2, 16, 16)


def test_images_are_written_in_place_one_slice_at_a_time(panels: Panels) -> None:
    data = panels.panels["clean"].image.data
    panels.write("clean", 2, np.ones((32, 40)), "TV")
    panels.write("clean", 4, np.full((32, 40), 2.0))
    assert panels.panels["clean"].image.data is data
    assert data[4].min() == 2
    assert not data[2].any(), "a slice that was left shows what is no longer true of it"


def test_one_window_for_all(panels: Panels) -> None:
    panels.set_window(0.0, 3e-4)
    assert panels.window == (0.0, 3e-4)
    panels.panels["difference"].image.contrast_limits = (1e-4, 2e-4)
    assert {tuple(panel.image.contrast_limits) for panel in panels.panels.values()} == {(1e-4, 2e-4)}


def test_a_name_that_the_user_gave_is_kept(panels: Panels) -> None:
    panels.write("clean", 2, np.ones((32, 40)), "TV")
    panels.panels["clean"].image.name = "my favourite"
    panels.write("clean", 2, np.ones((32, 40)), "TV again")
    assert panels.panels["clean"].image.name == "my favourite"


def test_deleting_a_panel_takes_its_regions_along_and_nothing_else(panels: Panels, later: Later) -> None:
    panels.write("clean", 2, np.ones((32, 40)), "TV")
    panels.viewer.layers.remove(panels.panels["clean"].image)
    later.run()
    assert names(panels) == ["Reference", "ROI", "Perturbed", "ROI", "Difference", "ROI"]
    panels.write("clean", 2, np.full((32, 40), 2.0))
    panels.show(ORDER)
    later.run()
    assert names(panels)[2] == "TV"
    assert panels.panels["clean"].image.data[2].min() == 2


def test_deleted_regions_come_back_since_they_are_the_reviews(panels: Panels, later: Later) -> None:
    panels.set_outlines([Outline("rectangle", BOX, 2)])
    panels.viewer.layers.selection = {panels.panels["clean"].regions, panels.panels["perturbed"].image}
    panels.viewer.layers.remove_selected()
    later.run()
    assert names(panels) == ["Reference", "ROI", "Clean", "ROI", "Difference", "ROI"]
    assert len(panels.panels["clean"].regions.data) == 1


def test_regions_are_in_every_panel_in_image_pixels(panels: Panels) -> None:
    panels.set_outlines([Outline("rectangle", BOX, 2, selected=True)])
    expected = np.zeros((32, 40), bool)
    expected[4:9, 5:10] = True
    for panel in panels.panels.values():
        (shape,) = panel.regions.data
        assert set(shape[:, 0]) == {2}
        np.testing.assert_allclose(panel.regions.data_to_world(shape[0]), panel.image.data_to_world(shape[0]))


def test_what_is_drawn_in_one_panel_is_reported_once(panels: Panels, later: Later) -> None:
    seen: list[Any] = []
    panels.outlines_edited.connect(lambda *edit: seen.append(edit))
    panels.set_outlines([Outline("rectangle", BOX, 2)])
    later.run()
    assert not seen, "the review's own regions are no edit"
    drawn = np.column_stack([np.full(4, 3.0), BOX + 5])
    panels.panels["difference"].regions.add(drawn, shape_type="ellipse")
    later.run()
    ((action, indices, outlines),) = seen
    assert (action, indices) == ("added", (1,))
    assert (outlines[1].kind, outlines[1].slice) == ("ellipse", 3)
    panels.set_outlines(outlines)
    panels.panels["clean"].regions.selected_data = {0}
    panels.panels["clean"].regions.remove_selected()
    later.run()
    assert seen[-1][:2] == ("removed", (0,))


def test_turning_the_picture_leaves_the_arrays(panels: Panels) -> None:
    image = panels.panels["clean"].image
    upside_down = image.data_to_world((0, 0, 0))
    panels.set_upside_down(False)
    upright = image.data_to_world((0, 0, 0))
    assert upside_down[1] == pytest.approx((SHAPE[1] - 1) * 0.5)
    assert upright[1] == 0
    assert image.data.shape == SHAPE


def test_the_slice_is_naparis_own_slider(panels: Panels) -> None:
    seen: list[int] = []
    panels.slice_changed.connect(seen.append)
    panels.viewer.dims.set_current_step(0, 4)
    assert seen[-1] == 4 == panels.slice
    panels.go_to(1)
    assert panels.viewer.dims.current_step[0] == 1
    assert str(panels.panels["clean"].image.units[1]) == "millimeter"
