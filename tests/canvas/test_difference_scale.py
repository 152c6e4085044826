"""The difference panel, on a ViewerModel."""

import numpy as np
import pytest

from helpers.colour_vision import closest
from napari_recon_robust.canvas.difference_scale import SIGNED
from napari_recon_robust.canvas.layers import Panels


def test_a_signed_difference_is_blue_below_zero_and_orange_above(panels: Panels) -> None:
    panels.difference.show(signed=True, full=2.0)
    image = panels.panels["difference"].image
    assert tuple(image.contrast_limits) == (-2.0, 2.0)
    low, zero, high = image.colormap.map(np.array([0.0, 0.5, 1.0]))[:, :3]
    assert low[2] > low[0]
    assert not zero.any()
    assert high[0] > high[2]
    panels.difference.show(signed=False, full=2.0)
    assert tuple(image.contrast_limits) == (0.0, 2.0)
    assert image.colormap.name == "gray"


def test_the_window_of_the_images_leaves_it_alone(panels: Panels) -> None:
    panels.difference.show(signed=True, full=2.0)
    panels.shared_window.start(0.0, 5.0)
    panels.shared_window.turn(1.0, 3.0)
    assert tuple(panels.panels["difference"].image.contrast_limits) == (-2.0, 2.0)
    assert panels.shared_window.limits == (pytest.approx(1.0), pytest.approx(3.0))


def test_signs_are_told_apart_by_every_eye() -> None:
    for size in (0.25, 0.5, 1.0):
        less, zero, more = SIGNED.map(np.array([0.5 - size / 2, 0.5, 0.5 + size / 2]))[:, :3]
        assert closest(less, zero, more) > 40 * size
