"""The thermal noise of an image, against unfolding by hand and against a Monte-Carlo of its own."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from helpers import toy_slice
from helpers.toy_slice import COILS, COLUMNS, PARTS, ROWS, SIGMA, Combined, fully_sampled_part
from napari_recon_robust.analyses.noise_map import noise_amplification, noise_map, reference_noise
from napari_recon_robust.data.measurement import Calibration, Measurement
from napari_recon_robust.ground import progress
from napari_recon_robust.io import open_scan
from napari_recon_robust.physics import fourier, noise
from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.simulation.acquisition import simulate_slice

LEVELS = SIGMA * torch.tensor([0.7, 1.0, 1.3, 0.8])  # of the coils


@pytest.fixture(scope="module")
def measurement(scan_file: Path) -> Measurement:
    with open_scan(scan_file) as scan:
        return scan.measurement(1, Sampling(acceleration=3, centre_fraction=0.2))


def regular(levels: Tensor | None = None) -> tuple[Measurement, Tensor]:
    """Every other line of the toy slice without noise, its noise said to be of these levels; and where tissue is."""
    sensitivities, image, _ = toy_slice.simulate()
    levels = torch.full((COILS,), SIGMA) if levels is None else levels
    mask = torch.zeros(1, COLUMNS, dtype=torch.bool)
    mask[:, ::2] = True
    full = fourier.fft(sensitivities * image)
    measurement = Measurement(full * mask, mask, (ROWS, COLUMNS), full, Calibration(sensitivities, levels))
    return measurement, image.abs() > 0.5


def test_sense_amplifies_noise_by_its_g_factor() -> None:
    measurement, tissue = regular()
    found = progress.run(noise_map(measurement, registry.get("cg-sense").at(weight=1e-4), replicas=64))
    folded = measurement.calibration.sensitivities
    other = folded.roll(COLUMNS // 2, -1)  # the pixel that is aliased onto each
    overlap = (folded.conj() * other).sum(0).abs().square()
    expected = SIGMA * (1 / (1 - overlap)).sqrt()  # σ / √2 × √R × g with R = 2 and (SᴴS)⁻¹ of the two pixels
    ratio = (found / expected)[tissue]
    assert float(ratio.median()) == pytest.approx(1, abs=0.03)
    assert np.corrcoef(found[tissue], expected[tissue])[0, 1] > 0.9
    assert float(expected[tissue].max() / expected[tissue].min()) > 1.2, "or white noise would do"


@pytest.mark.slow
@pytest.mark.parametrize("method", ["cg-sense", "tv"])
def test_it_is_that_of_scans_drawn_anew(method: str) -> None:
    measurement, tissue = regular(LEVELS)
    chosen = registry.get(method).at()
    found = progress.run(noise_map(measurement, chosen))
    drawn = torch.stack(
        [
            chosen(
                measurement.with_kspace(noise.add(measurement.kspace, measurement.mask, LEVELS, 100 + seed), keep=True)
            )
            for seed in range(60)
        ]
    )
    inside = tissue & (torch.arange(COLUMNS) > 4)
    expected = drawn.abs().std(0)
    left, right = (inside & side for side in (torch.arange(COLUMNS) < 18, torch.arange(COLUMNS) >= 18))
    for part in (left, right):
        levels = [float(one[part].square().mean().sqrt()) for one in (found, expected)]
        assert levels[0] == pytest.approx(levels[1], rel=0.08)


def test_the_reference_has_the_noise_of_its_coils() -> None:
    measurement, tissue = regular(LEVELS)
    full, sensitivities = measurement.full, measurement.calibration.sensitivities
    assert full is not None
    images = [
        (sensitivities.conj() * fourier.ifft(noise.add(full, torch.ones(1, 1, dtype=torch.bool), LEVELS, seed))).sum(0)
        for seed in range(200)
    ]
    expected = torch.stack(images).abs().std(0)
    ratio = (expected / reference_noise(measurement))[tissue]
    assert float(ratio.square().mean().sqrt()) == pytest.approx(1, abs=0.02)


def test_noise_that_is_correlated_between_coils() -> None:
    """Against the same slice with noise drawn anew: coils that share much of it."""
    image = np.zeros((64, 48))
    image[14:50, 8:40] = 1
    generator = np.random.default_rng(0)
    scan = simulate_slice(image, generator, coils=20, noise_level=0.02, oversampling=2)
    mixing = torch.eye(20, dtype=torch.complex64) + 0.3 * torch.ones(20, 20)
    still = scan.kspace - scan.noise
    every = torch.ones(1, 48, dtype=torch.bool)
    measurements = []
    for _ in range(40):
        real, imaginary = generator.normal(scale=0.02 / 2**0.5, size=(2, *still.shape)).astype(np.float32)
        kspace = still + torch.tensordot(mixing, torch.from_numpy(real + 1j * imaginary), 1)
        measurements.append(Measurement(kspace, every, (64, 48), kspace))
    first = measurements[0]
    chosen = registry.get("cg-sense").at()
    drawn = torch.stack([chosen(replace(one, kept=first.calibration)) for one in measurements]).abs().std(0)
    tissue = torch.from_numpy(image > 0)
    expected = float(drawn[tissue].square().mean().sqrt())
    for found in (progress.run(noise_map(first, chosen)), reference_noise(first)):
        assert float(found[tissue].square().mean().sqrt()) == pytest.approx(expected, rel=0.05)


def test_the_reference_has_the_phase_of_the_correlation_between_its_coils(monkeypatch: pytest.MonkeyPatch) -> None:
    """S^H R S = (1 + 0.8j 1j - 1j (-0.8j) + 1) / 2 = 0.2, half of it in the real part; R^T would give 1.8."""
    r = torch.tensor([[1, 0.8j], [-0.8j, 1]], dtype=torch.complex64)
    monkeypatch.setattr(noise, "correlation", lambda *_: r)
    maps = torch.tensor([1, 1j], dtype=torch.complex64)[:, None, None].expand(2, 8, 8) / 2**0.5
    kspace, mask = torch.ones(2, 8, 8, dtype=torch.complex64), torch.ones(1, 8, dtype=torch.bool)
    found = reference_noise(Measurement(kspace, mask, (8, 8), kspace, Calibration(maps, torch.ones(2))))
    torch.testing.assert_close(found, torch.full((8, 8), 0.1**0.5))


def calibrated(measurement: Measurement, mask: Tensor) -> Measurement:
    """Its own sensitivities, and a noise that differs between the coils."""
    levels = measurement.calibration.noise * torch.tensor([0.5, 1.0, 1.5, 2.0])
    kept = Calibration(measurement.calibration.sensitivities, levels)
    assert measurement.full is not None
    return Measurement(measurement.full * mask, mask, measurement.matrix, measurement.full, kept)


@pytest.mark.parametrize("sampled", ["lines", "points", "everything"])
def test_noise_of_a_linear_method_has_its_analytic_deviation(measurement: Measurement, sampled: str) -> None:
    mask = {
        "lines": measurement.mask,
        "points": torch.rand(192, 96, generator=torch.Generator().manual_seed(0)) > 0.4,
        "everything": torch.ones(1, 96, dtype=torch.bool),
    }[sampled]
    if sampled == "points":  # of a scan without readout oversampling
        full = measurement.to_data(measurement.full)
        full = torch.fft.fftshift(torch.fft.fft(torch.fft.ifftshift(full, -2), dim=-2, norm="ortho"), -2)
        mask = mask[:96]
        measurement = Measurement(full, mask, (96, 96), full, measurement.calibration)
    noisy = calibrated(measurement, mask)
    sensitivities, sigma = noisy.calibration.sensitivities, noisy.calibration.noise
    found = progress.run(noise_map(noisy, Combined(), replicas=48))
    share = float(mask.double().mean())
    seen = sensitivities * sigma[:, None, None]
    between = noise.correlation(noisy.kspace, noisy.mask, sigma)
    assert torch.equal(between, torch.eye(4)) == (sampled == "points")
    analytic = (share * (seen.conj() * torch.tensordot(between, seen, 1)).real.sum(0) / 2).sqrt()
    ratio = (found / analytic)[32:64, 32:64]
    assert float(ratio.mean()) == pytest.approx(1, abs=0.03)
    assert float(ratio.std()) < 0.12


@pytest.mark.parametrize("part", list(PARTS))
def test_a_full_scan_of_a_part_of_kspace_amplifies_nothing(part: str) -> None:
    """Neither with padding nor with partial Fourier: the unit is the noise of the fully sampled image."""
    whole = fully_sampled_part(*PARTS[part])
    assert float(whole.acquired.float().mean()) < 0.95
    found = progress.run(noise_amplification(whole, Combined(), replicas=64, sensitivities="kept"))
    assert float(found[whole.foreground].mean()) == pytest.approx(1, abs=0.05)


def test_noise_of_a_fully_sampled_identity_is_flat_one() -> None:
    """A bright square seen by one coil of sensitivity 1; in air a magnitude has sqrt(2 - pi/2) of it.

    The zeros of its k-space are measured, too.
    """
    image = torch.zeros(64, 64, dtype=torch.complex64)
    image[16:48, 16:48] = 100
    kspace = torch.fft.fftshift(torch.fft.fft2(torch.fft.ifftshift(image), norm="ortho"))[None]
    one = Calibration(torch.ones(1, 64, 64, dtype=torch.complex64), torch.ones(1))
    mask = torch.ones(1, 64, dtype=torch.bool)
    found = progress.run(
        noise_amplification(
            Measurement(kspace, mask, (64, 64), kspace, one, mask), Combined(), replicas=64, sensitivities="kept"
        )
    )
    inside, outside = found[20:44, 20:44], found[:12]
    assert float(inside.square().mean()) ** 0.5 == pytest.approx(1, abs=0.02)
    assert float((inside - 1).abs().max()) < 0.15
    assert float(outside.square().mean()) == pytest.approx((2 - torch.pi / 2), abs=0.03)


def test_a_full_scan_amplifies_nothing_where_coils_share_their_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was 1.2 in a real 16-coil brain, of which the coils' mean level is no noise of the image."""
    shared = (0.6 + 0.4 * torch.eye(COILS)).to(torch.complex64)
    monkeypatch.setattr(noise, "correlation", lambda *_: shared)
    undersampled, tissue = regular(LEVELS)
    full, every = undersampled.full, torch.ones(1, COLUMNS, dtype=torch.bool)
    assert full is not None
    whole = Measurement(full, every, (ROWS, COLUMNS), full, undersampled.calibration)
    found = progress.run(noise_amplification(whole, Combined(), sensitivities="kept"))
    assert float(found[tissue].mean()) == pytest.approx(1, abs=0.03)
    assert float(reference_noise(whole)[tissue].max() / reference_noise(whole)[tissue].min()) > 1.2


def test_a_scan_without_noise() -> None:
    measurement, _ = regular(torch.zeros(COILS))
    for of in (noise_map, noise_amplification):
        assert not progress.run(of(measurement, registry.get("cg-sense"))).any()
