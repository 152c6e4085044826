"""Cells of napari's grid, on a ViewerModel."""

from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image

from napari_recon_robust.canvas.geometry import Geometry
from napari_recon_robust.canvas.layers import Panels
from napari_recon_robust.canvas.panel import ORDER
from napari_recon_robust.data.orientation import FIRST_ROW_BELOW


def names(panels: Panels) -> list[str]:
    return [layer.name.split(" [")[0] for layer in panels.viewer.layers]


def test_the_layers_of_a_panel_lie_together_so_that_the_stride_holds_them(panels: Panels) -> None:
    titles = ("Reference", "Clean", "Perturbed", "Difference")
    assert names(panels) == [name for title in titles for name in (title, "ROI", "Marks")]
    grid = panels.viewer.canvas.grid
    assert (grid.enabled, grid.stride, grid.shape) == (True, 3, (2, 2))
    layers = panels.viewer.layers
    cells = [grid.position(index, layers) for index, layer in enumerate(layers) if layer.visible]
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
        (ORDER[:2], (629, 263), (2, 1)),  # side by side they would be too narrow for their titles
        (ORDER[:2], (500, 263), (1, 2)),  # stacked they would lie under their titles
        (ORDER[1:], (629, 263), (2, 2)),
        (ORDER, (629, 263), (2, 2)),
    ],
)
def test_the_grid_follows_the_canvas(
    panels: Panels, later: Any, shown: tuple[str, ...], size: tuple[int, int], shape: tuple[int, int]
) -> None:
    panels.viewer.canvas.size = size
    panels.show(shown)
    later.run()
    assert panels.viewer.canvas.grid.shape == shape


@pytest.mark.parametrize("leave", ["grid", "three dimensions", "plane", "axes of the plane"])
def test_what_would_lay_images_or_slices_over_each_other_is_put_back(panels: Panels, later: Any, leave: str) -> None:
    viewer, held = panels.viewer, list[bool]()
    panels.held.connect(lambda: held.append(True))
    if leave == "grid":
        viewer.canvas.grid.enabled = False
    elif leave == "three dimensions":
        viewer.dims.ndisplay = 3
    elif leave == "axes of the plane":
        viewer.dims.transpose()
    else:
        viewer.dims.roll()
    later.run()
    assert (viewer.canvas.grid.enabled, viewer.dims.ndisplay, viewer.dims.order) == (True, 2, (0, 1, 2))
    assert panels.navigation.slice == 2
    assert held == [True], "said once, and not of what is put back"


def test_a_layer_of_more_axes_leaves_nothing(panels: Panels, later: Any) -> None:
    held = list[bool]()
    panels.held.connect(lambda: held.append(True))
    panels.viewer.add_image(np.zeros((2, 3, 8, 8)), name="own")
    later.run()
    panels.viewer.layers.remove("own")
    later.run()
    assert held == []


@pytest.mark.parametrize("copied", [False, True])
@pytest.mark.parametrize("shown", [ORDER[:1], ORDER[:2], ORDER])
def test_an_image_of_the_user_has_a_cell_of_its_own_while_it_is_seen(
    panels: Panels, later: Any, copied: bool, shown: tuple[str, ...]
) -> None:
    def seen() -> list[list[str]]:
        layers = panels.viewer.layers
        cells = [[layers[at].name for at in held] for _, held in panels.viewer.canvas.grid.iter_viewboxes(layers)]
        return [[name for name in cell if layers[name].visible] for cell in cells if cell]

    panels.show(shown)
    later.run()
    before = seen()
    layers, original = panels.viewer.layers, panels.panels["reference"].image
    own = Image(np.zeros((5, 32, 40)), name="own")
    layers.insert(layers.index(original) + 1 if copied else len(layers), own)
    later.run()
    assert seen() == [*before, ["own"]]
    assert layers.selection.active is own or copied
    own.visible = False
    later.run()
    assert seen() == before
    own.visible = True
    later.run()
    assert seen() == [*before, ["own"]]
    layers.remove(own)
    later.run()
    assert seen() == before
    panels.panels["reference"].regions.visible = False
    later.run()
    assert not panels.panels["reference"].regions.visible, "what the user hides of ours stays hidden"


def test_a_scan_is_shown_in_its_plane_and_the_viewer_given_back_as_it_was(later: Any) -> None:
    panels = Panels(ViewerModel(ndisplay=3), later)
    panels.open(Geometry((5, 32, 40)), start=2)
    panels.show(ORDER)
    later.run()
    assert panels.viewer.dims.ndisplay == 2
    panels.close()
    assert panels.viewer.dims.ndisplay == 3


def test_the_zoom_follows_the_cells(panels: Panels, later: Any) -> None:
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


def test_one_panel_alone_has_no_grid(panels: Panels, later: Any) -> None:
    panels.show(["perturbed"])
    later.run()
    assert not panels.viewer.canvas.grid.enabled
    shown = {layer for layer in panels.viewer.layers if layer.visible}
    assert shown == {panels.panels["perturbed"].image, panels.panels["perturbed"].regions}


def test_layers_that_were_never_seen_come_one_by_one(panels: Panels, later: Any) -> None:
    def seen() -> int:
        return sum(panel.marks.visible for panel in panels.panels.values())

    def turns() -> list[int]:
        found = []
        while later.waiting:
            later.waiting.pop(0)()
            found.append(seen())
        return found

    panels.marks.ring(2, (7.0, 8.0, 4.0))
    assert turns()[:4] == [1, 2, 3, 4]
    panels.marks.show(False)
    assert turns()[0] == 0
    panels.marks.show(True)
    assert turns()[0] == 4
    panels.show(["clean"])
    panels.show(ORDER)
    assert all(panel.image.visible for panel in panels.panels.values())


@pytest.mark.thorough
def test_a_canvas_too_small_for_the_space_between_cells_comes_to_rest(viewer: Any, later: Any) -> None:
    """napari takes less space then, each time that it is set."""
    panels = Panels(viewer, later)
    viewer.window._qt_viewer.canvas.native.setFixedSize(38, 38)
    panels.open(Geometry((5, 32, 40), (4.0, 0.5, 0.5), upright=FIRST_ROW_BELOW), start=2)
    panels.show(ORDER)
    for _ in range(40):
        steps, later.waiting = later.waiting, []
        for step in steps:
            step()
    assert panels.settled
    assert viewer.canvas.grid.shape == (2, 2)
    panels.close()
