"""Words on napari's canvas, in a window."""

from typing import Any

import numpy as np
import pytest

from napari_recon_robust.canvas.napari_patches.text_width import correct_text

TITLE = "Perturbed · phase, orange +90°, blue −90°\nattacked"


@pytest.mark.parametrize("size", [7, 8, 11, 14])
def test_the_ground_behind_a_title_is_as_wide_as_the_title_is_drawn(viewer: Any, size: int) -> None:
    correct_text()
    overlay = viewer.canvas.overlays["text"]
    overlay.text, overlay.font_size, overlay.visible = TITLE, size, True
    canvas = viewer.window._qt_viewer.canvas
    visual = next(one for one in canvas._viewer_overlay_to_visual[overlay] if one is not None)
    font = visual.node._font
    advances = [sum(font[letter]["advance"] for letter in line) for line in TITLE.splitlines()]
    drawn = max(advances) / 256 * size * 96 / 72  # vispy: in units of its letters of 256 points
    assert visual.x_size == pytest.approx(drawn, rel=0.01)


def test_the_scale_bar_counts_px(viewer: Any) -> None:
    correct_text()
    viewer.canvas.overlays["scale_bar"].visible = True
    layer = viewer.add_image(np.zeros((40, 40), np.float32))
    assert bar(viewer).endswith(" px")
    viewer.scene.camera.zoom *= 3
    assert bar(viewer).endswith(" px")
    layer.units = ("mm", "mm")
    viewer.window._qt_viewer.canvas._update_world_units()
    assert bar(viewer).endswith("mm")


def bar(viewer: Any) -> str:
    """What stands beside the scale bar."""
    canvas = viewer.window._qt_viewer.canvas
    found = canvas._viewer_overlay_to_visual[viewer.canvas.overlays["scale_bar"]]
    return str(next(iter(found)).node.text.text)
