"""The band of plausible residuals on simulations whose truth is known."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from napari_recon_robust.analyses.noise_map import reference_noise
from napari_recon_robust.analyses.plausibility import _acs_fit, _truncation, plausible_band
from napari_recon_robust.data.measurement import Calibration, Measurement
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.ground.progress import Progress, relayed, run
from napari_recon_robust.physics import fourier
from napari_recon_robust.physics.model import ForwardModel, coil_combined
from napari_recon_robust.physics.sampling import Pattern, Sampling
from napari_recon_robust.reconstructors.classical.conjugate_gradients import conjugate_gradients
from napari_recon_robust.simulation.acquisition import simulate_slice


def head(size: int) -> np.ndarray:
    rows, columns = np.mgrid[-1 : 1 : 1j * size, -1 : 1 : 1j * size]
    image = 0.9 * (np.hypot(rows / 0.86, columns / 0.72) < 1) - 0.45 * (np.hypot(rows / 0.78, columns / 0.64) < 1)
    for row, column, radius, value in ((-0.2, 0.2, 0.22, 0.25), (0.2, -0.2, 0.2, -0.2), (0.45, 0.1, 0.07, 0.4)):
        image += value * (np.hypot(rows - row, columns - column) < radius)
    return gaussian_filter(image, 0.7)


def simulated(
    coils: int, noise: float, acceleration: float, seed: int, pattern: Pattern = "equispaced", centre: int = 12
) -> tuple[Measurement, torch.Tensor]:
    """A slice with its maps estimated by ESPIRiT, and its truth seen through these maps."""
    one = simulate_slice(head(96), np.random.default_rng(seed), coils=coils, noise_level=noise)
    sampling = Sampling(pattern=pattern, acceleration=acceleration, centre_fraction=centre / 96, seed=0)
    mask = sampling.mask(96, 96)
    measurement = Measurement(one.kspace * mask, mask, (96, 96))
    truth = (measurement.model.sensitivities.conj() * one.sensitivities * one.image).sum(0)
    return measurement, truth


def residual(measurement: Measurement, image: torch.Tensor) -> float:
    data = measurement.model.mask * measurement.data
    return float((measurement.model.forward(image) - data).norm() / data.norm())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("coils", "noise", "acceleration"),
    [(4, 0.003, 4), (8, 0.003, 2), (8, 0.01, 4), (16, 0.01, 2), (4, 0.02, 2), (16, 0.02, 4)],
)
def test_the_truth_is_plausible_and_neither_noise_fitted_nor_smoothed(
    coils: int, noise: float, acceleration: float
) -> None:
    measurement, truth = simulated(coils, noise, acceleration, seed=coils)
    band = run(plausible_band(measurement))
    fitted = conjugate_gradients(measurement.model.normal, measurement.model.adjoint(measurement.data), 200)
    real, imaginary = (gaussian_filter(part.numpy(), 1.5) for part in (truth.real, truth.imag))
    assert band.holds(residual(measurement, truth))
    assert residual(measurement, fitted) < band.low
    assert residual(measurement, torch.complex(torch.from_numpy(real), torch.from_numpy(imaginary))) > band.high


@pytest.mark.slow
@pytest.mark.parametrize(("coils", "centre"), [(4, 8), (8, 10), (16, 12), (4, 20), (16, 8)])
def test_so_it_is_under_a_two_dimensional_mask(coils: int, centre: int) -> None:
    measurement, truth = simulated(coils, 0.01, 4, coils, "poisson-disc", centre)
    band = run(plausible_band(measurement))
    fitted = conjugate_gradients(measurement.model.normal, measurement.model.adjoint(measurement.data), 200)
    assert residual(measurement, fitted) < band.low
    assert band.holds(residual(measurement, truth))


@pytest.mark.parametrize("coils", [4, 8])
def test_a_misfit_three_times_as_large_beside_the_acs_is_expected_there(coils: int) -> None:
    """Relative to the signal: 0.1% of its energy inside, where it is seen, and 0.3% of it outside."""
    rows, columns = np.mgrid[-1 : 1 : 1j * 96, -1 : 1 : 1j * 96]
    fine = head(96) * (1 + 2 * np.cos(70 * rows) * np.cos(60 * columns))  # with much signal outside
    one = simulate_slice(fine, np.random.default_rng(0), coils=coils, noise_level=1e-3)
    mask = Sampling(pattern="equispaced", acceleration=2, centre_fraction=12 / 96, seed=0).mask(96, 96)
    data, generator = one.kspace * mask, torch.Generator().manual_seed(0)
    inside = mask & (torch.arange(96) >= 42) & (torch.arange(96) < 54)
    for part, share in ((inside, 0.001), (mask & ~inside, 0.003)):
        misfit = torch.randn(data.shape, dtype=data.dtype, generator=generator) * part
        data = data + misfit * (share**0.5 * (one.kspace * part).norm() / misfit.norm())
    measurement = Measurement(data, mask, (96, 96), kept=Calibration(one.sensitivities, one.sigma))
    band = run(plausible_band(measurement))
    least, left = band.unregularised**2, residual(measurement, one.image.to(data.dtype)) ** 2
    assert left - least == pytest.approx(band.expected**2 - least, rel=0.2)
    spent, widest = 0.1 / (1 + band.misfit), 1 + 2 * (0.15**2 + 1 / band.freedom) ** 0.5  # noise without misfit, both
    assert band.low**2 - least == pytest.approx(spent * (band.expected**2 - least))
    assert band.high**2 - least == pytest.approx(widest * (band.expected**2 - least))


@pytest.mark.slow
@pytest.mark.parametrize("coils", [4, 12])
@pytest.mark.parametrize("missing", [24, 36, 43])
def test_the_reference_of_a_partial_fourier_scan_is_plausible(coils: int, missing: int) -> None:
    """Beside the end of k-space the coils carry its signal into the points that are known to be zero."""
    one = simulate_slice(head(96), np.random.default_rng(coils), coils=coils, noise_level=0.003)
    acquired = torch.arange(96)[None] >= missing
    mask = Sampling(pattern="equispaced", acceleration=2, centre_fraction=12 / 96).mask(96, 96) & acquired
    measurement = Measurement(one.kspace * mask, mask, (96, 96), acquired=acquired)
    clean = measurement.to_data((one.kspace - one.noise) * acquired)
    reference = coil_combined(fourier.ifft(clean, measurement.dims), measurement.model.sensitivities)
    band, left = run(plausible_band(measurement)), residual(measurement, reference)
    assert band.holds(left)
    assert left**2 - band.unregularised**2 == pytest.approx(band.expected**2 - band.unregularised**2, rel=0.3)


@pytest.mark.parametrize("every", [1, 4])
def test_truncation_counts_only_where_something_is_known_to_be_zero(every: int) -> None:
    """With all other points sampled the reference is the least-squares image, which has nothing on top."""
    one = simulate_slice(head(96), np.random.default_rng(0), coils=8, noise_level=1e-3)
    lines = torch.arange(96)[None]
    for acquired, more in ((lines >= 36, every > 1), (lines >= 0, False)):
        mask = acquired & ((lines % every == 0) | ((lines - 48).abs() < 6))
        measurement = Measurement(one.kspace * mask, mask, (96, 96), acquired=acquired)
        found = run(relayed(_truncation(measurement, measurement.model, measurement.data), Progress))
        left = float(measurement.data.abs().square().sum()) * 1e-6
        assert (found > 10 * left) if more else (found < left)


@pytest.mark.parametrize("padded", [0, 14])
def test_the_noise_of_a_pixel_is_that_of_a_full_scan(padded: int) -> None:
    """As the noise map of the reference has it, less what the sensitivities fit of it in the ACS; lines that are never
    measured have no noise.
    """
    one = simulate_slice(head(96), np.random.default_rng(0), coils=8, noise_level=0.01)
    mask = torch.ones(1, 96, dtype=torch.bool)
    mask[:, :padded] = mask[:, 96 - padded :] = False
    kspace = one.kspace * mask
    measurement = Measurement(kspace, mask, (96, 96), kspace)
    band = run(plausible_band(measurement))
    of_map = reference_noise(measurement)[measurement.foreground].median()
    assert band.pixel_noise == pytest.approx(float(of_map), rel=0.08)


@pytest.mark.slow
def test_an_image_is_judged_on_the_output_matrix() -> None:
    """The object reaches beyond it: what lies there is in every image's residual, and in the band."""
    whole, truth = simulated(8, 0.01, 2, seed=1)
    cropped = replace(whole, matrix=(96, 64))
    band, wide = run(plausible_band(cropped)), run(plausible_band(whole))
    assert wide.holds(whole.misfit(truth))
    assert cropped.misfit(cropped.crop(truth)) > 1.5 * wide.high
    assert band.unregularised > 1.5 * wide.high
    assert band.freedom < 0.9 * wide.freedom


