import pytest
import torch

from helpers.shifts import perturb, sentence
from napari_recon_robust.data.measurement import Calibration, Measurement
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.physics import fourier, noise
from napari_recon_robust.physics.sampling import Sampling


@pytest.mark.parametrize("factor", [1.0, 1.5, 4.0])
def test_the_noise_has_the_level_that_is_asked_for(measurement, combined, roi, factor):
    found = perturb("noise-level", measurement, combined, roi, factor=factor)
    assert found.budget.thermal == pytest.approx((factor**2 - 1) ** 0.5, rel=0.02)
    sigma = 0.01
    everywhere = found.measurement.full - measurement.full
    assert float(everywhere.abs().square().mean()) == pytest.approx((factor**2 - 1) * sigma**2, rel=0.05)
    assert "random noise" not in sentence(measurement, combined, roi, found)


def test_the_noise_of_each_coil_is_its_own(measurement, combined, roi):
    sigma = torch.tensor([0.01, 0.02, 0.0, 0.04])
    uneven = Measurement(
        measurement.kspace,
        measurement.mask,
        measurement.matrix,
        measurement.full,
        Calibration(measurement.kept.sensitivities, sigma),
    )
    found = perturb("noise-level", uneven, combined, roi, factor=2**0.5)
    level = (found.measurement.full - measurement.full).abs().square().mean((1, 2)).sqrt()
    torch.testing.assert_close(level, sigma, rtol=0.06, atol=1e-6)


def test_the_noise_is_as_correlated_between_coils_as_the_scans(combined):
    generator = torch.Generator().manual_seed(0)
    white = 0.01 * torch.randn(4, 320, 160, dtype=torch.complex64, generator=generator)
    mixed = torch.tensordot((torch.eye(4) + 0.3).to(torch.complex64), white, 1)
    tissue = torch.zeros(4, 320, 160, dtype=torch.complex64)
    tissue[:, 110:210, 50:110] = torch.randn(4, 1, 1, dtype=torch.complex64, generator=generator)
    kspace = fourier.fft(tissue) + mixed
    mask = Sampling(acceleration=4, centre_fraction=0.08).mask(320, 160)
    measurement = Measurement(kspace * mask, mask, (160, 160), kspace)
    found = perturb("noise-level", measurement, combined, ROI.box(60, 60, 30, 30), factor=2**0.5)
    truth = noise.covariance(mixed)
    assert (noise.covariance(found.measurement.full - kspace) - truth).norm() < 0.12 * truth.norm()
    assert (truth - torch.diag(truth.diagonal())).norm() > 0.3 * truth.norm()
    assert found.details == {"correlated": True}
    assert "correlation" not in found.statement


def test_it_is_said_where_no_correlation_between_coils_was_found(measurement, combined, roi):
    """With tissue in all rows noise is nowhere alone, and independent noise was added without a word."""
    found = perturb("noise-level", measurement, combined, roi)
    assert found.details == {"correlated": False}
    assert found.statement.endswith(
        "added to each coil alone: no correlation between coils was found in the scan's noise."
    )


def test_another_seed_is_other_noise(measurement, combined, roi):
    first, again, other = (perturb("noise-level", measurement, combined, roi, seed=seed) for seed in (3, 3, 4))
    assert torch.equal(first.perturbation, again.perturbation)
    overlap = (first.perturbation.conj() * other.perturbation).sum().abs()
    assert float(overlap) < 0.2 * float(first.perturbation.norm() * other.perturbation.norm())


def test_a_scan_without_noise_is_refused(measurement, combined, roi):
    kept = Calibration(measurement.kept.sensitivities, torch.zeros(4))
    silent = Measurement(measurement.kspace, measurement.mask, (32, 36), kept=kept)
    with pytest.raises(InputError, match="no noise"):
        perturb("noise-level", silent, combined, roi)
