"""Images of a case beside each other, and one up to an edge."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import QObject

from napari_recon_robust.canvas.geometry import Geometry
from napari_recon_robust.canvas.layers import Panels
from napari_recon_robust.data.orientation import Turn
from napari_recon_robust.window.reading.looking import Looking

TURNS = [Turn(quarters=quarters, mirrored=mirrored) for mirrored in (False, True) for quarters in range(4)]


@pytest.mark.parametrize("turn", TURNS, ids=str)
def test_the_wipe_goes_from_left_to_right_however_the_scan_is_turned(turn: Turn, qapp: Any) -> None:
    """It went along the stored columns: up and down, or with the second image on the left."""
    panels, parent = Panels(ViewerModel(), later=lambda function: function()), QObject()
    geometry = Geometry((1, 20, 40), (1.0, 2.0, 1.0), turn)
    panels.open(geometry)
    looking = Looking(panels, parent)
    images = {"a": np.zeros((1, 20, 40), np.float32), "b": np.ones((1, 20, 40), np.float32)}
    panels.show(list(images))
    looking.open(images, ("a", "b"), ("wipe",), 0)
    looking.set("wipe")

    def seen() -> np.ndarray:
        return turn.shown(np.asarray(panels.panels["b"].image.data)[0])

    half = seen().shape[1] // 2
    assert (seen()[:, :half] == 0).all()
    assert (seen()[:, half:] == 1).all()

    event = SimpleNamespace(button=1, type="mouse_press", handled=False, pos=np.zeros(2), position=(0.0, 0.0, 0.0))
    drag = looking._on_drag(None, event)
    next(drag)
    right = [9.5, 19.5] + 0.4 * np.array([20, 40]) * turn.matrix[1]  # of the screen, in the stored image
    event.type, event.pos, event.position = "mouse_move", np.array([9.0, 0.0]), (0.0, *geometry.world(*right))
    next(drag)
    assert looking.share == pytest.approx(0.9)
    edge = round(0.9 * seen().shape[1])
    assert (seen()[:, :edge] == 0).all()
    assert (seen()[:, edge:] == 1).all()
