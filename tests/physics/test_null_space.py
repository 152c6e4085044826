"""Noise in the null space of the ACS."""

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Tensor

from napari_recon_robust.physics import noise, null_space
from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.simulation.acquisition import SimulatedSlice, simulate_slice


def everywhere(size: int, coils: int, level: float) -> SimulatedSlice:
    """A textured object with a hard edge over 98% of the rows: no row and no frequency is free of signal."""
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    texture = ndimage.gaussian_filter(np.random.default_rng(1).standard_normal((size, size)), 0.7)
    image = (np.hypot(y / 0.98, x / 0.8) < 1) * np.maximum(0.7 + 0.5 * texture, 0)
    return simulate_slice(image, np.random.default_rng(size), coils=coils, noise_level=level)


def white(coils: int, shape: tuple[int, int], factor: Tensor) -> Tensor:
    samples = torch.randn(coils, *shape, generator=torch.Generator().manual_seed(3), dtype=torch.complex64)
    return (factor @ samples.flatten(1)).reshape(samples.shape)


def of_acs(acs: Tensor) -> Tensor:
    """Sigma, in which there is no signal."""
    found = null_space.estimate(acs)
    assert found is not None
    sigma, signal = found
    assert not signal.any()
    return sigma


@pytest.mark.parametrize(
    ("size", "coils", "level"), [(96, 8, 0.002), (128, 5, 0.005), (128, 16, 0.002), (192, 8, 0.01)]
)
def test_the_level_is_found_where_signal_lies_everywhere(size, coils, level):
    scan = everywhere(size, coils, level)
    mask = Sampling(acceleration=4, centre_fraction=0.08, minimum_centre_lines=12).mask(size, size)
    found = noise.estimate(scan.kspace * mask, mask)
    assert float(found.norm() / scan.sigma.norm()) == pytest.approx(1, abs=0.14)
    assert (found / scan.sigma - 1).abs().max() < 0.25


def test_coils_of_unequal_and_correlated_noise():
    factor = torch.diag(torch.tensor([1.0, 1.2, 0.8, 1.1])).to(torch.complex64)
    factor[1, 0] = 0.3j
    expected = factor.norm(dim=1)
    found = of_acs(white(4, (128, 24), factor))
    torch.testing.assert_close(found, expected, rtol=0.1, atol=0)


@pytest.mark.parametrize("coils", [5, 8, 16])
def test_loud_coils_are_seen_among_many_quiet_ones(coils):
    """A third of the coils has a fifth of the gain: null vectors avoid the others."""
    scan, gains = everywhere(128, coils, 0.01), torch.ones(coils)
    gains[::3] = 0.2
    found = of_acs(scan.kspace[..., 52:76] * gains[:, None, None])
    torch.testing.assert_close(found / gains, scan.sigma, rtol=0.3, atol=0)


@pytest.mark.parametrize("coils", [8, 16])
def test_noise_that_all_coils_share_is_found_although_they_can_cancel_it(coils):
    scan = everywhere(128, coils, 0.01)
    level = scan.sigma.norm() / coils**0.5
    shared = level * torch.randn(128, 128, generator=torch.Generator().manual_seed(0), dtype=torch.complex64)
    found = of_acs((scan.kspace + shared)[..., 52:76])
    torch.testing.assert_close(found, (scan.sigma.square() + level**2).sqrt(), rtol=0.25, atol=0)


def test_it_scales_with_the_data_in_a_batch_with_nothing():
    acs = everywhere(96, 6, 0.01).kspace[..., 40:56]
    single = of_acs(acs)
    batch = of_acs(torch.stack((acs, 1e-6 * acs, 0 * acs)))
    torch.testing.assert_close(batch, torch.stack((single, 1e-6 * single, 0 * single)), rtol=1e-2, atol=0)


def test_an_acs_too_small_for_its_coils_gives_nothing():
    assert null_space.estimate(torch.randn(16, 10, 10, dtype=torch.complex64)) is None
    assert null_space.estimate(torch.randn(2, 64, 1, dtype=torch.complex64)) is None


@pytest.mark.parametrize("pattern", ["equispaced", "poisson-disc"])
@pytest.mark.parametrize("gain", [1e-4, 0.05, 20])
def test_a_coil_of_another_gain_leaves_the_noise_of_the_others(pattern, gain):
    """A broken coil measures next to nothing, but not zero, and would fill the null space."""
    scan, gains = everywhere(128, 6, 0.01), torch.ones(6)
    gains[2] = gain
    mask = Sampling(pattern=pattern, acceleration=3, centre_fraction=0.18).mask(128, 128)
    usual = noise.estimate(scan.kspace * mask, mask)
    found = noise.estimate(gains[:, None, None] * scan.kspace * mask, mask)
    torch.testing.assert_close(found, gains * usual, rtol=1e-2, atol=0)
    assert (usual > 0.9 * scan.sigma).all()
    assert (usual < (1.3 if pattern == "equispaced" else 4) * scan.sigma).all()


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("coils", [1, 2, 3])
def test_a_null_space_that_signal_fills_is_none(coils, seed):
    """A few coils on a small ACS: what was found there was 10 to 200 times the noise, or no noise in a coil."""
    y, x = np.mgrid[-1:1:128j, -1:1:128j]
    image = (np.hypot(y / 0.75, x / 0.6) < 1) * (0.7 + 0.3 * np.cos(9 * x) * np.cos(7 * y))
    scan = simulate_slice(image, np.random.default_rng(seed), coils=coils, noise_level=0.01)
    mask = Sampling(pattern="poisson-disc", acceleration=4, centre_fraction=0.08).mask(128, 128)
    ratio = noise.estimate(scan.kspace * mask, mask) / scan.sigma
    assert (ratio > 0.9).all()
    assert (ratio < 8).all()


@pytest.mark.parametrize("pattern", ["equispaced", "poisson-disc"])
def test_coils_that_are_combinations_of_others_do_not_hide_the_noise(pattern):
    """Copies cancel each other, so that the null space had 1e-4 of the noise."""
    scan = everywhere(128, 4, 0.01)
    more = torch.tensordot(torch.randn(3, 4, generator=torch.Generator().manual_seed(1)) + 0j, scan.kspace, 1)
    mask = Sampling(pattern=pattern, acceleration=3, centre_fraction=0.18).mask(128, 128)
    for others in (scan.kspace, more):
        found = noise.estimate(torch.cat((scan.kspace, others)) * mask, mask)[:4]
        assert (found > 0.9 * scan.sigma).all()
        assert (found < 12 * scan.sigma).all()


def test_without_an_acs_the_estimate_is_that_of_the_lines():
    scan = everywhere(96, 6, 0.01)
    mask = torch.zeros(1, 96, dtype=torch.bool)
    mask[:, 1::2] = True
    found = noise.estimate(scan.kspace * mask, mask)
    assert found.isfinite().all()
    assert (found > 0.9 * scan.sigma).all()
