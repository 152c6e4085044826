import numpy as np
import pytest
import torch

from napari_recon_robust.data.measurement import Calibration, Measurement
from napari_recon_robust.evaluation.kspace import change, decibels, over_coils
from napari_recon_robust.physics import fourier


def measurement(image: torch.Tensor, mask: torch.Tensor) -> Measurement:
    """One coil that sees everything."""
    kept = Calibration(torch.ones(1, *image.shape, dtype=torch.complex64), torch.ones(1))
    kspace = fourier.fft(image.to(torch.complex64)[None], (-2, -1))
    return Measurement(kspace * mask, mask, (image.shape[0], image.shape[1]), kept=kept)


def test_decibels_fall_from_1_by_80() -> None:
    kspace = torch.tensor([[[3.0, 0.3, 3e-3, 3e-9, 0.0]], [[4.0, 0.4, 4e-3, 4e-9, 0.0]]], dtype=torch.complex64)
    largest = float(over_coils(kspace).max())
    assert largest == pytest.approx(5)
    np.testing.assert_allclose(decibels(kspace, largest), [[1, 0.75, 0.25, 0, 0]], atol=1e-6)
    assert not decibels(torch.zeros_like(kspace), 0.0).any()


def test_a_change_is_shown_alone_and_amplified() -> None:
    mask = torch.ones(1, 16, dtype=torch.bool)
    image = torch.ones(16, 16)
    clean = measurement(image, mask)
    changed = clean.with_kspace(1.08 * clean.kspace, keep=True)
    found = change(clean, changed)
    assert found.image_gain == 10
    np.testing.assert_allclose(found.image, 0.8, atol=1e-5)
    assert found.samples_gain == 50, "one bright sample of 256 may be beyond white"
    assert found.samples[8, 8] == 1
    assert np.delete(found.samples.ravel(), 8 * 16 + 8).max() < 0.05


def test_points_that_only_one_has_count() -> None:
    mask = torch.ones(1, 16, dtype=torch.bool)
    fewer = mask.clone()
    fewer[0, 8] = False
    clean = measurement(torch.ones(16, 16), fewer)
    all_of_them = measurement(torch.ones(16, 16), mask)
    assert change(clean, all_of_them).image.max() > 0, "samples that the clean measurement does not have"
