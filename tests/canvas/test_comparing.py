"""Flicker, wipe and difference, on a ViewerModel."""

import numpy as np
import pytest

from napari_recon_robust.canvas.comparing import Comparing, Picture
from napari_recon_robust.canvas.layers import Panels
from napari_recon_robust.data.orientation import Turn
from napari_recon_robust.workbench.looking import Spot


@pytest.fixture
def comparing(panels: Panels) -> Comparing:
    comparing = Comparing(panels)
    for value, (key, title) in enumerate(
        (("reference", "Reference"), ("clean", "TV · SSIM 0.9"), ("perturbed", "Worst"))
    ):
        comparing.put(key, Picture(2, np.full((32, 40), 1.0 + value, np.float32), title))
    return comparing


def turn(comparing: Comparing, index: int) -> None:
    comparing.panels.navigation.slice = index
    comparing.turned_to()


def seen(comparing: Comparing, key: str) -> np.ndarray:
    return comparing.panels.panels[key].stack[2]


def test_flicker_shows_the_first_in_the_place_of_the_second_and_back(comparing: Comparing) -> None:
    for pair, shown in ((("clean", "perturbed"), 2), (("reference", "perturbed"), 1)):
        comparing.view.pair, comparing.view.flicker = pair, True
        comparing.flip()
        assert (seen(comparing, "perturbed") == shown).all()
        assert comparing.panels.panels["perturbed"].title == f"{comparing.pictures[pair[0]].name} (flicker)"
        comparing.view.flicker = False
        comparing.flip()
        assert (seen(comparing, "perturbed") == 3).all()
    assert (seen(comparing, "clean") == 2).all()


def test_the_wipe_has_the_first_on_its_left_and_its_title_says_so(comparing: Comparing) -> None:
    comparing.view.wipe = 0.5
    comparing.draw()
    assert (seen(comparing, "perturbed")[:, :20] == 2).all()
    assert (seen(comparing, "perturbed")[:, 20:] == 3).all()
    assert comparing.panels.panels["perturbed"].title == "TV | Worst"
    assert (seen(comparing, "clean") == 2).all(), "the other panels show their own"
    comparing.move_wipe(30.2 / 40)
    assert (seen(comparing, "perturbed")[0] == 2).sum() == 30
    comparing.move_wipe(-7)
    assert (seen(comparing, "perturbed") == 3).all()


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_the_first_is_on_the_left_of_the_screen_however_the_picture_is_turned(
    comparing: Comparing, quarters: int, mirrored: bool
) -> None:
    comparing.view.wipe = 0.25
    comparing.draw()
    comparing.panels.lay(Turn(quarters=quarters, mirrored=mirrored))
    geometry = comparing.panels.geometry
    assert geometry is not None
    for share in (0.25, 0.75):
        comparing.move_wipe(share)
        on_screen = geometry.laid.shown(seen(comparing, "perturbed"))
        place = round(share * on_screen.shape[1])
        assert (on_screen[:, :place] == 2).all()
        assert (on_screen[:, place:] == 3).all()
        edge = comparing.edge
        assert edge is not None
        rows, columns = (edge - 0.5).T
        assert [geometry.across(*end) for end in zip(rows, columns, strict=True)] == pytest.approx(
            2 * [place / on_screen.shape[1]]
        )
        world = [geometry.world(*end)[1] for end in zip(rows, columns, strict=True)]
        assert world[0] == pytest.approx(world[1]), "the line is upright"


def test_the_lens_has_the_first_under_the_cursor_and_an_edge(comparing: Comparing) -> None:
    comparing.view.mix("lens")
    comparing.move_lens(Spot(16, 10, 4.0))
    shown = seen(comparing, "perturbed")
    assert shown[16, 13] == 2
    assert shown[16, 15] == 3
    assert comparing.panels.panels["perturbed"].title == "Worst (lens: TV)"
    edge = comparing.edge
    assert edge is not None
    assert np.hypot(*(edge - [16.5, 10.5]).T) == pytest.approx(4.0)
    comparing.move_lens(Spot(-50, -50, 4.0))
    assert (seen(comparing, "perturbed") == 3).all()


