"""How an image is turned on the screen."""

import itertools

import nibabel
import numpy as np
import pytest

from napari_recon_robust.data.orientation import (
    AS_STORED,
    FIRST_ROW_BELOW,
    Directions,
    Plane,
    Turn,
    turn_of,
    upright,
)

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
    assert (Turn().words, Turn().flip.words, Turn().turned.mirror.words) == ("", "flipped", "turned 90°, mirrored")


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


SAGITTAL = Directions(row=(0, 0, -1), column=(0, 1, 0))  # the head at the top, the front on the left
CORONAL = Directions(row=(0, 0, -1), column=(1, 0, 0))
OBLIQUE = Directions(row=(0, np.cos(0.4), -np.sin(0.4)), column=(1, 0, 0))


@pytest.mark.parametrize(
    ("directions", "codes"), [(AXIAL, "LPS"), (SAGITTAL, "PIL"), (CORONAL, "LIP"), (OBLIQUE, "LPS")]
)
def test_nibabel_reads_the_directions_that_the_letters_say(directions: Directions, codes: str) -> None:
    affine = Plane(directions=directions).affine((30, 40), (1.0, 2.0, 5.0))
    assert "".join(nibabel.aff2axcodes(affine))[:2] == codes[:2]
    letters = Turn().letters(directions)
    assert (letters["right"][0], letters["bottom"][0]) == (codes[0], codes[1])
    assert np.linalg.det(affine) > 0, "DICOM's normal is the cross product of what leads along a row and along a column"
    np.testing.assert_allclose(nibabel.affines.voxel_sizes(affine), (2.0, 1.0, 5.0))


def test_a_pixel_is_where_its_rows_and_columns_lead() -> None:
    first = np.array([-12.0, 7.0, 31.0])
    plane, voxel = Plane(directions=OBLIQUE, first=tuple(first)), (0.5, 2.0, 4.0)
    place = first + 6 * 0.5 * np.array(OBLIQUE.row) + 9 * 2.0 * np.array(OBLIQUE.column)
    found = nibabel.affines.apply_affine(plane.affine((20, 24), voxel), [9, 6, 0])
    np.testing.assert_allclose(found, place * [-1, -1, 1])


@pytest.mark.parametrize("turn", ALL, ids=lambda turn: turn.words or "as stored")
def test_a_pixel_stays_at_its_place_in_the_patient_when_the_image_is_turned(turn: Turn) -> None:
    plane, shape, voxel = Plane(directions=OBLIQUE, first=(-12.0, 7.0, 31.0)), (20, 24), (0.5, 2.0, 4.0)
    mark = np.zeros(shape, int)
    mark[6, 9] = 1
    ((row, column),) = np.argwhere(turn.shown(mark))
    assert turn.size(shape) == turn.shown(mark).shape
    affine = plane.turned(turn, shape, voxel).affine(turn.size(shape), turn.voxel(voxel))
    stored = nibabel.affines.apply_affine(plane.affine(shape, voxel), [9, 6, 0])
    np.testing.assert_allclose(nibabel.affines.apply_affine(affine, [column, row, 0]), stored)
    np.testing.assert_array_equal(turn.inverse.shown(turn.shown(mark)), mark)
    assert Plane(directions=OBLIQUE).turned(turn, shape, voxel).first is None


def test_pictures_are_laid_as_radiologists_look_at_them() -> None:
    """Whichever way rows and columns lead: axial from the feet, coronal from the front, sagittal from the left."""
    axes = np.eye(3)
    for first, second in itertools.permutations(range(3), 2):
        for signs in itertools.product((-1, 1), repeat=2):
            directions = Directions(row=tuple(signs[0] * axes[first]), column=tuple(signs[1] * axes[second]))
            letters = upright(directions).letters(directions)
            across = ({0, 1, 2} - {first, second}).pop()
            wanted = {0: ("I", "P"), 1: ("I", "L"), 2: ("P", "L")}[across]
            assert (letters["bottom"], letters["right"]) == wanted
    assert upright(OBLIQUE) == upright(AXIAL) == upright(SAGITTAL) == upright(None) == AS_STORED


def test_an_image_of_unknown_place_has_its_middle_at_zero() -> None:
    affine = Plane(directions=OBLIQUE).affine((21, 31), (0.5, 2.0, 4.0))
    np.testing.assert_allclose(nibabel.affines.apply_affine(affine, [15, 10, 0]), 0, atol=1e-12)


def test_facts_of_earlier_versions_are_understood() -> None:
    assert turn_of({"upside_down": True}) == FIRST_ROW_BELOW
    assert turn_of({"upside_down": False}) == turn_of({}) == AS_STORED
    turn = Turn(quarters=1)
    assert turn_of({"upright": turn.model_dump()}) == turn
