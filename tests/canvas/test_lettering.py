"""The size of words on the canvas."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from napari.settings import get_settings

from napari_recon_robust.canvas.layers import Panels
from napari_recon_robust.canvas.letter_sizes import SMALL, points
from napari_recon_robust.window.session import Session

AIR = 0.075  # of the height of a picture of a head: what is above the head


@pytest.fixture
def twice() -> Iterator[None]:
    """Letters of twice napari's own size."""
    appearance = get_settings().appearance
    before = appearance.font_size
    appearance.font_size = 2 * type(appearance)().font_size
    yield
    appearance.font_size = before


def test_words_have_their_size_at_napari_s_own_letters() -> None:
    assert points(SMALL) == SMALL


def test_words_grow_with_the_letters(twice: None) -> None:
    assert points(SMALL) == 2 * SMALL


def test_letters_have_whole_points_by_which_napari_measures_their_ground(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(get_settings().appearance, "font_size", 13)
    assert points(SMALL) == int(points(SMALL)) == 10


def test_a_long_title_grows_as_far_as_its_panel_has_room(twice: None, panels: Panels) -> None:
    image = np.zeros((32, 40), np.float32)
    size = {}
    for letters in (4, 35, 120):
        panels.write("clean", 2, image, letters * "m")
        size[letters] = panels.panels["clean"].image.name_overlay.font_size
    assert size[4] == 2 * SMALL
    assert SMALL < size[35] < 2 * SMALL
    assert size[120] == SMALL, "it is no smaller than it always was"


def test_titles_that_are_shown_together_have_one_size(twice: None, panels: Panels) -> None:
    image = np.zeros((32, 40), np.float32)
    panels.write("reference", 2, image, "m")
    panels.write("clean", 2, image, 35 * "m")
    panels.show(["reference", "clean"])
    sizes = {panels.panels[key].image.name_overlay.font_size for key in ("reference", "clean")}
    assert len(sizes) == 1
    assert sizes < {*range(SMALL, 2 * SMALL)}


def test_a_title_of_many_lines_leaves_the_image_to_be_seen(twice: None, panels: Panels) -> None:
    panels.write("clean", 2, np.zeros((32, 40), np.float32), "\n".join(12 * "m"))
    assert panels.panels["clean"].image.name_overlay.font_size < 2 * SMALL


def test_a_title_is_broken_for_the_size_that_it_has(twice: None, panels: Panels) -> None:
    panels.write("clean", 2, np.zeros((32, 40), np.float32), " · ".join(60 * ["ten letters"]))
    panel, width = panels.panels["clean"], panels.viewer.canvas.size[1] / len(panels.shown)
    assert panel.image.name_overlay.font_size == SMALL, "there are too many lines of larger letters"
    assert panel.room > 1.5 * width / (2 * SMALL), "and not as if they were large"
    longest = max(map(len, panel.heading.lines.splitlines()))
    assert longest <= panel.room < longest + len(" · ten letters"), "no line could be spared"


def test_a_title_is_large_beside_the_picture_of_a_wide_panel(twice: None, panels: Panels) -> None:
    panels.viewer.canvas.size = (300, 2800)
    assert panels.viewer.canvas.grid.shape == (1, 4)
    for key in panels.shown:
        panels.write(key, 2, np.zeros((32, 40), np.float32), "CG-SENSE")
    assert panels.panels["clean"].heading.font_size == 2 * SMALL


@pytest.mark.thorough
@pytest.mark.parametrize("title", ["Zero-filled", "CG-SENSE\nSSIM 0.869"])
def test_the_ground_of_a_large_title_covers_no_head(review: Session, title: str) -> None:
    appearance, panels = get_settings().appearance, review.panels
    viewer, panel, before = panels.viewer, panels.panels["clean"], appearance.font_size
    canvas = viewer.window._qt_viewer.canvas
    try:
        appearance.font_size = round(1.5 * before)
        viewer.canvas.size = (797, 367)
        assert viewer.canvas.grid.shape == (2, 1), "one panel is below the other"
        panel.rename(title)
        panels.lettering.fit(panel)
        drawn = canvas._layer_overlay_to_visual[panel.image][panel.heading]
        ground = drawn.node.transform.translate[1] + drawn.box.center[1] + drawn.box.height / 2
        height = np.ptp(panel.image.extent.world[:, 1]) * viewer.scene.camera.zoom
        assert ground <= (797 / 2 - height) / 2 + AIR * height
    finally:
        appearance.font_size = before


def test_the_picture_is_seen_through_the_ground_of_words_that_lie_over_it(panels: Panels, later: Any) -> None:
    """Three panels have titles of one line, whose ground would hide less than that of two lines in the fourth."""
    overlays = panels.viewer.canvas.overlays
    for key in panels.shown:
        panels.write(key, 2, np.zeros((32, 40), np.float32), "Perturbed\ndisturbed" if key == "perturbed" else "Clean")
    grounds: dict[tuple[int, int], set[bool]] = {}
    for size in ((470, 580), (470, 1160), (470, 580)):  # small panels, wide ones, small ones again
        panels.viewer.canvas.size = size
        later.run()
        words = [*(panel.heading for panel in panels.panels.values()), overlays["text"], overlays["scale_bar"]]
        assert all(one.box for one in words)
        assert all(tuple(one.color) == (1, 1, 1, 1) for one in words), "letters are not seen through"
        assert overlays["scale_bar"].colored, "or napari would not take its colour"
        grounds[size] = {one.box_color is not None and 0.4 < one.box_color[-1] < 0.7 for one in words}
    assert grounds == {(470, 580): {True}, (470, 1160): {False}}
