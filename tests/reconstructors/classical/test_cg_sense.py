import numpy as np
import pytest
import torch

from helpers.simulated import errors_about, simulate, undersampled
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.physics.model import ForwardModel
from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.reconstructors.classical.cg_sense import CGSense, conjugate_gradients, proximal


@pytest.mark.slow
@pytest.mark.parametrize("pattern", ["lines", "plane"])
def test_converges_to_sigpys_solution(pattern: str, request: pytest.FixtureRequest) -> None:
    from sigpy.mri.app import SenseRecon

    measurement: Measurement = request.getfixturevalue(pattern)
    weight = 0.02
    expected = SenseRecon(
        measurement.kspace.numpy(),
        measurement.calibration.sensitivities.numpy(),
        lamda=weight * float(measurement.model.largest_eigenvalue),
        weights=measurement.mask.expand(measurement.matrix).numpy().astype(np.float32),
        max_iter=60,
        show_pbar=False,
    ).run()
    image = CGSense()(measurement, weight=weight, iterations=60).numpy()
    assert np.linalg.norm(image - expected) < 1e-4 * np.linalg.norm(expected)


def test_iterations_converge_and_ten_are_close(lines: Measurement) -> None:
    converged = CGSense()(lines, iterations=60)
    errors = [float((CGSense()(lines, iterations=n) - converged).norm() / converged.norm()) for n in (1, 3, 10, 30)]
    assert errors == sorted(errors, reverse=True)
    assert errors[2] < 0.02
    torch.testing.assert_close(CGSense()(lines), CGSense()(lines, iterations=10))


@pytest.mark.parametrize("acceleration", [2, 3])
def test_where_noise_is_strong_half_or_twice_the_rules_weight_is_no_better(acceleration: int) -> None:
    """With noise of 0.1, which the weight is for; with less of it NMSE hardly depends on the weight."""
    scan = simulate(noise=0.1)
    measurement = undersampled(scan, Sampling(acceleration=acceleration, centre_fraction=0.2))
    half, rule, twice = errors_about(CGSense(), CGSense().rule(measurement)["weight"], measurement, scan)
    assert rule < min(half, twice)


def test_a_zero_right_hand_side_gives_zero_and_a_finite_gradient() -> None:
    b = torch.zeros(2, 3, 4, dtype=torch.complex64)
    b[1] = 1
    b.requires_grad_()
    x = conjugate_gradients(lambda x: 2 * x, b, 5)
    torch.testing.assert_close(x, b / 2)
    (gradient,) = torch.autograd.grad(x.real.sum(), b)
    assert torch.isfinite(torch.view_as_real(gradient)).all()


def test_the_proximal_image_solves_its_equation() -> None:
    """(A^H A + w) x = b + w z."""
    random = torch.Generator().manual_seed(0)
    maps = torch.randn(3, 10, 12, dtype=torch.complex64, generator=random)
    model = ForwardModel(maps, torch.rand(1, 12, generator=random) < 0.6, (-1,))
    b, z = torch.randn(2, 10, 12, dtype=torch.complex64, generator=random)
    x = proximal(model, b, z, 0.7, 60)
    torch.testing.assert_close(model.normal(x) + 0.7 * x, b + 0.7 * z, rtol=1e-3, atol=1e-3)


def test_steps_end_where_only_rounding_is_left() -> None:
    """With one coil A^H A is a projection: one step solves the system, and rounding lies where nothing is measured."""
    mask = (torch.arange(64)[None] % 4 == 0) | ((torch.arange(64)[None] - 32).abs() < 3)
    phase = torch.exp(1j * torch.linspace(0, 3, 64))
    model = ForwardModel((phase[:, None] * phase)[None], mask, (-1,))
    random = torch.Generator().manual_seed(0)
    b = model.adjoint(torch.randn((1, 64, 64), generator=random, dtype=torch.complex64))
    torch.testing.assert_close(conjugate_gradients(model.normal, b, 8), b)
