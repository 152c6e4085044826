"""Noise of a known level: estimated, whitened, added."""

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Tensor
from torch.nn.functional import pad

from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.physics import fourier, noise
from napari_recon_robust.physics.coils import espirit_by_length
from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.simulation.acquisition import SimulatedSlice, simulate_slice


def head(
    size: int, oversampling: int, level: float, *, height: float = 0.85, softness: float = 0, coils: int = 5
) -> SimulatedSlice:
    """An ellipse over `height` of the rows, its edge blurred by `softness` pixels."""
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    image = (np.hypot(y / height, x / 0.7) < 1) * (0.7 + 0.3 * np.cos(15 * x) * np.cos(11 * y))
    image = ndimage.gaussian_filter(image, softness)
    return simulate_slice(
        image, np.random.default_rng(5), coils=coils, noise_level=level, oversampling=oversampling, detail=0.1
    )


def ratio(kspace: Tensor, mask: Tensor, sigma: Tensor) -> Tensor:
    estimated = noise.estimate(kspace * mask, mask)
    assert estimated.dtype == torch.float32
    return estimated / sigma


@pytest.mark.parametrize("size", [96, 200])
@pytest.mark.parametrize("level", [0.003, 0.03])
@pytest.mark.parametrize("acceleration", [1, 4, 8])
def test_estimate_with_an_oversampled_readout(size, level, acceleration):
    scan = head(size, 2, level)
    if acceleration == 1:
        mask = torch.ones(1, size, dtype=torch.bool)
    else:
        mask = Sampling(acceleration=acceleration, centre_fraction=0.08).mask(2 * size, size)
    assert ((ratio(scan.kspace, mask, scan.sigma) - 1).abs() < 0.1).all()


def test_estimate_in_air_without_oversampling():
    scan = head(256, 1, 0.02, height=0.7)
    assert ((ratio(scan.kspace, torch.ones(1, 256, dtype=torch.bool), scan.sigma) - 1).abs() < 0.1).all()