def test_the_fade_says_how_much_of_each(comparing: Comparing) -> None:
    comparing.view.mix("fade")
    comparing.draw()
    assert (seen(comparing, "perturbed") == 2.5).all()
    comparing.move_fade(0.2)
    assert seen(comparing, "perturbed") == pytest.approx(2.2)
    assert comparing.panels.panels["perturbed"].title == "TV 80% + Worst 20%"
    assert comparing.edge is None
    comparing.view.flicker = True
    comparing.flip()
    assert (seen(comparing, "perturbed") == 2).all(), "a flicker shows one of them alone"


def test_a_new_image_of_either_is_in_the_wipe_at_once(comparing: Comparing) -> None:
    comparing.view.wipe = 0.5
    comparing.put("clean", Picture(2, np.full((32, 40), 7.0, np.float32), "CG-SENSE"))
    assert (seen(comparing, "perturbed")[:, :20] == 7).all()
    assert comparing.panels.panels["perturbed"].title == "CG-SENSE | Worst"


def test_where_only_the_first_is_shown_they_are_compared_there(comparing: Comparing) -> None:
    comparing.panels.show(["clean"])
    comparing.view.wipe = 0.25
    comparing.draw()
    assert comparing.host == "clean"
    assert (seen(comparing, "clean")[0] == 2).sum() == 10


def test_pictures_of_two_slices_are_not_compared(comparing: Comparing) -> None:
    comparing.view.wipe = 0.5
    comparing.put("perturbed", Picture(3, np.full((32, 40), 9.0, np.float32), "Other"))
    assert comparing.host is None
    assert comparing.panels.panels["perturbed"].title == "Slice 3 · Other · reading slice 2…"
    comparing.write_difference()
    assert not comparing.panels.panels["difference"].filled


def test_one_factor_holds_for_all_differences(comparing: Comparing) -> None:
    comparing.full = 40.0  # 2 is the largest difference of a pair, perturbed and reference
    titles = []
    for pair in (("clean", "perturbed"), ("reference", "perturbed"), ("reference", "clean")):
        comparing.view.pair = pair
        comparing.write_difference()
        titles.append(comparing.panels.panels["difference"].title)
    assert titles == ["Difference ×20", "|Perturbed − reference| ×20", "|Clean − reference| ×20"]
    assert (seen(comparing, "difference") == 20).all()
    comparing.put("clean", Picture(2, np.full((32, 40), 5.0, np.float32), "TV"))
    comparing.view.pair, comparing.view.signed = ("clean", "perturbed"), True
    comparing.write_difference()
    assert (seen(comparing, "difference") == -2 * 10).all(), "4 is the largest now"
    assert comparing.panels.panels["difference"].title == "Difference ×10 · orange +, blue −"


def test_an_amplified_map_is_subtracted_as_it_is(comparing: Comparing) -> None:
    comparing.full = 40.0
    for key, value in (("clean", 0.5), ("perturbed", 1.0)):
        comparing.put(key, Picture(2, np.full((32, 40), 5 * value, np.float32), "Deviation ×5", gain=5))
    comparing.pictures.pop("reference")
    comparing.write_difference()
    assert (seen(comparing, "difference") == 50 * 0.5).all()


