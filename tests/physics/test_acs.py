"""The ACS of masks of lines and of points."""

from itertools import combinations

import pytest
import torch
from hypothesis import given
from hypothesis.extra.numpy import array_shapes, arrays

from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.physics.acs import acs_lines, acs_region, lines_outside_acs, mask_outside_acs
from napari_recon_robust.physics.sampling import Sampling


def test_acs_of_lines_and_of_points():
    lines = torch.zeros(1, 20, dtype=torch.bool)
    lines[0, [0, 4, 8, 9, 10, 11, 13]] = True
    assert acs_lines(lines) == slice(8, 12)
    assert lines_outside_acs(lines).tolist() == [0, 4, 13]
    assert acs_region(lines) == (slice(None), slice(8, 12))
    points = torch.zeros(30, 20, dtype=torch.bool)
    points[11:20, 7:13] = True
    points[15] = True
    points[20, 9:11] = True
    assert acs_region(points) == (slice(11, 20), slice(7, 13))
    assert acs_region(torch.ones(6, 5, dtype=torch.bool)) == (slice(0, 6), slice(0, 5))
    assert int(mask_outside_acs(points).sum()) == int(points.sum()) - 9 * 6
    assert mask_outside_acs(lines)[0].nonzero().flatten().tolist() == [0, 4, 13]
    without_centre = torch.arange(20)[None] % 3 == 0
    assert torch.equal(mask_outside_acs(without_centre), without_centre)


@pytest.mark.slow
@given(arrays(bool, array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=7)))
def test_acs_region_is_the_largest_block_with_no_more_than_twice_its_shorter_side_counted(mask):
    rows, columns = mask.shape
    mask[rows // 2, columns // 2] = True
    region = acs_region(torch.from_numpy(mask))
    assert mask[region].all()

    def counted(height, width):
        return min(height, 2 * width) * min(width, 2 * height), height * width

    assert counted(*mask[region].shape) == max(
        counted(bottom - top, right - left)
        for top, bottom in combinations(range(rows + 1), 2)
        for left, right in combinations(range(columns + 1), 2)
        if top <= rows // 2 < bottom and left <= columns // 2 < right and mask[top:bottom, left:right].all()
    )


@pytest.mark.parametrize("seed", range(20, 25))
def test_the_acs_of_a_dense_poisson_disc_is_no_long_and_thin_block(seed):
    """Of seed 22 the block of the largest area is 5 points wide, fewer than sensitivities need."""
    points = Sampling(pattern="poisson-disc", acceleration=2, centre_fraction=8 / 128, seed=seed).mask(128, 128)
    assert min(points[acs_region(points)].shape) >= 7


@pytest.mark.parametrize("shape", [(1, 20), (30, 20)])
def test_no_acs(shape):
    with pytest.raises(InputError, match="is not sampled, so there is no ACS"):
        acs_region(torch.zeros(shape, dtype=torch.bool))
