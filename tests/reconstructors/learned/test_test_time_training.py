import copy

import pytest
import torch

from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.ground.errors import InputError, ModelError
from napari_recon_robust.ground.progress import Progress, run
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.reconstructors.learned.hqs_supervised import HQSSupervised
from napari_recon_robust.reconstructors.learned.hyperrecon import HyperRecon
from napari_recon_robust.reconstructors.learned.test_time_training import NETWORKS, TestTimeTraining


def test_the_shipped_network_is_untouched(hqs: HQSSupervised, lines: Measurement) -> None:
    network = hqs.network(torch.device("cpu"))
    before, image = copy.deepcopy(network.state_dict()), hqs(lines)
    TestTimeTraining(hqs)(lines, steps=6, rate=1e-2)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert torch.equal(hqs(lines), image)


@pytest.mark.slow
def test_held_out_samples_are_predicted_better(astray: HQSSupervised, lines: Measurement) -> None:
    steps: list[Progress] = []
    adapted = run(TestTimeTraining(astray).job(lines, steps=21, rate=1e-3), steps.append)
    errors = [float(step.message.split()[-1]) for step in steps]
    assert min(errors[1:]) < errors[0]
    assert float((adapted - astray(lines)).norm()) > 0


def test_weights_that_predicted_nothing_yet_are_not_kept(hqs: HQSSupervised, lines: Measurement) -> None:
    """Between two looks at the held-out samples the best weights are the trained ones."""
    torch.testing.assert_close(TestTimeTraining(hqs)(lines, steps=3, rate=1e-2), hqs(lines))


def test_knobs_of_the_method_are_its_own(hyperrecon: HyperRecon, lines: Measurement) -> None:
    images = [TestTimeTraining(hyperrecon.at(weight=weight))(lines, steps=1) for weight in (3e-4, 1e-2)]
    assert float((images[0] - images[1]).norm() / images[1].norm()) > 1e-3
    torch.testing.assert_close(images[1], hyperrecon(lines, weight=1e-2), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("id", NETWORKS)
def test_the_networks_on_offer_can_be_adapted(id: str) -> None:
    method = registry.get(id)
    assert hasattr(method, "network")
    assert hasattr(method, "apply")


def test_what_has_no_network_says_so(lines: Measurement) -> None:
    with pytest.raises((InputError, ModelError), match="no trained network"):
        TestTimeTraining(registry.get("tv"))(lines)


def test_its_fingerprint_names_the_weights() -> None:
    assert set(registry.get("hqs-supervised").fingerprint()) <= set(registry.get("test-time-training").fingerprint())


@pytest.mark.slow
def test_the_adapted_network_gives_the_same_image_and_a_gradient(hqs: HQSSupervised, lines: Measurement) -> None:
    method, knobs = TestTimeTraining(hqs), {"network": "hqs-supervised", "steps": 11, "rate": 1e-3}
    adapted = method.continuation(lines, **knobs)
    torch.testing.assert_close(adapted(lines), method(lines, **knobs))
    kspace = lines.kspace.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(adapted(lines.with_kspace(kspace, keep=True)).abs().square().sum(), kspace)
    assert float(gradient.abs().sum()) > 0
