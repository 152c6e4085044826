"""What of the samples no image explains."""

import numpy as np
import torch

from napari_recon_robust.physics import unexplained
from napari_recon_robust.physics.model import ForwardModel
from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.simulation.acquisition import simulate_slice


def model(size: int, coils: int, acceleration: float) -> tuple[ForwardModel, torch.Tensor]:
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    scan = simulate_slice((np.hypot(y, x) < 0.8) * 1.0, np.random.default_rng(0), coils=coils, noise_level=0.001)
    mask = Sampling(pattern="poisson-disc", acceleration=acceleration, centre_fraction=0.1).mask(size, size)
    return ForwardModel(scan.sensitivities, mask, (-2, -1)), scan.image


def test_an_image_leaves_little_of_its_samples():
    forward, image = model(64, 12, 2)
    data = forward.forward(image)
    assert float(unexplained.residual(forward, data).norm() / data.norm()) < 0.05


def test_the_residual_is_linear_and_nears_that_of_least_squares():
    forward, _ = model(16, 4, 1.5)
    torch.manual_seed(0)
    first, second = (forward.mask * torch.randn(4, 16, 16, dtype=torch.complex64) for _ in range(2))
    together = unexplained.residual(forward, first + 2j * second)
    apart = unexplained.residual(forward, first) + 2j * unexplained.residual(forward, second)
    assert torch.allclose(together, apart, atol=1e-5)

    pixels = torch.eye(256, dtype=torch.complex128).reshape(256, 16, 16)
    matrix = forward.forward(pixels.to(torch.complex64)).flatten(1).T.to(torch.complex128)
    samples = first.flatten().to(torch.complex128)
    least = samples - matrix @ torch.linalg.lstsq(matrix, samples[:, None], driver="gelsd").solution[:, 0]
    found = unexplained.residual(forward, first).flatten()
    assert float((found - least).norm() / least.norm()) < 0.3
    assert float(found.norm()) >= float(least.norm())
