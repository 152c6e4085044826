import pytest
import torch

from napari_recon_robust.evaluation.coverage import LEVELS, coverage
from napari_recon_robust.ground.errors import InputError

INSIDE = torch.ones(200, 200, dtype=torch.bool)


def test_draws_of_the_truths_own_distribution_hold_it_as_often_as_they_promise() -> None:
    random = torch.Generator().manual_seed(0)
    draws, truth = torch.randn(8, 200, 200, generator=random), torch.randn(200, 200, generator=random)
    found = coverage(draws, truth, INSIDE)
    assert {level: 100 * share for level, share in found.items()} == {
        level: pytest.approx(level, abs=1) for level in LEVELS
    }


def test_noise_of_the_reference_widens_the_intervals_and_only_pixels_inside_count() -> None:
    random = torch.Generator().manual_seed(1)
    draws, truth = torch.randn(8, 200, 200, generator=random), torch.randn(200, 200, generator=random)
    measured = truth + torch.randn(200, 200, generator=random)
    assert coverage(draws, measured, INSIDE)[90] < 0.85
    assert 0.89 < coverage(draws, measured, INSIDE, noise=1.0)[90] < 0.95
    measured[100:] = 1e6
    assert coverage(draws, measured, INSIDE & (torch.arange(200) < 100)[:, None], noise=1.0)[90] > 0.88


def test_one_draw_has_no_interval() -> None:
    with pytest.raises(InputError, match="at least two"):
        coverage(torch.zeros(1, 2, 2), torch.zeros(2, 2), torch.ones(2, 2, dtype=torch.bool))
