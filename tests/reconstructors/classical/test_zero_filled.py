import numpy as np
import pytest
import torch

from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.reconstructors.classical.zero_filled import ZeroFilled


@pytest.mark.parametrize("pattern", ["lines", "plane"])
def test_both_combinations_by_numpy(pattern: str, request: pytest.FixtureRequest) -> None:
    measurement: Measurement = request.getfixturevalue(pattern)
    kspace = np.fft.ifftshift(measurement.kspace.numpy(), (-2, -1))
    images = np.fft.fftshift(np.fft.ifft2(kspace, norm="ortho"), (-2, -1))
    rss = np.sqrt((np.abs(images) ** 2).sum(0))
    combined = (measurement.calibration.sensitivities.numpy().conj() * images).sum(0)
    np.testing.assert_allclose(ZeroFilled()(measurement).numpy(), rss, atol=1e-5 * rss.max())
    np.testing.assert_allclose(ZeroFilled()(measurement, combine="combined").numpy(), combined, atol=1e-5 * rss.max())


def test_the_readout_oversampling_is_cropped(lines: Measurement) -> None:
    cropped = Measurement(lines.kspace, lines.mask, (24, lines.matrix[1]))
    whole = ZeroFilled()(lines)
    torch.testing.assert_close(ZeroFilled()(cropped), whole[12:36], atol=1e-6, rtol=1e-4)


def test_root_sum_of_squares_needs_no_calibration() -> None:
    kspace = torch.randn(2, 8, 8, dtype=torch.complex64)
    mask = torch.tensor([[True, False] * 4])
    measurement = Measurement(kspace * mask, mask, (8, 8))
    ZeroFilled()(measurement)
    assert "calibration" not in vars(measurement)


@pytest.mark.parametrize("combine", ["rss", "combined"])
def test_it_is_judged_by_the_image_of_its_own_combination(lines: Measurement, combine: str) -> None:
    """Full sampling gives exactly that image."""
    kspace = torch.randn(lines.kspace.shape, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(lines.mask)
    full = Measurement(kspace, mask, lines.matrix, full=kspace, kept=lines.calibration)
    method = ZeroFilled().at(combine=combine)
    assert method.reference_kind == combine
    reference = full.reference(method.reference_kind)
    assert reference is not None
    torch.testing.assert_close(method(full).abs(), reference, rtol=1e-4, atol=1e-5 * float(reference.max()))
