"""How an image is turned on the screen."""

import itertools

import numpy as np
import pytest

from napari_recon_robust.data.orientation import Directions, Turn

ALL = [Turn(quarters=quarters, mirrored=mirrored) for quarters in range(4) for mirrored in (False, True)]
IMAGE = np.arange(6).reshape(2, 3)
# An axial slice as a radiologist sees it: the front at the top, the patient's right on the left.
AXIAL = Directions(row=(0, 1, 0), column=(1, 0, 0))


@pytest.mark.parametrize("turn", ALL, ids=lambda turn: turn.words or "as stored")
def test_the_steps_are_seen_as_numpy_does_them(turn: Turn) -> None:
    now = turn.shown(IMAGE)
    np.testing.assert_array_equal(turn.turned.shown(IMAGE), np.rot90(now, -1))
    np.testing.assert_array_equal(turn.mirror.shown(IMAGE), now[:, ::-1])
    np.testing.assert_array_equal(turn.flip.shown(IMAGE), now[::-1])


@pytest.mark.parametrize("turn", ALL, ids=lambda turn: turn.words or "as stored")
def test_the_affine_takes_each_pixel_to_where_it_is_seen(turn: Turn) -> None:
    affine, seen = turn.affine(*IMAGE.shape, pixel=(2.0, 0.5)), turn.shown(IMAGE)
    spacing = (2.0, 0.5) if turn.quarters % 2 == 0 else (0.5, 2.0)
    for row, column in np.ndindex(IMAGE.shape):
        _, down, right, _ = affine @ [0, 2.0 * row, 0.5 * column, 1]
        assert seen[round(down / spacing[0]), round(right / spacing[1])] == IMAGE[row, column]


def test_one_after_the_other() -> None:
    for first, second in itertools.product(ALL, ALL):
        np.testing.assert_array_equal(second.after(first).shown(IMAGE), second.shown(first.shown(IMAGE)))


def test_eight_different_marks() -> None:
    assert len({turn.words for turn in ALL}) == 8
    assert (Turn().words, Turn().flip.words, Turn().turned.mirror.words) == ("", "flipped", "mirrored, turned 270°")


def test_letters_follow_what_is_seen() -> None:
    assert Turn().letters(AXIAL) == {"top": "A", "bottom": "P", "left": "R", "right": "L"}
    assert Turn().turned.letters(AXIAL) == {"top": "R", "bottom": "L", "left": "P", "right": "A"}
    assert Turn().mirror.letters(AXIAL) == {"top": "A", "bottom": "P", "left": "L", "right": "R"}
    assert Turn().flip.letters(AXIAL) == {"top": "P", "bottom": "A", "left": "R", "right": "L"}
    assert Turn().letters(None) == {}


@pytest.mark.parametrize(("degrees", "bottom"), [(0, "P"), (10, "P"), (30, "PI"), (60, "IP"), (80, "I")])
def test_oblique_slices_have_two_letters(degrees: float, bottom: str) -> None:
    angle = np.radians(degrees)
    directions = Directions(row=(0.0, np.cos(angle), -np.sin(angle)), column=(1, 0, 0))
    assert Turn().letters(directions)["bottom"] == bottom


def test_directions_that_are_none() -> None:
    assert Directions.of([0, 0, 0], [0, 0, 0]) is None
    assert Directions.of([1, 0, 0], [0.7, 0.7, 0]) is None
    assert Directions.of([np.nan, 0, 0], [0, 1, 0]) is None
    assert Directions.of([0, 1, 0], [1, 0, 0]) == AXIAL
