import numpy as np
import pytest
import torch

from napari_recon_robust.networks.loading import load_trained
from napari_recon_robust.reconstructors.classical import energy, tv
from napari_recon_robust.reconstructors.learned.hyperrecon import HyperReconNetwork
from napari_recon_robust.reconstructors.problem import problems


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
    parts = [float(energy.objective(problem.model, problem.data, image, weight, 1.0)) for weight in (1.0, 0.0)]
    assert parts[0] - parts[1] == pytest.approx(wavelet_norm(image.numpy()), rel=1e-4)


def test_the_total_variation_part(lines):
    (problem,) = problems(lines)
    image = problem.right_hand_side
    parts = [float(energy.objective(problem.model, problem.data, image, weight, 0.0)) for weight in (1.0, 0.0)]
    x = image.numpy()
    down, right = np.zeros_like(x), np.zeros_like(x)
    down[:-1], right[:, :-1] = np.diff(x, axis=0), np.diff(x, axis=1)
    expected = np.sqrt(np.abs(down) ** 2 + np.abs(right) ** 2).sum()
    assert parts[0] - parts[1] == pytest.approx(float(expected), rel=1e-4)


def test_the_data_part_is_half_the_squared_residual(lines):
    (problem,) = problems(lines)
    image = torch.zeros_like(problem.right_hand_side)
    value = float(energy.objective(problem.model, problem.data, image, 1e-3, 0.5))
    assert value == pytest.approx(0.5 * float(problem.data.abs().square().sum()), rel=1e-5)


def test_a_family_is_its_members(hyperrecon, lines):
    points = [{"weight": 5e-4}, {"weight": 5e-3, "mix": 0.75}]
    for image, point in zip(hyperrecon.family(lines, points), points, strict=True):
        torch.testing.assert_close(image, hyperrecon(lines, **point))


def test_a_batch_is_its_items(hyperrecon, lines):
    batch = lines.with_kspace(torch.stack([lines.kspace, 0.5 * lines.kspace]))
    images = hyperrecon(batch)
    torch.testing.assert_close(images[0], hyperrecon(lines))
    torch.testing.assert_close(images[1], 0.5 * images[0], rtol=1e-3, atol=1e-4)


def test_both_knobs_reach_the_image(hyperrecon, lines):
    image = hyperrecon(lines)
    for point in ({"weight": 2e-2}, {"mix": 1.0}):
        assert float((hyperrecon(lines, **point) - image).norm() / image.norm()) > 1e-5


@pytest.mark.parametrize("which", ["lines", "plane"])
def test_the_gradient_is_that_of_the_image(hyperrecon, which, directional, request):
    measurement = request.getfixturevalue(which)
    target = hyperrecon(measurement).detach()

    def loss(kspace: torch.Tensor) -> torch.Tensor:
        image = hyperrecon(measurement.with_kspace(kspace, keep=True))
        return (image - 1.05 * target).abs().square().sum()

    difference, gradient = directional(loss, measurement.kspace, 1e-2 * float(measurement.kspace.norm()) / 50)
    assert difference == pytest.approx(gradient, rel=0.03)


@pytest.mark.slow
@pytest.mark.parametrize("weight", [5e-4, 2e-3, 1e-2])
def test_the_shipped_weights_minimise_the_objective_on_a_real_brain(real_brain, weight):
    """With mix 0 J is TV's, whose minimiser the TV solver knows."""
    network = load_trained(HyperReconNetwork, "hyperrecon", torch.device("cpu"))
    (problem,) = problems(real_brain)
    images = network(problem, weight, 0.0), tv.minimiser(problem.right_hand_side, problem.model, weight)
    reached, lowest = (float(energy.objective(problem.model, problem.data, x, weight, 0.0)) for x in images)
    assert lowest < 1.001 * reached
    assert reached < 1.1 * lowest
