"""Programs of the same source stay linked, what they draw is as before, and another window leaves them alone."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from vispy.scene import SceneCanvas
from vispy.scene.visuals import Image, Text

from napari_recon_robust.canvas.napari_patches import gl_programs
from napari_recon_robust.canvas.napari_patches.gl_programs import keep_programs, keep_to_own_context

PIXELS = np.random.default_rng(0).random((20, 30)).astype(np.float32)


def pictures(changes: Callable[[Any, Any], Any]) -> list[np.ndarray]:
    """What a canvas shows at first, after its visuals have moved to another cell, and after a change of theirs."""
    canvas = SceneCanvas(size=(200, 100))
    grid = canvas.central_widget.add_grid()
    views = [grid.add_view(col=column) for column in range(2)]
    image = Image(PIXELS, cmap="gray", clim=(0, 1), parent=views[0].scene)
    text = Text("Ag 8", pos=(10, 10), font_size=9, color="white", parent=views[0].scene)
    found = [canvas.render()]
    image.parent = text.parent = views[1].scene
    found.append(canvas.render())
    changes(image, text)
    found.append(canvas.render())
    canvas.close()
    return found


@pytest.mark.parametrize(
    "change",
    [
        lambda image, _: setattr(image, "cmap", "viridis"),
        lambda image, _: setattr(image, "interpolation", "hanning"),
        lambda image, _: image.set_data(1 - PIXELS),
        lambda _, text: setattr(text, "text", "Qy"),
    ],
)
def test_pictures_are_as_before(qapp: Any, monkeypatch: pytest.MonkeyPatch, change: Callable[[Any, Any], Any]) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("vispy.visuals.shaders.ModularProgram.set_shaders", gl_programs._link)
        patch.setattr("vispy.gloo.Program._parse_variables_from_code", gl_programs._parse)
        before = pictures(change)
    keep_programs()
    for one, two in zip(before, pictures(change), strict=True):
        np.testing.assert_array_equal(one, two)
    assert (before[0] != before[1]).any()
    assert (before[1] != before[2]).any()


def test_what_moves_to_another_cell_is_not_linked_again(qapp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    linked: list[str] = []
    link = gl_programs._link

    def counted(self: Any, vert: str, *more: Any) -> None:
        linked.append(vert)
        link(self, vert, *more)

    monkeypatch.setattr(gl_programs, "_link", counted)
    keep_programs()
    canvas = SceneCanvas(size=(200, 100))
    grid = canvas.central_widget.add_grid()
    views = [grid.add_view(col=column) for column in range(2)]
    image = Image(PIXELS, parent=views[0].scene)
    canvas.render()
    first = len(linked)
    assert first
    for number in (1, 0, 1):
        image.parent = views[number].scene
        canvas.render()
    assert len(linked) == first
    image.interpolation = "hanning"
    canvas.render()
    assert len(linked) > first
    canvas.close()


@pytest.mark.slow
def test_a_window_is_painted_as_before_when_another_loses_its_layers(
    viewer: Any, make_napari_viewer_proxy: Callable[[], Any]
) -> None:
    keep_to_own_context()
    other = make_napari_viewer_proxy()
    for one in (other, viewer):
        one.window._qt_window.show()
        one.add_image(PIXELS)
        one.reset_view()
        one.screenshot(flash=False)
    before = viewer.screenshot(flash=False)
    assert before[..., :3].std() > 10, "the image is seen"
    other.layers.clear()
    np.testing.assert_array_equal(viewer.screenshot(flash=False), before)
