"""Layers that the user brings beside the panels."""

from typing import Any

import numpy as np
import pytest
from napari.layers import Image, Layer, Points

from napari_recon_robust.canvas.layers import Panels


@pytest.mark.parametrize("own", [Image(np.zeros((5, 32, 40))), Points(np.zeros((1, 3)))], ids=["image", "points"])
def test_a_layer_between_those_of_the_panels_moves_none(panels: Panels, later: Any, own: Layer) -> None:
    before = list(panels.viewer.layers)
    panels.viewer.layers.insert(4, own)
    later.run()
    assert list(panels.viewer.layers) == [*before, own]


def test_a_layer_that_is_brought_stays_the_chosen_one(panels: Panels, later: Any) -> None:
    own = panels.viewer.add_points(np.zeros((1, 3)))
    later.run()
    assert panels.viewer.layers.selection.active is own
    assert panels.viewer.canvas.grid.shape == (2, 2), "no image, so it needs no cell"