def test_the_images_of_the_slice_before_stand_in_for_one_that_is_turned_to(comparing: Comparing) -> None:
    comparing.write_difference()
    shown = comparing.panels.panels
    before = {key: (panel.title, panel.stack[2].copy()) for key, panel in shown.items()}
    assert before["difference"][0].startswith("Difference ×")
    for index in (3, 4):
        turn(comparing, index)
        for key, (title, image) in before.items():
            assert shown[key].title == f"Slice 2 · {title} · reading slice {index}…"
            np.testing.assert_array_equal(shown[key].stack[index], image, "its values are the scan's")
            assert shown[key].image.opacity == 0.5, "but darker, and no more so at each step"
            assert shown[key].regions.opacity == 0, "outlines of another slice would be judged on this one"
            assert not shown[key].stack[:index].any(), "a slice that is saved is not taken for two"
    turn(comparing, 2)
    for key, (title, image) in before.items():
        assert shown[key].title == title
        np.testing.assert_array_equal(shown[key].stack[2], image)
        assert shown[key].image.opacity == shown[key].regions.opacity == 1


def test_a_slice_that_is_played_is_not_compared_with_the_one_that_is_turned_to(comparing: Comparing) -> None:
    comparing.view.pair, comparing.view.wipe = ("reference", "clean"), 0.5
    comparing.draw()
    comparing.write_difference()
    shown, title, difference = comparing.panels.panels, "TV · SSIM 0.9", seen(comparing, "difference").copy()
    assert " | " in shown["clean"].title
    comparing.put("reference", Picture(3, np.full((32, 40), 9.0, np.float32), "Slice 3", of_strip=True))
    comparing.write_difference()
    played, clean = shown["reference"], shown["clean"]
    assert (played.title, played.image.opacity, played.regions.opacity) == ("Slice 3", 1, 0)
    assert (clean.title, clean.image.opacity, clean.regions.opacity) == (title, 1, 1)
    assert comparing.mixed == ()
    assert comparing.edge is None
    np.testing.assert_array_equal(seen(comparing, "difference"), difference)
    lines = [shown[key].heading.lines for key in ("reference", "clean", "difference")]
    assert [one.partition("\n")[0] for one in lines] == [
        "Slice 3",
        f"Slice 2 · {title}",
        f"Slice 2 · {shown['difference'].title}",
    ]
    assert comparing.panels.navigation.refusal == "This is slice 3; draw when slice 2 is seen."
    comparing.put("reference", Picture(2, np.full((32, 40), 9.0, np.float32), "Reference"))
    assert shown["difference"].heading.lines == shown["difference"].title
    assert (clean.title, played.regions.opacity) == ("Reference | TV", 1)


def test_nothing_is_drawn_before_the_first_panel_is_of_the_slice_that_is_turned_to(comparing: Comparing) -> None:
    assert comparing.panels.navigation.refusal == ""
    turn(comparing, 3)
    assert comparing.panels.navigation.refusal == "This is slice 2; draw when slice 3 is seen."
    comparing.put("reference", Picture(3, np.full((32, 40), 9.0, np.float32), "Reference · RSS"))
    assert comparing.panels.navigation.refusal == ""
    assert comparing.panels.panels["clean"].former == 2, "a first look is enough"


def test_what_is_drawn_while_another_slice_is_turned_to_says_whose_it_is(comparing: Comparing) -> None:
    comparing.write_difference()
    turn(comparing, 3)
    comparing.view.wipe = 0.5
    comparing.draw()  # as by a click on another layout
    comparing.write_difference()
    assert all(panel.title.startswith("Slice 2 · ") for panel in comparing.panels.panels.values())
    comparing.put("perturbed", Picture(3, np.full((32, 40), 9.0, np.float32), "Zero-filled"))
    assert comparing.panels.panels["perturbed"].title == "Zero-filled"
    assert (comparing.panels.panels["perturbed"].stack[3] == 9).all()
    turn(comparing, 2)
    assert comparing.panels.panels["clean"].title == "TV · SSIM 0.9"


def test_a_difference_of_images_of_two_slices_is_not_kept(comparing: Comparing) -> None:
    comparing.write_difference()
    comparing.put("perturbed", Picture(3, np.full((32, 40), 9.0, np.float32), "Other"))
    turn(comparing, 4)
    difference = comparing.panels.panels["difference"]
    assert difference.title == "Difference · computing…"
    assert not difference.stack.any()
