from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from napari_recon_robust.workbench.looking import PAIRS, PRESETS, Spot, View, faded, lensed, pair_of, panels_of, wiped

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


def test_two_images_are_mixed_in_one_way_at_a_time() -> None:
    view = View()
    assert view.way is None
    for way in ("wipe", "lens", "fade", None):
        view.mix(way)  # type: ignore[arg-type]
        assert view.way == way
        assert sum(one is not None for one in (view.wipe, view.lens, view.fade)) == (way is not None)


def test_figures_name_their_budget_where_the_image_of_a_smaller_one_is_shown() -> None:
    budget = SimpleNamespace(nominal=0.01)
    outcome = SimpleNamespace(perturbed=SimpleNamespace(budget=budget))
    result: Any = SimpleNamespace(outcome=outcome, at=lambda factor: (None, factor == 0.5))
    assert View().apart(result) == ""
    assert View(factor=0.5, lineup=True).apart(result) == "", "several methods are shown at the whole budget"
    assert View(factor=0.5).apart(result) == "These figures are of 1%; shown is 0.5%."
    assert View(factor=0.395).apart(result) == "These figures are of 1%; shown is 0.395%, interpolated."
    assert View(factor=0.5, random=True).apart(result) == "", "the random control is of the whole budget"
    budget.nominal = None
    assert View(factor=0.5).apart(result) == "", "there is nothing to scale"


def test_the_lens_shows_one_image_within_a_circle_of_the_other() -> None:
    image = lensed(np.ones((9, 12)), np.zeros((9, 12)), Spot(4, 5, 2.0))
    assert image.sum() == 13
    assert image[2, 5] == image[4, 7] == 1
    assert image[2, 4] == 0
    assert lensed(np.ones((9, 12)), np.zeros((9, 12)), Spot(-20, 5, 2.0)).sum() == 0


def test_a_fade_is_a_mixture_and_phases_go_the_shorter_way() -> None:
    first, second = np.array([[1.0, 2.0]]), np.array([[3.0, 2.0]])
    assert faded(first, second, 0.0).tolist() == [[1, 2]]
    assert faded(first, second, 0.25).tolist() == [[1.5, 2]]
    turn = 2 * np.pi
    phases = faded(np.array([[0.1, 1.0, 0.0]]), np.array([[turn - 0.3, 3.0, 1.0]]), 0.5, turn)
    np.testing.assert_allclose(phases, [[turn - 0.1, 2.0, 0.0]])
