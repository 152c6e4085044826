"""What of the samples no image explains."""

import numpy as np
import pytest
import torch

from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.physics import coils, unexplained
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


def test_sensitivities_that_explain_the_samples_are_taken_for_each_item_of_a_batch():
    forward, image = model(64, 8, 2)
    right = forward.sensitivities
    wrong = right * torch.exp(1j * torch.linspace(0, 3, 64))[:, None] ** torch.arange(8)[:, None, None]
    data = torch.stack([ForwardModel(maps, forward.mask, (-2, -1)).forward(image) for maps in (right, wrong)])
    for candidates in ((right, wrong), (wrong, right)):
        found = unexplained.explaining_most(candidates, data, forward.mask, (-2, -1))
        assert torch.equal(found, torch.stack([right, wrong]))
    nearly = right * (1 + 1e-4)
    noisy = data[0] + forward.mask * 0.01 * data[0].abs().max() * torch.randn(data[0].shape, dtype=data.dtype)
    assert torch.equal(unexplained.explaining_most((nearly, right), noisy, forward.mask, (-2, -1)), nearly)


@pytest.mark.parametrize(("radius", "longer"), [(0.8, False), (0.97, True)])
def test_longer_kernels_where_the_object_fills_the_field_of_view(radius, longer):
    """There sensitivities change faster over it; elsewhere shorter kernels are nearer to the true ones."""
    size = 128
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    inside = np.hypot(y, x) < radius
    magnitude = inside * (0.6 + 0.4 * np.sin(7 * y + 3 * x * x) * np.cos(9 * x))
    scan = simulate_slice(magnitude, np.random.default_rng(1), coils=8, noise_level=0.002)
    mask = Sampling(acceleration=4, centre_fraction=12 / size).mask(size, size)
    measurement = Measurement(scan.kspace * mask, mask, (size, size))
    noise = measurement.calibration.noise
    both = coils.espirit_by_length(measurement.data, measurement.sampled, measurement.dims, noise)

    def off(maps):
        """The share of the true sensitivities' energy that lies beside the estimated ones."""
        along = (maps.conj() * scan.sensitivities).sum(0).abs().square()[torch.from_numpy(inside)]
        return float(1 - along.mean())

    taken = measurement.calibration.sensitivities
    assert torch.equal(taken, both[longer])
    assert off(taken) == min(map(off, both))
