import numpy as np
import pytest
import torch

from napari_recon_robust.reconstructors.classical import tv_wavelet
from napari_recon_robust.reconstructors.classical.tv_wavelet import details_of
from napari_recon_robust.reconstructors.classical.wavelet import Details
from napari_recon_robust.reconstructors.problem import problems


@pytest.mark.parametrize("shape", [(64, 48), (37, 53)], ids=str)
def test_its_wavelet_norm_is_that_of_the_sparse_reconstruction(shape: tuple[int, int]) -> None:
    """One goes through torch's convolutions, which can be trained on, the other through kernels or Fourier's space."""
    noise = torch.randn(*shape, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
    frame = Details()
    for image in (noise, noise.abs().cumsum(0).to(torch.complex64)):
        ours = sum(band.abs().sum() / 4**level for level, band in enumerate(details_of(image), start=1))
        torch.testing.assert_close(ours, (frame.limits * frame.forward(image).abs()).sum(), rtol=1e-4, atol=0)


def wavelet_norm(image: np.ndarray) -> float:
    """The mean over shifts of sum |orthonormal detail coefficients|, by PyWavelets."""
    pywt = pytest.importorskip("pywt")
    shifts = 2**3
    total = 0.0
    for down in range(shifts):
        for right in range(shifts):
            shifted = np.roll(image, (down, right), (0, 1))
            _, *details = pywt.wavedec2(shifted, "db2", mode="periodization", level=3)
            total += sum(np.abs(band).sum() for level in details for band in level)
    return total / shifts**2


def test_the_wavelet_part_is_the_mean_over_all_shifts(lines):
    (problem,) = problems(lines)
    image = problem.right_hand_side
    parts = [float(tv_wavelet.objective(problem.model, problem.data, image, weight, 1.0)) for weight in (1.0, 0.0)]
    assert parts[0] - parts[1] == pytest.approx(wavelet_norm(image.numpy()), rel=1e-4)


def test_the_total_variation_part(lines):
    (problem,) = problems(lines)
    image = problem.right_hand_side
    parts = [float(tv_wavelet.objective(problem.model, problem.data, image, weight, 0.0)) for weight in (1.0, 0.0)]
    x = image.numpy()
    down, right = np.zeros_like(x), np.zeros_like(x)
    down[:-1], right[:, :-1] = np.diff(x, axis=0), np.diff(x, axis=1)
    expected = np.sqrt(np.abs(down) ** 2 + np.abs(right) ** 2).sum()
    assert parts[0] - parts[1] == pytest.approx(float(expected), rel=1e-4)


def test_the_data_part_is_half_the_squared_residual(lines):
    (problem,) = problems(lines)
    image = torch.zeros_like(problem.right_hand_side)
    value = float(tv_wavelet.objective(problem.model, problem.data, image, 1e-3, 0.5))
    assert value == pytest.approx(0.5 * float(problem.data.abs().square().sum()), rel=1e-5)
