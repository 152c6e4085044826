import pytest
import torch

from napari_recon_robust.errors import InputError
from napari_recon_robust.measurement import Measurement
from napari_recon_robust.physics import fourier
from napari_recon_robust.physics.model import ForwardModel
from napari_recon_robust.reconstructors.hqs_supervised import HQSNetwork
from napari_recon_robust.reconstructors.unrolled import Problem, data_consistency, load_trained, problems


def test_an_untrained_network_iterates_the_linear_problem(lines):
    """With U = 0: x_{k+1} = P (A^H y + w x_k), the proximal point algorithm of least squares."""
    (problem,) = problems(lines)
    network = HQSNetwork(unrolls=3, widths=(8, 8))
    torch.nn.init.zeros_(network.correction.last.bias)
    with torch.no_grad():
        level = (problem.noise / 0.005).log()
        penalty = (network.penalty_offset + network.penalty_slope * level).exp()
        consistency = data_consistency(problem.model, penalty)
        expected = consistency.solve(problem.right_hand_side)
        for _ in range(3):
            expected = consistency.solve(problem.right_hand_side + penalty * expected)
        torch.testing.assert_close(network(problem), expected)


def test_the_image_is_in_the_units_of_the_scan(hqs, lines):
    small = Measurement(lines.kspace * 1e-6, lines.mask, lines.matrix)
    torch.testing.assert_close(hqs(small) * 1e6, hqs(lines), rtol=1e-3, atol=1e-4)


def test_a_batch_is_its_items(hqs, lines):
    other = 0.5 * lines.kspace + 0.1 * lines.kspace.flip(-2).conj() * lines.mask
    batch = lines.with_kspace(torch.stack([lines.kspace, other]))
    images = hqs(batch)
    torch.testing.assert_close(images[0], hqs(lines))
    torch.testing.assert_close(images[1], hqs(lines.with_kspace(other)))


@pytest.mark.parametrize("which", ["lines", "plane"])
def test_the_gradient_is_that_of_the_image(hqs, which, directional, request):
    """The whole chain, with the calibration kept, against finite differences, in which only the scale varies too."""
    measurement = request.getfixturevalue(which)
    target = hqs(measurement).detach()

    def loss(kspace: torch.Tensor) -> torch.Tensor:
        image = hqs(measurement.with_kspace(kspace, keep=True))
        return (image - 1.05 * target).abs().square().sum()

    difference, gradient = directional(loss, measurement.kspace, 1e-2 * float(measurement.kspace.norm()) / 50)
    assert difference == pytest.approx(gradient, rel=0.05)


def test_both_data_consistencies_give_the_same_image(hqs, lines):
    """The same lines as a 2-D pattern: only the estimate of the noise amplification differs."""
    network = load_trained(HQSNetwork, hqs.weights, torch.device("cpu"))
    (problem,) = problems(lines)
    plane = ForwardModel(problem.model.sensitivities, problem.model.mask.expand(problem.model.shape), (-2, -1))
    expected = network(problem)
    image = network(Problem(plane, fourier.fft(problem.data, (-2,)), problem.noise))
    assert float((image - expected).norm() / expected.norm()) < 0.03


def test_the_knob_changes_the_image_within_its_range(hqs, lines):
    low, high = hqs(lines, noise=0.5), hqs(lines, noise=2.0)
    assert float((low - high).norm() / high.norm()) > 1e-3
    with pytest.raises(InputError, match="noise"):
        hqs(lines, noise=4)
