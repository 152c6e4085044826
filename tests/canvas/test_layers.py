"""The panels on a ViewerModel."""

import gc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.settings import get_settings

from napari_recon_robust.canvas.geometry import Geometry
from napari_recon_robust.canvas.layers import Panels
from napari_recon_robust.canvas.letter_sizes import SMALL, points
from napari_recon_robust.canvas.panel import ORDER
from napari_recon_robust.canvas.surface import NOTICE
from napari_recon_robust.data.orientation import AS_STORED
from napari_recon_robust.data.window import Window

SHAPE = (5, 32, 40)


def names(panels: Panels) -> list[str]:
    return [layer.name.split(" [")[0] for layer in panels.viewer.layers]


def test_the_viewer_is_as_it_was_after_closing(later: Any) -> None:
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


@pytest.mark.parametrize("leave", [Panels.close, Panels.let_go, lambda panels: panels.open(Geometry(SHAPE))])
def test_the_images_of_a_scan_that_was_left_are_given_free(leave: Callable[[Panels], None], later: Any) -> None:
    panels = Panels(ViewerModel(), later)
    panels.open(Geometry(SHAPE))
    panels.show(ORDER)
    later.run()
    images = [weakref.ref(panel.image) for panel in panels.panels.values()]
    leave(panels)
    later.run()
    del panels
    gc.collect()
    assert [image() for image in images] == [None] * len(images)


def test_images_are_written_in_place_one_slice_at_a_time(panels: Panels) -> None:
    data = panels.panels["clean"].image.data
    panels.write("clean", 2, np.ones((32, 40)), "TV")
    panels.navigation.go_to(4)
    panels.write("clean", 4, np.full((32, 40), 2.0), "TV")
    assert panels.panels["clean"].image.data is data
    assert data[4].min() == 2
    assert not data[2].any(), "a slice that was left shows what is no longer true of it"


def test_one_window_for_all(panels: Panels) -> None:
    panels.shared_window.start(0.0, 3e-4)
    assert panels.shared_window.limits == (0.0, 3e-4)
    panels.panels["reference"].image.contrast_limits = (1e-4, 2e-4)
    images = {key: tuple(panel.image.contrast_limits) for key, panel in panels.panels.items()}
    assert images.pop("difference") == (0.0, 1.0), "its scale is its own"
    assert {*images.values()} == {(1e-4, 2e-4)}


def test_the_colours_that_the_user_chooses_are_those_of_all_images_and_come_back_after_the_phase(
    panels: Panels, later: Any
) -> None:
    def colours() -> dict[str, str]:
        return {key: panel.image.colormap.name for key, panel in panels.panels.items()}

    panels.panels["clean"].image.colormap = "magma"
    chosen = {**dict.fromkeys(ORDER[:3], "magma"), "difference": "gray"}
    assert colours() == chosen
    panels.shared_window.show("phase")
    assert colours() == {**dict.fromkeys(ORDER[:3], "phase"), "difference": "gray"}
    panels.shared_window.show("real")
    panels.shared_window.turn(0.0, 2.0)
    assert colours() == chosen
    panels.show((*ORDER, "clean 1"))
    later.run()
    panels.shared_window.show("magnitude")
    assert colours() == {**chosen, "clean 1": "magma"}
    panels.open(Geometry((5, 32, 40)))
    panels.show(ORDER)
    later.run()
    assert {*colours().values()} == {"gray"}


def test_all_images_are_smooth_or_none_and_so_are_new_ones(panels: Panels, later: Any) -> None:
    def ways() -> set[str]:
        return {str(panel.image.interpolation2d) for panel in panels.panels.values()}

    assert not panels.shared_window.smooth
    panels.shared_window.toggle_smooth()
    panels.show((*ORDER, "clean 1"))
    later.run()
    assert "clean 1" in panels.panels
    assert ways() == {"linear"}
    panels.shared_window.toggle_smooth()
    assert ways() == {"nearest"}
    panels.panels["clean"].image.interpolation2d = "linear"
    assert panels.panels["reference"].image.interpolation2d == "linear", "by napari's own control, too"


def test_a_window_beyond_the_range_widens_the_range_of_all(panels: Panels) -> None:
    panels.shared_window.start(0.0, 1.0)
    panels.shared_window.turn(0.5, 5.0)
    assert panels.shared_window.limits == (0.5, 5.0)
    ranges = {tuple(panels.panels[key].image.contrast_limits_range) for key in ("reference", "clean", "perturbed")}
    assert ranges == {(0.0, 5.0)}


