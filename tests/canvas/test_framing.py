"""The region view: a part of the image fills the panels, however the picture is turned."""

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_recon_robust.canvas.geometry import Geometry
from napari_recon_robust.canvas.layers import Panels

MASK = np.zeros((32, 40), bool)
MASK[4:7, 30:36] = True
MIDDLE = 0, 5, 32.5


def looked_at(panels: Panels) -> np.ndarray:
    return np.asarray(panels.viewer.scene.camera.center[1:])


def place(panels: Panels, at: tuple[float, ...]) -> np.ndarray:
    return np.asarray(panels.panels["clean"].image.data_to_world(at)[1:])


@pytest.mark.parametrize("step", ["turned", "mirror", "flip"])
def test_the_region_stays_in_view_when_the_picture_is_turned(panels: Panels, step: str) -> None:
    whole = panels.viewer.scene.camera.zoom
    panels.framing.frame(MASK)
    before = place(panels, MIDDLE)
    panels.lay(getattr(panels.geometry.turn, step))
    assert not np.allclose(place(panels, MIDDLE), before), "the region is elsewhere"
    assert panels.framing.active
    np.testing.assert_allclose(looked_at(panels), place(panels, MIDDLE), atol=0.01)
    assert panels.viewer.scene.camera.zoom > whole
    panels.framing.leave()
    np.testing.assert_allclose(looked_at(panels), place(panels, (0, 15.5, 19.5)), atol=0.3)


def test_a_picture_that_is_seen_as_a_whole_stays_so(panels: Panels) -> None:
    panels.framing.frame(MASK)
    panels.framing.leave()
    zoom = panels.viewer.scene.camera.zoom
    panels.lay(panels.geometry.turn.mirror)
    assert not panels.framing.active
    assert panels.viewer.scene.camera.zoom == zoom


def test_a_long_picture_that_is_seen_as_a_whole_stays_so() -> None:
    """Upright it is seen larger than it fits lying: turned back, its ends were cut off."""
    viewer = ViewerModel()
    opened = Panels(viewer, later=lambda function: function())
    viewer.canvas.size = (800, 400)
    opened.open(Geometry((1, 40, 80), (1.0, 1.0, 2.0)))
    opened.show(["clean"])
    zooms = [viewer.scene.camera.zoom]
    for _ in range(4):
        opened.lay(opened.geometry.turn.turned)
        zooms.append(viewer.scene.camera.zoom)
    assert zooms[1] > 1.5 * zooms[0]
    assert zooms == pytest.approx([zooms[0], zooms[1]] * 2 + [zooms[0]])


@pytest.mark.parametrize("step", ["turned", "mirror", "flip"])
def test_what_the_wheel_has_zoomed_to_stays_in_view_when_the_picture_is_turned(panels: Panels, step: str) -> None:
    camera = panels.viewer.scene.camera
    camera.center, camera.zoom = (0, *place(panels, MIDDLE)), 8 * camera.zoom
    before, zoom = looked_at(panels), camera.zoom
    panels.lay(getattr(panels.geometry.turn, step))
    assert not np.allclose(looked_at(panels), before), "the place is elsewhere"
    np.testing.assert_allclose(looked_at(panels), place(panels, MIDDLE), atol=0.01)
    assert camera.zoom == pytest.approx(zoom)