@pytest.mark.parametrize("coils", [1, 2])
@pytest.mark.parametrize("size", [64, 128])
@pytest.mark.parametrize("level", [0.0003, 0.003])
@pytest.mark.parametrize("columns", ["all", "partial", "padded"])
def test_few_coils_have_air_beside_the_head_in_common(coils, size, level, columns):
    """Without oversampling, where bright tissue is in nearly all rows: lines without gaps make an image with air."""
    scan = head(size, 1, level, coils=coils)
    kspace = scan.kspace.clone()
    if columns == "partial":
        kspace[..., : size // 5] = 0
    elif columns == "padded":
        kspace = pad(kspace, (9, 9))
    found = ratio(kspace, torch.ones(1, kspace.shape[-1], dtype=torch.bool), scan.sigma)
    assert ((found - 1).abs() < 0.2).all()


@pytest.mark.parametrize(("coils", "most"), [(1, 4.5), (2, 1.7)])
@pytest.mark.parametrize("size", [64, 128])
def test_of_lines_with_gaps_the_null_space_of_few_coils_shows_the_air(coils, most, size):
    scan = head(size, 1, 0.003, coils=coils)
    mask = Sampling(acceleration=2, minimum_centre_lines=24).mask(size, size)
    found = ratio(scan.kspace, mask, scan.sigma)
    assert (found > 0.9).all()
    assert (found < most).all()


def test_air_that_was_set_to_zero_tells_no_level():
    scan = head(128, 1, 0.01, coils=1)
    image = fourier.ifft(scan.kspace)
    image[..., scan.image.abs() < 0.1 * scan.image.abs().max()] = 0
    found = ratio(fourier.fft(image), torch.ones(1, 128, dtype=torch.bool), scan.sigma)
    assert (found > 0.3).all()


@pytest.mark.parametrize("missing", [slice(None, 35), slice(85, None)])
@pytest.mark.parametrize("acceleration", [1, 2])
def test_a_partial_echo_without_oversampling_is_compared_about_the_centre_of_its_readout(missing, acceleration):
    """The null space is known from one side of the centre and tested on the other."""
    scan = head(120, 1, 0.003, coils=8)
    mask = Sampling(acceleration=acceleration, centre_fraction=0.3).mask(120, 120)
    kspace = scan.kspace.clone()
    kspace[:, missing] = 0
    assert ((ratio(kspace, mask, scan.sigma) - 1).abs() < 0.3).all()


def test_estimate_of_a_2d_pattern_at_high_frequencies():
    scan = head(192, 1, 0.02, softness=1)
    mask = Sampling(pattern="poisson-disc", acceleration=6, centre_fraction=0.1).mask(192, 192)
    assert ((ratio(scan.kspace, mask, scan.sigma) - 1).abs() < 0.1).all()


def test_a_2d_pattern_without_signal_free_data_errs_upwards():
    """A hard edge over nearly all rows: high frequencies carry signal everywhere."""
    scan = head(192, 1, 0.02)
    found = ratio(scan.kspace, Sampling(pattern="poisson-disc", centre_fraction=0.1).mask(192, 192), scan.sigma)
    assert (found > 0.9).all()
    assert (found < 2).all()


@pytest.mark.parametrize(
    ("level", "coils", "size", "acceleration"), [(0.0005, 8, 160, 5), (0.002, 8, 160, 5), (0.004, 6, 128, 4)]
)
def test_what_no_image_explains_of_a_2d_pattern_is_noise(level, coils, size, acceleration):
    """Where signal covers all points: without the sensitivities sigma is 3 to 29 times the truth."""
    scan = head(size, 1, level, coils=coils)
    mask = Sampling(pattern="poisson-disc", acceleration=acceleration, centre_fraction=0.12).mask(size, size)
    kspace = scan.kspace * mask
    without = noise.estimate(kspace, mask)
    assert (without > 3 * scan.sigma).all()
    maps, *_ = espirit_by_length(kspace, mask, (-2, -1), without)
    found = noise.estimate(kspace, mask, maps) / scan.sigma
    assert (found > 0.88).all()
    assert (found < 1.3).all()


def test_noise_that_signal_covers_is_told_of_each_item_of_a_batch():
    scans = [head(96, 1, level, coils=3) for level in (0.0015, 0.03)]
    mask = Sampling(pattern="poisson-disc", acceleration=3, centre_fraction=0.12).mask(96, 96)
    faint, strong = kspace = torch.stack([scan.kspace * mask for scan in scans])
    maps, *_ = espirit_by_length(strong, mask, (-2, -1), scans[1].sigma)
    assert noise.covered(faint, mask, maps)
    assert not noise.covered(strong, mask, maps)
    assert noise.covered(kspace, mask, maps)
    assert not noise.covered(kspace[1:], mask, maps)
    assert not noise.covered(scans[0].kspace, torch.ones(1, 96, dtype=torch.bool), maps)


def test_zero_padding_does_not_lower_it():
    scan = head(128, 2, 0.01)
    kspace = scan.kspace.clone()
    kspace[..., :14] = kspace[..., -9:] = 0
    kspace[:, :40] = 0
    assert ((ratio(kspace, torch.ones(1, 128, dtype=torch.bool), scan.sigma) - 1).abs() < 0.1).all()


def test_filtered_ends_of_the_readout_do_not_lower_it():
    scan = head(128, 2, 0.01)
    ramp = torch.clamp(torch.arange(256) / 26, max=1)
    filtered = scan.kspace * (ramp * ramp.flip(0))[:, None]
    assert ((ratio(filtered, torch.ones(1, 128, dtype=torch.bool), scan.sigma) - 1).abs() < 0.1).all()


FILTERS = {
    "Hann": lambda x: 0.5 + 0.5 * torch.cos(torch.pi * x),
    "Hamming": lambda x: 0.54 + 0.46 * torch.cos(torch.pi * x),
    "Fermi": lambda x: torch.sigmoid((0.8 - x.abs()) / 0.05),
}


@pytest.mark.parametrize("oversampling", [1, 2])
@pytest.mark.parametrize("acceleration", [1, 4])
@pytest.mark.parametrize("name", FILTERS)
def test_filtered_lines_do_not_decide(oversampling, acceleration, name):
    """As in k-space that was computed from a scanner's images: the noise of the data is the root mean square."""
    scan = head(160, oversampling, 0.02)
    mask = Sampling(acceleration=acceleration, centre_fraction=0.08).mask(160 * oversampling, 160)
    weight = FILTERS[name](torch.linspace(-1, 1, 160))
    found = ratio(scan.kspace * weight, mask, scan.sigma * weight[mask[0]].square().mean().sqrt())
    assert (found > 0.7).all()
    assert (found < 1.7).all()


@pytest.mark.parametrize("name", FILTERS)
def test_filtered_points_do_not_decide(name):
    """The level of a 2-D pattern's ACS, which the filter hardly attenuates, is above the mean."""
    scan = head(192, 1, 0.02)
    mask = Sampling(pattern="poisson-disc", acceleration=3, centre_fraction=0.15).mask(192, 192)
    x = torch.linspace(-1, 1, 192)
    weight = FILTERS[name](torch.hypot(x[:, None], x).clamp_max(1))
    found = ratio(scan.kspace * weight, mask, scan.sigma * weight[mask].square().mean().sqrt())
    assert (found > 0.7).all()
    assert (found < 4).all()


@pytest.mark.parametrize("broken", [lambda kspace: kspace[2], lambda kspace: kspace[:, :40], lambda kspace: kspace])
def test_an_item_of_a_batch_is_as_it_is_alone(broken):
    scan, mask = head(96, 1, 0.005), Sampling(acceleration=2, minimum_centre_lines=16).mask(96, 96)
    batch = torch.stack([scan.kspace * mask] * 2)
    broken(batch[1]).zero_()
    assert torch.equal(noise.estimate(batch, mask), torch.stack([noise.estimate(one, mask) for one in batch]))
    pairs = zip(
        noise.quietest(batch, mask), zip(*(noise.quietest(one, mask) for one in batch), strict=True), strict=True
    )
    assert all(torch.equal(found, torch.stack(each)) for found, each in pairs)


def test_estimate_scales_with_the_data_and_batches():
    scan = head(96, 2, 0.01)
    mask = torch.ones(1, 96, dtype=torch.bool)
    single = noise.estimate(scan.kspace, mask)
    assert single.shape == (5,)
    batch = noise.estimate(torch.stack((scan.kspace, 1e-6 * scan.kspace)), mask)
    torch.testing.assert_close(batch, torch.stack((single, 1e-6 * single)), rtol=1e-3, atol=0)


@pytest.mark.parametrize("sampling", [Sampling(), Sampling(pattern="poisson-disc", centre_fraction=0.2)])
def test_coils_that_measure_nothing_have_no_noise_and_leave_that_of_the_others(sampling):
    """In a third of the coils and more the null space of the ACS would be theirs alone."""
    scan, mask = head(96, 1, 0.01), sampling.mask(96, 96)
    samples = scan.kspace * mask
    silent = torch.cat((samples[:2], torch.zeros_like(samples), samples[2:]))
    heard = [0, 1, 7, 8, 9]
    estimated = noise.estimate(silent, mask)
    torch.testing.assert_close(estimated[heard], noise.estimate(samples, mask))
    assert not estimated[2:7].any()
    for found, expected in zip(noise.quietest(silent, mask), noise.quietest(samples, mask), strict=True):
        torch.testing.assert_close(found[heard], expected)
        assert not found[2:7].any()
    torch.testing.assert_close(noise.mean_level(estimated), estimated[heard].square().mean().sqrt())


def test_nothing_measured_has_no_noise():
    kspace = torch.zeros(2, 32, 32, dtype=torch.complex64)
    assert not noise.estimate(kspace, torch.ones(1, 32, dtype=torch.bool)).any()


def test_a_readout_of_one_sample_gives_an_estimate():
    kspace = torch.randn(2, 1, 64, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
    estimated = noise.estimate(kspace, torch.ones(1, 64, dtype=torch.bool))
    assert estimated.shape == (2,)
    assert bool((estimated > 0).all())


def test_real_brain(shared):
    """The outer rows of this scan are attenuated to a third; k-space's corners show 1.7e-6 (root mean square)."""
    kspace = torch.from_numpy(np.load(shared / "data/kspace/brain_16coil_128x128_full.npy")).mT
    level = float(noise.estimate(kspace, torch.ones(1, 128, dtype=torch.bool)).square().mean().sqrt())
    assert 1.3e-6 < level < 1.8e-6


@pytest.mark.parametrize("acceleration", [1, 4])
def test_correlation_between_coils(acceleration):
    scan = head(160, 2, 0.01)
    mixing = torch.eye(5) + 0.3 * torch.ones(5, 5)
    mixed = torch.tensordot(mixing.to(torch.complex64), scan.noise, 1)
    kspace = scan.kspace - scan.noise + mixed
    psi = noise.covariance(mixed)
    sigma = psi.diagonal().real.sqrt()
    mask = Sampling(acceleration=acceleration, centre_fraction=0.08).mask(320, 160)
    found = noise.correlation(kspace * mask, mask, noise.estimate(kspace * mask, mask))
    truth = psi / sigma[:, None] / sigma
    assert (truth - torch.eye(5)).abs().max() > 0.4
    assert (found - truth).abs().max() < 0.07
    assert torch.equal(found.diagonal(), torch.ones(5, dtype=torch.complex64))


@pytest.mark.parametrize("acceleration", [1, 4])
def test_noise_in_a_scans_colour_has_its_covariance(acceleration):
    scan = head(160, 2, 0.01)
    mixing = torch.eye(5) + 0.3j * torch.ones(5, 5).triu(1)
    mixed = torch.tensordot(mixing, scan.noise, 1)
    mask = Sampling(acceleration=acceleration, centre_fraction=0.08).mask(320, 160)
    kspace = (scan.kspace - scan.noise + mixed) * mask
    colour = noise.colour(kspace, mask, noise.estimate(kspace, mask))
    more = noise.add(
        torch.zeros(2, 5, 320, 160, dtype=torch.complex64), torch.ones(1, 160, dtype=torch.bool), colour, seed=1
    )
    truth = noise.covariance(mixed)
    assert (noise.covariance(more[0]) - truth).norm() < 0.12 * truth.norm()
    assert (truth - torch.diag(truth.diagonal())).norm() > 0.3 * truth.norm()
    assert not torch.equal(more[0], more[1])


def test_a_scans_noise_whitened_is_white_and_a_silent_coil_is_left_out():
    scan = head(160, 2, 0.01)
    mixing = torch.eye(5) + 0.3j * torch.ones(5, 5).triu(1)
    mixed = torch.tensordot(mixing, scan.noise, 1)
    kspace = torch.cat((scan.kspace - scan.noise + mixed, torch.zeros(1, 320, 160)))
    mask = Sampling(acceleration=2, centre_fraction=0.08).mask(320, 160)
    whitening = noise.whitening(kspace * mask, mask, noise.estimate(kspace * mask, mask))
    white = noise.covariance(torch.tensordot(whitening[:5, :5], mixed, 1))
    assert (white - torch.eye(5)).abs().max() < 0.1
    assert not whitening[:, 5].any()


def alike(share: float) -> Tensor:
    """k-space of two coils of noise alone, E|n_i|^2 = 1, whose correlation is the share; complex64 (2, 160, 64)."""
    white = torch.randn(2, 160, 64, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
    return torch.stack((white[0], share * white[0] + (1 - share**2) ** 0.5 * white[1]))


def test_what_coils_nearly_cancel_is_whitened_as_long_as_it_is_certain():
    mask, sigma = torch.ones(1, 64, dtype=torch.bool), torch.ones(2)
    kspace = alike(0.97)  # the weaker combination has 3% of a coil's variance
    white = noise.covariance(torch.tensordot(noise.whitening(kspace, mask, sigma), kspace, 1))
    assert (white - torch.eye(2)).abs().max() < 0.1
    assert noise.whitening(alike(1.0), mask, sigma).abs().max() < 1e-3**-0.5


def test_a_faint_halo_is_not_taken_for_noise_that_coils_share():
    """It is even over all lines of its rows, as noise is, and has more energy."""
    generator = torch.Generator().manual_seed(0)
    air = torch.randn(5, 160, 64, dtype=torch.complex64, generator=generator)
    halo = torch.zeros(160, 64, dtype=torch.complex64)
    halo[20:84] = 6**0.5 * torch.randn(64, 64, dtype=torch.complex64, generator=generator)
    found = noise.correlation(fourier.fft(air + halo), torch.ones(1, 64, dtype=torch.bool), torch.ones(5))
    assert (found - torch.eye(5)).abs().max() < 0.1


@pytest.mark.parametrize("sampling", [Sampling(), Sampling(pattern="poisson-disc")])
@pytest.mark.parametrize("level", [0.0, 0.01])
def test_where_no_noise_is_seen_alone_it_counts_as_uncorrelated(level, sampling):
    scan = head(96, 1, 0.01, height=2)
    kspace, mask, sigma = scan.kspace - (0.01 - level) / 0.01 * scan.noise, sampling.mask(96, 96), scan.sigma
    assert torch.equal(noise.correlation(kspace * mask, mask, sigma), torch.eye(5, dtype=torch.complex64))
    nothing = torch.zeros_like(kspace)
    assert torch.equal(noise.correlation(nothing, mask, 0 * sigma), torch.eye(5, dtype=torch.complex64))


def correlated(samples: int) -> tuple[Tensor, Tensor]:
    """Coloured noise (4, samples) and its covariance."""
    generator = torch.Generator().manual_seed(0)
    factor = torch.randn(4, 4, generator=generator, dtype=torch.complex64)
    white = torch.randn(4, samples, generator=generator, dtype=torch.complex64)
    return factor @ white, factor @ factor.mH


def test_covariance_of_coloured_noise():
    samples, expected = correlated(40_000)
    measured = noise.covariance(samples.reshape(4, 200, 200))
    assert (measured - expected).norm() < 0.02 * expected.norm()


def test_prewhitened_noise_is_white():
    samples, expected = correlated(40_000)
    white = noise.prewhiten(samples.reshape(4, 200, 200), expected)
    assert white.shape == (4, 200, 200)
    torch.testing.assert_close(noise.covariance(white), torch.eye(4, dtype=torch.complex128), atol=0.03, rtol=0)


def test_whitening_asks_for_a_covariance_that_fits():
    kspace = torch.zeros(3, 8, 8, dtype=torch.complex64)
    with pytest.raises(InputError, match="3 coils"):
        noise.prewhiten(kspace, torch.eye(4, dtype=torch.complex64))
    with pytest.raises(InputError, match="positive definite"):
        noise.prewhiten(kspace, torch.zeros(3, 3, dtype=torch.complex64))
    with pytest.raises(InputError, match="of shape 3×4 does not whiten 3 coils"):
        noise.prewhiten(kspace, torch.ones(3, 4))
    for dtype in (torch.float32, torch.complex128):
        assert noise.prewhiten(kspace, torch.eye(3, dtype=dtype)).dtype == torch.complex64
    with pytest.raises(InputError, match="2 noise samples"):
        noise.covariance(torch.zeros(3, 2, dtype=torch.complex64))
    with pytest.raises(InputError, match="those of a coil are zero"):
        noise.covariance(torch.diag(torch.tensor([1, 0, 1], dtype=torch.complex64)))


def test_added_noise_has_the_asked_level_on_sampled_points_only():
    kspace = torch.zeros(3, 200, 100, dtype=torch.complex64)
    mask = torch.zeros(1, 100, dtype=torch.bool)
    mask[:, ::2] = True
    sigma = torch.tensor([1.0, 2.0, 0.0])
    noisy = noise.add(kspace, mask, sigma, seed=1)
    assert not kspace.any()
    assert not noisy[..., 1::2].any()
    torch.testing.assert_close(noisy[..., ::2].abs().square().mean((-2, -1)).sqrt(), sigma, rtol=0.02, atol=0)
    torch.testing.assert_close(noisy.real.square().mean(), noisy.imag.square().mean(), rtol=0.05, atol=0)
    assert torch.equal(noisy, noise.add(kspace, mask, sigma, seed=1))
    assert not torch.equal(noisy, noise.add(kspace, mask, sigma, seed=2))


def test_the_quietest_level_is_that_of_the_coils_noise_or_gain():
    kspace = torch.randn(4, 64, 64, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
    kspace = kspace * torch.tensor([1.0, 1.0, 30.0, 1.0])[:, None, None]
    distance = (torch.arange(64)[:, None] - 32).square() + (torch.arange(64) - 32).square()
    signal = 1e8 / (1 + distance)
    for mask in (torch.arange(64)[None] % 2 == 0, torch.rand(64, 64, generator=torch.Generator().manual_seed(1)) < 0.3):
        levels, of_noise = noise.quietest(kspace * mask, mask)
        torch.testing.assert_close(levels, torch.tensor([1.0, 1.0, 30.0, 1.0]), rtol=0.1, atol=0)
        assert of_noise.all()
        assert not noise.quietest((kspace + signal) * mask, mask)[1].any()
    assert not noise.quietest(0 * kspace, mask)[0].any()
