import pytest
import torch

from napari_recon_robust.data.foreground import foreground
from napari_recon_robust.evaluation.metrics import nmse
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.networks.loading import load_trained
from napari_recon_robust.physics import fourier
from napari_recon_robust.physics.model import ForwardModel
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.reconstructors.classical import tv
from napari_recon_robust.reconstructors.learned.data_consistency import data_consistency
from napari_recon_robust.reconstructors.learned.hqs_supervised import SupervisedHQSNetwork
from napari_recon_robust.reconstructors.problem import Problem, problems


def test_an_untrained_network_returns_the_tv_image(lines):
    """With U = 0 the TV solution is a fixed point of every unroll."""
    (problem,) = problems(lines)
    image = SupervisedHQSNetwork(unrolls=3, widths=(8, 8))(problem) * lines.scale
    weight = tv.auto_weight(lines)
    torch.testing.assert_close(image, registry.get("tv")(lines, weight=weight), rtol=0.02, atol=0.01)


def test_a_correction_obeys_the_splitting(lines):
    """One unroll is P (A^H y + w (z - d)) with the dual d of the TV solution, solved here by the operators alone."""
    (problem,) = problems(lines)
    network = SupervisedHQSNetwork(unrolls=1, widths=(8, 8))
    torch.nn.init.normal_(network.correction.last.bias, std=0.1, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        image = network(problem)
        problem, phase = problem.aligned
        image = image * phase.conj()
        start = tv.minimiser(problem.right_hand_side, problem.model, tv.rule(float(problem.noise)))
        penalty = (network.penalty_offset + network.penalty_slope * (problem.noise / 0.005).log()).exp()
        # (N + w) x = b + w (z - d) with w d = b - N x_0, so w z follows from the image.
        z = (problem.model.normal(image) + penalty * image - problem.model.normal(start)) / penalty
        diagonal = data_consistency(problem.model, penalty).diagonal
        gate = 5 * problem.noise / diagonal.sqrt() / penalty
        correction = ((z - start) / gate)[::2, ::2]
    # The last layer's bias alone: the same number in each block of pixels, which the network's gate has scaled.
    torch.testing.assert_close(correction, correction[:1, :1].expand_as(correction), rtol=2e-2, atol=2e-3)
    assert float(correction.abs().max()) > 1e-2


def test_own_networks_start_as_the_one_that_was_shared(lines):
    """A network with a U-Net for each unroll takes the tensors of a shared one, and differs once they do."""
    (problem,) = problems(lines)
    torch.manual_seed(0)
    shared = SupervisedHQSNetwork(unrolls=3, widths=(8, 8))
    torch.nn.init.normal_(shared.correction.last.weight, std=0.02)
    own = SupervisedHQSNetwork(unrolls=3, widths=(8, 8), own=True)
    own.load_state_dict(shared.state_dict())
    with torch.no_grad():
        image = shared(problem)
        torch.testing.assert_close(own(problem), image, rtol=0, atol=0)
        own.later[1].last.weight.zero_()
        assert not torch.allclose(own(problem), image)
        again = SupervisedHQSNetwork(unrolls=3, widths=(8, 8), own=True)
        again.load_state_dict(own.state_dict())
        torch.testing.assert_close(again(problem), own(problem), rtol=0, atol=0)


def test_both_data_consistencies_give_the_same_image(hqs, lines):
    """The same lines as a 2-D pattern: only the estimate of the noise amplification differs."""
    network = load_trained(SupervisedHQSNetwork, hqs.weights, torch.device("cpu"))
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


@pytest.mark.slow
def test_the_shipped_weights_hold_on_a_real_brain(real_brain):
    """A scanner that training never saw: far below CG-SENSE, and near TV or better."""
    reference = real_brain.reference("combined")
    inside = foreground(reference)
    errors = {
        id: float(nmse(registry.get(id)(real_brain), reference, inside)) for id in ("hqs-supervised", "tv", "cg-sense")
    }
    assert errors["hqs-supervised"] < 0.95 * errors["cg-sense"]
    assert errors["hqs-supervised"] < 1.1 * errors["tv"]
