import numpy as np
import pytest
import torch

from helpers.simulated import errors_about, simulate, undersampled
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.reconstructors.classical.cg_sense import CGSense


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
