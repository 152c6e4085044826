"""The reading surface on napari's canvas."""

from typing import Any

import numpy as np
import pytest

from napari_recon_robust.canvas.surface import make_reading_surface


@pytest.mark.thorough
def test_the_brush_of_a_labels_layer_leaves_nothing_on_the_picture(viewer: Any) -> None:
    viewer.window._qt_window.show()
    viewer.add_image(np.ones((40, 40), np.float32), contrast_limits=(0, 1))
    viewer.reset_view()
    circle = viewer.canvas.overlays["_brush_circle"]
    restore = make_reading_surface(viewer)
    labels = viewer.add_labels(np.zeros((40, 40), np.uint8))
    labels.mode = "paint"
    viewer.cursor.size, viewer.cursor.style = 2, "circle"  # as with the mouse over the picture
    assert circle.visible
    circle.position = tuple(side / 2 for side in reversed(viewer.canvas.size))
    for enabled in (True, False):  # napari lays what is over the picture into it anew
        viewer.canvas.grid.enabled = enabled
    viewer.layers.remove(labels)
    viewer.cursor.style = "standard"
    picture = viewer.screenshot(flash=False)
    height, width = (side // 2 for side in picture.shape[:2])
    assert (picture[height - 60 : height + 60, width - 60 : width + 60, :3] == 255).all()
    restore()
    assert circle.box, "as napari had it"
