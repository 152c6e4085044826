import numpy as np
import pytest
import torch

from napari_recon_robust.data.points import extent, measured_points, whole_lines, without_gaps
from napari_recon_robust.physics.sampling import Sampling


def shutter(rows: int, columns: int) -> torch.Tensor:
    """The points that an elliptical shutter leaves of two phase encodings."""
    row, column = torch.arange(rows) - rows // 2, torch.arange(columns) - columns // 2
    return (row / (rows // 2)).square()[:, None] + (column / (columns // 2)).square() <= 1


def test_the_corners_about_an_undersampled_ellipse_are_no_gaps():
    """None of the points of a scan with a shutter lies there; without one some do."""
    inside = shutter(64, 48)
    kept = torch.rand(64, 48, generator=torch.Generator().manual_seed(0)) < 0.25
    kept[28:36, 20:28] = True
    possible = extent(kept & inside)
    assert not possible[0, 0]
    assert int((possible ^ inside).sum()) < 0.05 * int(inside.sum())
    assert bool(extent(kept).all())
    every = (torch.arange(48) % 2 == 0) & inside
    assert torch.equal(extent(every), inside)
    assert torch.equal(whole_lines(every), every.any(0, keepdim=True))
    assert bool(extent(kept[:12, :12] & shutter(12, 12)).all())  # so few points may all miss the corners


@pytest.mark.parametrize(("side", "kept"), [(64, 0.1), (24, 0.3)])
def test_corners_that_random_points_miss_are_gaps(side, kept):
    """The denser middle of a variable density makes no shutter."""
    generator = torch.Generator().manual_seed(1)
    distance = shutter_distance(side)
    for _ in range(20):
        points = torch.rand(side, side, generator=generator) < kept * (1.6 - distance).clamp_min(0.2)
        assert bool(extent(points).all())


def shutter_distance(side: int) -> torch.Tensor:
    steps = (torch.arange(side) - side // 2) / (side // 2)
    return (steps.square()[:, None] + steps.square()).sqrt()


@pytest.mark.parametrize(("lines", "expected"), [((0, 13), True), ((12, 24), True), ((0, 12), False), ((3, 3), False)])
def test_lines_without_the_centre_are_not_all_of_a_scan(lines, expected):
    points = torch.zeros(1, 24, dtype=torch.bool)
    points[:, slice(*lines)] = True
    assert without_gaps(points) is expected


def test_gaps_are_told_as_by_looking_for_one_run_in_each_row_and_column():
    generator = np.random.default_rng(0)
    told = []
    for _ in range(300):
        points = generator.random((3, 5)) < 0.85
        runs = ["".join("x" if point else " " for point in line).split() for line in (*points, *points.T)]
        told.append(without_gaps(torch.from_numpy(points)))
        assert told[-1] == (points[1, 2] and max(map(len, runs)) == 1)
    assert 10 < sum(told) < 290


def test_measured_points_are_those_of_any_coil():
    kspace = np.zeros((2, 3, 4))
    kspace[0, :, 1] = kspace[1, :, 2] = 1
    np.testing.assert_array_equal(measured_points(kspace), [[False, True, True, False]])
    kspace[1, 0, 3] = 1
    assert measured_points(kspace).shape == (3, 4)


def test_a_few_zeros_that_were_measured_do_not_take_lines_apart():
    kspace = np.random.default_rng(0).normal(size=(1, 64, 64))
    kspace[..., 1::4] = 0
    lines = measured_points(kspace)
    kspace[0, 5:7, [0, 8, 40]] = 0
    np.testing.assert_array_equal(measured_points(kspace), lines)
    kspace[0, :2] = 0  # a readout that begins late
    assert measured_points(kspace).shape == (64, 64)
    assert measured_points(np.zeros((1, 64, 64))).shape == (1, 64)


def rounded(shape, level):
    """Noise of so many steps in each part, as far out in k-space, rounded to whole steps."""
    noise = np.random.default_rng(0).normal(scale=level, size=(2, *shape))
    return np.round(noise[0]) + 1j * np.round(noise[1])


@pytest.mark.parametrize(("coils", "level"), [(1, 1.0), (1, 2.0), (2, 1.0)])
def test_points_that_were_rounded_to_zero_were_measured(coils, level):
    """A full scan of whole numbers lost its reference, and its lines became points."""
    kspace = rounded((coils, 240, 200), level)
    zeros = (kspace == 0).all(0)
    assert 0.01 < zeros.mean() < 0.2
    assert measured_points(kspace).tolist() == [[True] * 200]
    every = np.arange(200) % 2 == 0
    np.testing.assert_array_equal(measured_points(kspace * every), every[None])
    late = (np.arange(240) >= 60)[:, None]
    np.testing.assert_array_equal(measured_points(kspace * every * late), every & late)


def test_points_that_a_pattern_leaves_out_were_not_measured():
    """A notch in some lines, two corners, a third of all at random, and a shutter."""
    kspace = rounded((1, 64, 48), 20)
    notch = np.ones((64, 48), bool)
    notch[5:17, ::3] = False
    ends = np.ones((64, 48), bool)
    ends[:4, :12] = ends[-3:, 32:] = False
    drawn = np.random.default_rng(1).random((64, 48)) < 0.67
    for kept in (notch, ends, drawn, shutter(64, 48).numpy()):
        assert kept.mean() < 0.99
        found = measured_points(kspace * kept)
        np.testing.assert_array_equal(found, kept & (kspace[0] != 0))


@pytest.mark.parametrize("acceleration", [1.1, 1.25])
def test_few_points_that_were_left_out_were_not_measured(acceleration: float) -> None:
    mask = Sampling(pattern="poisson-disc", acceleration=acceleration).mask(128, 128)
    kspace = torch.randn(8, 128, 128, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
    assert torch.equal(measured_points(mask * kspace), mask)
