"""Which features may share an image, on masks of lines and of points."""

import numpy as np
import pytest
import torch
from torch import Tensor

from napari_recon_robust.perturbations.features.crosstalk import LIMIT, Crosstalk
from napari_recon_robust.perturbations.features.feature import Feature
from napari_recon_robust.physics import fourier
from napari_recon_robust.physics.sampling import Sampling

SHAPE = (60, 80)
EVERY_FOURTH = torch.arange(80)[None] % 4 == 0


def zero_filled(mask: Tensor, row: int, column: int) -> Tensor:
    """What the samples show of a blob of 3 pixels at a place."""
    profile = Feature.of("blob", row, column, 3.0, 1.0).profile(SHAPE)
    return fourier.ifft(mask * fourier.fft(profile.to(torch.complex64)))


@pytest.mark.parametrize(
    "mask", [EVERY_FOURTH, Sampling(pattern="random").mask(*SHAPE), Sampling(pattern="poisson-disc").mask(*SHAPE)]
)
def test_it_is_what_the_zero_filled_image_of_one_feature_has_of_it_at_another(mask: Tensor) -> None:
    crosstalk = Crosstalk.of(mask, SHAPE, 3.0, "blob", 6.0)
    own = zero_filled(mask, 30, 40)
    whole = (own.conj() * zero_filled(torch.ones_like(mask), 30, 40)).sum().abs()
    for row, column in ((30, 60), (38, 40), (33, 51), (24, 20)):
        other = zero_filled(torch.ones_like(mask), row, column)
        share = float((own.conj() * other).sum().abs() / whole)
        assert crosstalk.squared[row - 30, column - 40] == pytest.approx(share**2, abs=1e-5)
    assert np.isinf(crosstalk.squared[3, -4])
    assert np.isfinite(crosstalk.squared[4, -5])


def test_places_on_each_others_aliases_share_no_image() -> None:
    crosstalk = Crosstalk.of(EVERY_FOURTH, SHAPE, 3.0, "blob", 6.0)
    assert list(crosstalk.together(np.array([[30, 40], [30, 60], [31, 21], [30, 50], [50, 60]]))) == [0, 3, 4]


@pytest.mark.parametrize("pattern", ["equispaced", "random", "poisson-disc"])
def test_every_place_is_in_one_group_whose_crosstalk_is_small(pattern: str) -> None:
    points = np.argwhere(np.ones((20, 27), bool)) * 3
    crosstalk = Crosstalk.of(Sampling(pattern=pattern).mask(*SHAPE), SHAPE, 3.0, "blob", 9.0)
    groups = crosstalk.groups(points)
    assert sorted(np.concatenate(groups)) == list(range(len(points)))
    assert len(groups) < len(points) / 3
    for group in groups:
        apart = points[group][:, None] - points[group]
        between = crosstalk.squared[apart[..., 0] % 60, apart[..., 1] % 80]
        np.fill_diagonal(between, 0)
        assert between.sum(0).max() <= LIMIT**2 * 1.001


def test_of_a_full_scan_only_the_distance_counts() -> None:
    crosstalk = Crosstalk.of(torch.ones(1, 80, dtype=torch.bool), SHAPE, 3.0, "blob", 15.0)
    points = np.argwhere(np.ones((4, 5), bool)) * 15
    assert len(crosstalk.groups(points)) == 1
    assert len(crosstalk.groups(points * 14 // 15)) > 1