@pytest.mark.slow
def test_degrees_of_freedom_are_those_of_the_projection() -> None:
    """Random smooth maps, noise alone: the residual of the fit to the ACS is that noise times the freedom it counts.

    One coil is louder than the others and has more of the noise, of which the fit takes up the most.
    """
    generator = torch.Generator().manual_seed(0)
    spectrum = torch.zeros(5, 6, 64, dtype=torch.complex64)
    spectrum[..., 30:35] = torch.randn(5, 6, 5, dtype=torch.complex64, generator=generator)
    spectrum[0] *= 3
    maps = torch.fft.ifft(torch.fft.ifftshift(spectrum, -1), norm="ortho")
    mask = torch.zeros(1, 64, dtype=torch.bool)
    mask[:, 26:38] = True
    model = ForwardModel(torch.fft.fftshift(maps, -1), mask, (-1,))
    weights = torch.tensor([2.6, 0.3, 0.5, 0.7, 0.9], dtype=torch.float64)
    scale = weights.sqrt().float()[:, None, None]
    found = []
    for _ in range(200):
        noise = scale * mask * torch.randn(5, 6, 64, dtype=torch.complex64, generator=generator)
        left, free, block = _acs_fit(model, noise, weights, mask)
        found.append(left)
    assert block == (slice(None), slice(26, 38))
    _, even, _ = _acs_fit(model, noise, torch.ones_like(weights), mask)
    # Equations less unknowns in each of six rows; of the three beyond the ACS the maps' five points reach two.
    assert even == pytest.approx(6 * (5 * 12 - 16))
    assert free < 0.8 * even
    assert np.mean(found) == pytest.approx(free, rel=0.02)
    image = torch.zeros(6, 64, dtype=torch.complex64)
    image[:] = torch.exp(2j * torch.pi * 7 * (torch.arange(64) - 32) / 64)  # a wave just beyond the ACS
    data = model.forward(image)
    assert _acs_fit(model, data, weights, mask)[0] < 1e-6 * float(data.abs().square().sum())


