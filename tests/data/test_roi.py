"""Regions of interest: rasterisation against independent formulas, JSON, and what does not fit."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from skimage.measure import grid_points_in_poly

from napari_recon_robust.data.roi import ROI, Box, Ellipse, bounds, which
from napari_recon_robust.ground.errors import InputError

SHAPE = (40, 50)
RHOMBUS = [(5.2, 20.1), (19.7, 35.3), (33.4, 21.2), (18.6, 8.9)]


def test_box_is_half_open():
    mask = ROI.box(3, 5, 2, 4).mask(SHAPE)
    assert mask.sum() == 8
    assert mask[3:5, 5:9].all()


def test_one_pixel():
    assert ROI.box(39, 49, 1, 1).mask(SHAPE).nonzero().tolist() == [[39, 49]]
    assert ROI.ellipse(7, 9, 0.5, 0.5).mask(SHAPE).nonzero().tolist() == [[7, 9]]
    assert ROI.polygon([(6.6, 8.6), (6.6, 9.4), (7.4, 9.4), (7.4, 8.6)]).mask(SHAPE).nonzero().tolist() == [[7, 9]]


def test_polygon_holds_the_pixel_centres_inside():
    mask = ROI.polygon(RHOMBUS).mask(SHAPE).numpy()
    np.testing.assert_array_equal(mask, grid_points_in_poly(SHAPE, RHOMBUS).astype(bool))


def test_ellipse_is_its_inequality():
    row, column = np.indices(SHAPE)
    angle = 0.4
    mask = ROI.ellipse(20, 25, 6, 11, rotation=angle).mask(SHAPE).numpy()
    down, across = row - 20, column - 25
    along = (across * np.cos(angle) - down * np.sin(angle)) / 11
    beside = (across * np.sin(angle) + down * np.cos(angle)) / 6
    np.testing.assert_array_equal(mask, along**2 + beside**2 < 1)


@pytest.mark.slow
@given(arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=12)).filter(np.any))
def test_brush_keeps_every_pixel(painted):
    roi = ROI.brush(painted)
    np.testing.assert_array_equal(roi.mask(painted.shape).numpy(), painted)
    assert ROI.model_validate(json.loads(roi.model_dump_json())) == roi


def test_several_shapes_are_a_union():
    box, ellipse = ROI.box(0, 0, 10, 10), ROI.ellipse(10, 10, 4, 6)
    both = ROI(shapes=(*box.shapes, *ellipse.shapes), label="two")
    assert (both.mask(SHAPE) == box.mask(SHAPE) | ellipse.mask(SHAPE)).all()


@pytest.mark.parametrize(
    "roi",
    [
        ROI.box(1, 2, 3, 4, label="lesion"),
        ROI.polygon(np.array(RHOMBUS)),
        ROI.ellipse(20, 25, 6, 11, rotation=0.4),
        ROI(shapes=(Box(row=0, column=0, height=1, width=1), Ellipse(row=5, column=5, row_radius=2, column_radius=2))),
    ],
)
def test_survives_json(roi):
    again = ROI.model_validate(json.loads(json.dumps(roi.model_dump(mode="json"))))
    assert again == roi
    assert (again.mask(SHAPE) == roi.mask(SHAPE)).all()


@given(st.integers(0, 30), st.integers(0, 30), st.integers(1, 9), st.integers(1, 9))
def test_parse_reads_what_the_command_line_gives(row, column, height, width):
    assert ROI.parse(f"{row}, {column},{height},{width}") == ROI.box(row, column, height, width)


@pytest.mark.parametrize("text", ["", "1,2,3", "1,2,3,4,5", "a,b,c,d", "1.5,2,3,4"])
def test_parse_says_what_it_expects(text):
    with pytest.raises(InputError, match="ROW,COLUMN,HEIGHT,WIDTH"):
        ROI.parse(text)


@pytest.mark.parametrize("roi", [ROI.box(39, 0, 2, 1), ROI.box(0, -1, 1, 1), ROI.box(100, 100, 5, 5)])
def test_box_outside_the_image(roi):
    with pytest.raises(InputError, match="reaches outside the image of 40×50 pixels"):
        roi.mask(SHAPE)


@pytest.mark.parametrize(
    "roi",
    [
        ROI.ellipse(100, 100, 5, 5),
        ROI.polygon([(60, 60), (60, 70), (70, 70)]),
        ROI.polygon([(1.2, 1.2), (1.2, 1.4), (1.4, 1.3)]),
        ROI.brush(np.zeros(SHAPE)),
    ],
)
def test_no_pixel_in_the_image(roi):
    with pytest.raises(InputError, match="has no pixel inside"):
        roi.mask(SHAPE)


def test_drawn_shapes_are_cut_at_the_edge():
    assert ROI.ellipse(0, 0, 3, 3).mask(SHAPE)[0, 0]
    assert ROI.polygon([(-5, -5), (-5, 3), (3, 3), (3, -5)]).mask(SHAPE)[:3, :3].all()


def test_brush_of_another_image():
    with pytest.raises(InputError, match="painted on 40×50 pixels"):
        ROI.brush(np.ones(SHAPE)).mask((41, 50))


@pytest.mark.parametrize("size", [(0, 4), (4, 0), (-1, 4)])
def test_empty_box(size):
    with pytest.raises(InputError, match="greater than 0"):
        ROI.box(1, 1, *size)


def test_no_shape_at_all():
    with pytest.raises(InputError, match="shapes"):
        ROI(shapes=())


def test_two_vertices_are_no_polygon():
    with pytest.raises(InputError, match="vertices"):
        ROI.polygon([(0, 0), (1, 1)])


@pytest.mark.parametrize(
    "vertices",
    [None, 3, "abc", [1, 2, 3], [[1, 2, 3]] * 3, [[1, None]] * 3, [[1, float("nan")]] * 3, [[10**400, 1]] * 3],
)
def test_vertices_that_are_none(vertices: object) -> None:
    with pytest.raises(InputError):
        ROI.polygon(vertices)


@pytest.mark.parametrize("mask", [[[1], [1, 2]], np.ones(3), "x"])
def test_a_brush_that_is_none(mask: object) -> None:
    with pytest.raises(InputError, match="the painted ROI"):
        ROI.brush(mask)


def test_bounds_and_words_tell_which_region_is_meant():
    mask = ROI.ellipse(20, 25, 3.5, 6.5).mask(SHAPE).numpy()
    found = bounds(mask)
    assert found == (17, 19, 7, 13)
    assert which(4, found.size, "lesion") == "slice 4 · 7×13 · lesion"
    assert which(None, "", "lesion") == "lesion"
    assert bounds(np.zeros(SHAPE, bool)) is None
    assert ROI.box(3, 5, 2, 4).size == "2×4"
    assert ROI.polygon(RHOMBUS).size == ""


@pytest.mark.parametrize("shape", [5, None, (5,), np.zeros((4, 4))])
def test_an_image_in_place_of_its_shape_is_told(shape):
    with pytest.raises(InputError, match=r"the image's shape is .*; give \(rows, columns\), such as image\.shape\."):
        ROI.box(0, 0, 2, 2).mask(shape)