def test_a_name_that_the_user_gave_is_kept(panels: Panels) -> None:
    panels.write("clean", 2, np.ones((32, 40)), "TV")
    panels.panels["clean"].image.name = "my favourite"
    panels.write("clean", 2, np.ones((32, 40)), "TV again")
    assert panels.panels["clean"].image.name == "my favourite"


def test_a_panel_that_was_deleted_comes_back_with_the_name_that_the_user_gave(panels: Panels, later: Any) -> None:
    panels.panels["clean"].image.name = "my favourite"
    for _ in range(2):
        panels.viewer.layers.remove(panels.panels["clean"].image)
        later.run()
        panels.show(ORDER)
        panels.write("clean", 2, np.ones((32, 40)), "TV")
        later.run()
        panels.write("clean", 2, np.ones((32, 40)), "TV again")
        assert panels.panels["clean"].image.name == "my favourite"


def test_layers_that_are_moved_come_back_or_an_image_would_stand_under_the_title_of_another(
    panels: Panels, later: Any
) -> None:
    layers = panels.viewer.layers
    order = list(layers)
    places = [layers.index(panel.image) // panels.viewer.canvas.grid.stride for panel in panels.panels.values()]
    assert sorted(places) == list(range(len(ORDER)))  # each in a cell of its own
    mine = panels.viewer.add_image(np.zeros(SHAPE), name="mine")
    layers.move(layers.index(panels.panels["reference"].image), len(layers))
    assert list(layers) != [*order, mine]
    later.run()
    assert list(layers) == [*order, mine]
    layers.reverse()
    later.run()
    assert list(layers) == [*order, mine]


def test_an_image_that_the_user_hides_stays_hidden_until_another_layout(panels: Panels, later: Any) -> None:
    clean, other = panels.panels["clean"], panels.panels["reference"]
    panels.show(ORDER[:3])
    later.run()
    clean.image.visible = False
    later.run()
    assert not clean.regions.visible, "nor is anything of it seen where it was"
    assert panels.viewer.canvas.grid.shape == (1, 2), "the other image takes its room"
    panels.write("clean", 2, np.ones((32, 40)), "TV")
    panels.show(ORDER[:3])
    later.run()
    assert [clean.image.visible, other.image.visible, other.regions.visible] == [False, True, True]
    clean.image.visible = True
    later.run()
    assert clean.regions.visible
    clean.image.visible = False
    panels.show(["clean"])
    later.run()
    assert clean.image.visible
    assert clean.regions.visible


def test_a_tool_draws_on_an_image_that_is_seen(panels: Panels, later: Any) -> None:
    front = panels.panels["reference"]
    front.image.visible = False
    later.run()
    panels.drawing.begin("rectangle")
    later.run()
    assert front.image.visible
    assert front.regions.visible


def test_the_list_of_layers_shows_the_image_that_was_written_last(panels: Panels, later: Any) -> None:
    image = np.linspace(0.5, 1.0, SHAPE[1] * SHAPE[2], dtype=np.float32).reshape(SHAPE[1:])
    panels.navigation.go_to(2)
    later.run()
    layer = panels.panels["clean"].image
    assert layer.thumbnail[..., :3].max() == 0
    panels.write("clean", 2, image, "TV")
    assert layer.thumbnail[..., :3].max() > 0


def test_deleting_a_panel_takes_its_regions_along_and_nothing_else(panels: Panels, later: Any) -> None:
    panels.write("clean", 2, np.ones((32, 40)), "TV")
    panels.viewer.layers.remove(panels.panels["clean"].image)
    later.run()
    assert names(panels) == [name for key in ("Reference", "Perturbed", "Difference") for name in (key, "ROI", "Marks")]
    panels.write("clean", 2, np.full((32, 40), 2.0), "TV")
    panels.show(ORDER)
    later.run()
    assert names(panels)[3] == "TV"
    assert panels.panels["clean"].image.data[2].min() == 2


def test_deleting_all_panels_is_told_once(panels: Panels, later: Any) -> None:
    told = list[tuple[str, ...]]()
    panels.deleted.connect(lambda: told.append(panels.shown))
    panels.viewer.layers.clear()
    later.run()
    assert told == [()]


def test_turning_the_picture_leaves_the_arrays(panels: Panels) -> None:
    image = panels.panels["clean"].image
    upside_down = image.data_to_world((0, 0, 0))
    panels.lay(upright=AS_STORED)
    upright = image.data_to_world((0, 0, 0))
    assert upside_down[1] == pytest.approx((SHAPE[1] - 1) * 0.5)
    assert upright[1] == 0
    assert image.data.shape == SHAPE


def test_napari_draws_the_grey_values_of_the_window(make_napari_viewer_proxy: Any, qapp: Any) -> None:
    """The arithmetic that reports and exports share (`data.window`), within one grey level on the screen."""
    viewer = make_napari_viewer_proxy(show=True).__wrapped__
    image = 3e-4 * np.random.default_rng(0).uniform(0, 1, (24, 32)).astype(np.float32)
    window = Window.of(image)
    viewer.add_image(image, contrast_limits=(window.low, window.high), interpolation2d="nearest")
    qapp.processEvents()
    viewer.scene.camera.zoom, viewer.scene.camera.center = 8, (0.0, 11.5, 15.5)
    qapp.processEvents()
    screen = viewer.screenshot(canvas_only=True, flash=False)[..., 0].astype(int)
    middles = [side / 2 + 8 * (np.arange(n) - (n - 1) / 2) for side, n in zip(screen.shape, image.shape, strict=True)]
    rows, columns = (np.rint(middle).astype(int) for middle in middles)
    assert np.abs(screen[rows][:, columns] - window.grey(image)).max() <= 1


def test_the_notice_stands_above_the_scale_bar_where_there_is_no_room_beside_it(panels: Panels, later: Any) -> None:
    places = []
    for width in (900, 280, 900):
        panels.viewer.canvas.size = (600, width)
        later.run()
        places.append(panels.viewer.canvas.overlays["text"].position)
    assert places == ["bottom_left", "bottom_right", "bottom_left"]


def test_a_large_notice_shrinks_before_it_stands_above_the_scale_bar(
    panels: Panels, later: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    appearance, notice = get_settings().appearance, panels.viewer.canvas.overlays["text"]
    found = {}
    for share in (1, 1.5):
        monkeypatch.setattr(appearance, "font_size", round(share * type(appearance)().font_size))
        for width in (367, 900):
            panels.viewer.canvas.size = (797, width)
            later.run()
            panels.lettering.follow()
            found[share, width] = notice.position, notice.font_size
    assert {position for position, _ in found.values()} == {"bottom_left"}, "where it covers no head"
    sizes = {case: size for case, (_, size) in found.items()}
    assert sizes[1, 367] == sizes[1, 900] == SMALL < sizes[1.5, 367] < sizes[1.5, 900] == points(SMALL)


def test_what_holds_for_all_images_is_said_once(later: Any) -> None:
    panels = Panels(ViewerModel(), later)
    panels.open(Geometry(SHAPE))
    panels.say("Simulated scan", "No fully sampled truth")
    panels.show(ORDER)
    later.run()
    words = panels.viewer.canvas.overlays["text"]
    assert words.text.replace(" · ", "\n") == f"Simulated scan\nNo fully sampled truth\n{NOTICE}", "not ours before"
    panels.say("Simulated scan")
    for width, between in ((600, " · "), (200, "\n"), (600, " · ")):
        panels.viewer.canvas.size = (400, width)
        later.run()
        assert words.text == f"Simulated scan{between}{NOTICE}", "in one line where it has room"
    panels.say()
    assert words.text == NOTICE


def test_what_is_given_up_after_the_viewer_was_closed_touches_no_panel(panels: Panels) -> None:
    panels.write("clean", 2, np.full((32, 40), 2.0), "TV")
    panels.let_go()
    panels.empty("clean", "Clean · no image of slice 2")
    assert panels.panels["clean"].title == "TV"


def test_an_image_that_is_forgotten_is_seen_until_its_panel_is_hidden(panels: Panels, later: Any) -> None:
    worst = panels.panels["perturbed"]
    panels.show(["perturbed"])
    later.run()
    panels.navigation.slice = 3
    panels.write("perturbed", 2, np.full((32, 40), 2.0), "Worst")  # of the slice before
    worst.forget("Perturbed")
    panels.show(["clean"])
    assert worst.image.visible
    assert (worst.stack[3] == 2).all(), "or all would be black until the layout is another"
    assert worst.title == "Slice 2 · Worst · reading slice 3…"
    later.run()
    assert not worst.image.visible
    assert not worst.stack.any()
    assert worst.title == "Perturbed"


def test_an_image_that_is_forgotten_is_gone_when_its_panel_is_wanted_again(panels: Panels) -> None:
    worst = panels.panels["perturbed"]
    panels.navigation.slice = 3
    panels.write("perturbed", 2, np.full((32, 40), 2.0), "Worst")
    worst.forget("Perturbed")
    panels.show(["clean"])
    panels.show(["perturbed"])  # before the layout was another
    assert not worst.stack.any()
    assert worst.title == "Perturbed"