def test_one_coil_determines_nothing_and_has_a_band_by_its_noise() -> None:
    one = simulate_slice(head(96), np.random.default_rng(0), coils=1, noise_level=0.02)
    mask = Sampling(acceleration=2, centre_fraction=0.2).mask(96, 96)
    band = run(plausible_band(Measurement(one.kspace * mask, mask, (96, 96))))
    assert band.misfit == 0
    assert band.unregularised < band.low < band.expected < band.high
    assert band.noise == pytest.approx(float(one.sigma[0]), rel=0.2)


def test_coils_that_measure_nothing_leave_the_band_and_the_noise() -> None:
    one, _ = simulated(4, 0.01, 2, seed=0)
    kspace = torch.cat((one.kspace, torch.zeros_like(one.kspace)))
    band, same = (run(plausible_band(each)) for each in (one, Measurement(kspace, one.mask, one.matrix)))
    assert vars(same) == pytest.approx(vars(band), rel=1e-3)


def test_a_noiseless_slice_has_a_band() -> None:
    measurement, truth = simulated(8, 1e-6, 2, seed=0)
    band = run(plausible_band(measurement))
    assert 0 <= band.low <= band.expected <= band.high < 0.1
    assert residual(measurement, truth) < 2 * band.high


@pytest.mark.parametrize("pattern", ["equispaced", "poisson-disc"])
def test_each_step_of_the_calibration_is_told(pattern: Pattern) -> None:
    one = simulate_slice(head(64), np.random.default_rng(0), coils=4, noise_level=0.01)
    acquired = torch.arange(64)[None] >= 20
    mask = Sampling(pattern=pattern, acceleration=2, centre_fraction=0.2).mask(64, 64) & acquired
    fractions = list[float]()
    job = plausible_band(Measurement(one.kspace * mask, mask, (64, 64), acquired=acquired))
    for step in job:
        fractions.append(step.fraction)
        assert torch.is_grad_enabled(), "whoever drives the job computes as before"
    assert len(fractions) > 100
    assert fractions == sorted(fractions)
    assert fractions[0] == 0 < fractions[-1] <= 1


def test_a_batch_is_refused() -> None:
    measurement, _ = simulated(4, 0.01, 2, seed=0)
    with pytest.raises(InputError, match="one slice .* is taken at a time"):
        run(plausible_band(measurement.with_kspace(measurement.kspace.expand(2, -1, -1, -1))))
