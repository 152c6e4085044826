import numpy as np
import pytest

from napari_recon_robust.workbench.looking import PAIRS, PRESETS, pair_of, panels_of, wiped

ALL = ("reference", "clean", "perturbed", "difference")


def test_a_pair_without_images_gives_way_to_one_that_has_them() -> None:
    assert pair_of(("clean", "perturbed"), ALL) == ("clean", "perturbed")
    assert pair_of(("clean", "perturbed"), ALL[:2]) == ("reference", "clean")
    assert pair_of(("clean", "perturbed"), ("clean",)) is None


@pytest.mark.parametrize(
    ("preset", "with_result", "before"),
    [
        ("1", ["perturbed"], ["clean"]),
        ("2", ["clean", "perturbed"], ["reference", "clean"]),
        ("3", ["reference", "clean", "perturbed"], ["reference", "clean"]),
        ("4", [*ALL], ["reference", "clean"]),
        ("5", ["reference"], ["reference"]),
    ],
)
def test_presets_show_as_many_panels_as_they_say(preset: str, with_result: list[str], before: list[str]) -> None:
    for available, expected in ((ALL, with_result), (ALL[:2], before)):
        assert panels_of(PRESETS[preset], available, pair_of(PAIRS[0], available)) == expected


def test_a_stored_preset_without_its_image_shows_another_one() -> None:
    assert panels_of(("difference",), ALL[:2], ("reference", "clean")) == ["clean"]
    assert panels_of(("reference",), ("clean",), None) == ["clean"]


@pytest.mark.parametrize(("fraction", "left"), [(0.0, 0), (0.5, 3), (0.67, 4), (1.0, 6)])
def test_the_left_image_reaches_up_to_the_wipe(fraction: float, left: int) -> None:
    image = wiped(np.ones((2, 6)), np.zeros((2, 6)), fraction)
    assert image.tolist() == 2 * [left * [1.0] + (6 - left) * [0.0]]
