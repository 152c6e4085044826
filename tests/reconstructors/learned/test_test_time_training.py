import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
import torch

from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.ground.errors import InputError, ModelError
from napari_recon_robust.ground.progress import Progress, run
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.reconstructors.generative.dagan import DAGAN
from napari_recon_robust.reconstructors.learned.hqs_supervised import HQSSupervised
from napari_recon_robust.reconstructors.learned.hyperrecon import HyperRecon
from napari_recon_robust.reconstructors.learned.test_time_training import NETWORKS, TestTimeTraining
from napari_recon_robust.reconstructors.learned.trained import TrainedReconstructor
from napari_recon_robust.reconstructors.learned.unet_joint import ComplexUNet


@pytest.fixture(scope="module")
def astray_unet(make_random: Callable[..., Any], save: Callable[..., Path], tmp_path_factory: Any) -> DAGAN:
    """A U-Net whose corrections are random: there is much to learn."""
    arguments = {"widths": [8, 8]}
    return DAGAN(save(make_random(ComplexUNet, arguments, 0.1), arguments, tmp_path_factory.mktemp("dagan")))


@pytest.mark.slow
def test_the_shipped_network_is_untouched(hqs: HQSSupervised, lines: Measurement) -> None:
    network = hqs.network(torch.device("cpu"))
    before, image = copy.deepcopy(network.state_dict()), hqs(lines)
    TestTimeTraining(hqs)(lines, steps=6, rate=1e-2)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert torch.equal(hqs(lines), image)


@pytest.mark.slow
def test_a_network_that_has_much_to_learn_is_adapted(astray_unet: DAGAN, lines: Measurement) -> None:
    steps: list[Progress] = []
    adapted = run(TestTimeTraining(astray_unet).job(lines, steps=30, rate=1e-3), steps.append)
    assert steps[-1].message.startswith("adapted: the held-out error fell by ")
    reference = lines.reference()
    assert reference is not None
    before, after = (float((image.abs() - reference).norm()) for image in (astray_unet(lines), adapted))
    assert after < 0.9 * before


@pytest.mark.slow
def test_a_network_that_has_nothing_to_learn_gives_its_own_image(hqs: HQSSupervised, lines: Measurement) -> None:
    steps: list[Progress] = []
    image = run(TestTimeTraining(hqs).job(lines, steps=3, rate=1e-2), steps.append)
    assert steps[-1].message.startswith("not adapted: ")
    assert torch.equal(image, hqs(lines))


def test_knobs_of_the_method_are_its_own(hyperrecon: HyperRecon, lines: Measurement) -> None:
    images = [TestTimeTraining(hyperrecon.at(weight=weight))(lines, steps=1, rate=1e-6) for weight in (3e-4, 1e-2)]
    assert float((images[0] - images[1]).norm() / images[1].norm()) > 1e-3
    torch.testing.assert_close(images[1], hyperrecon(lines, weight=1e-2), rtol=1e-4, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("id", [*NETWORKS, "varnet-cg", "irim"])
def test_the_networks_image_of_a_slice_is_the_same_by_itself(id: str, lines: Measurement) -> None:
    """Test-time training sees slices as problems; what a user sees is the image of the measurement."""
    method = registry.get(id).at()
    trained = cast(TrainedReconstructor, method.reconstructor)
    with torch.no_grad():
        problem = trained.problem(lines, **method.knobs)
        alone = trained.solve(trained.network(torch.device("cpu")), problem, **method.knobs)
        expected = method(lines) / lines.scale
    support = lines.crop(lines.model.support)
    torch.testing.assert_close(support * alone.to(expected.dtype), support * expected, rtol=1e-3, atol=1e-4)


@pytest.mark.slow
def test_coil_images_that_a_varnet_combines_by_their_root_sum_of_squares(lines: Measurement) -> None:
    method = registry.get("varnet").at(combination="rss", sensitivities="learned")
    image = TestTimeTraining(method)(lines, steps=2, rate=1e-6)
    torch.testing.assert_close(image, method(lines), rtol=1e-2, atol=1e-2 * float(lines.scale))


def test_what_has_no_network_says_so(lines: Measurement) -> None:
    with pytest.raises((InputError, ModelError), match="no trained network"):
        TestTimeTraining(registry.get("tv"))(lines)


def test_its_fingerprint_names_the_weights() -> None:
    assert set(registry.get("hqs-supervised").fingerprint()) <= set(registry.get("test-time-training").fingerprint())


@pytest.mark.slow
def test_the_adapted_network_gives_the_same_image_and_a_gradient(astray_unet: DAGAN, lines: Measurement) -> None:
    method, knobs = TestTimeTraining(astray_unet), {"network": "dagan", "steps": 30, "rate": 1e-3}
    adapted = method.continuation(lines, **knobs)
    torch.testing.assert_close(adapted(lines), method(lines, **knobs))
    kspace = lines.kspace.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(adapted(lines.with_kspace(kspace, keep=True)).abs().square().sum(), kspace)
    assert float(gradient.abs().sum()) > 0


@pytest.mark.slow
def test_a_network_that_is_not_adapted_goes_on_as_it_is(hqs: HQSSupervised, lines: Measurement) -> None:
    adapted = TestTimeTraining(hqs).continuation(lines, network="hqs-supervised", steps=3, rate=1e-2)
    assert torch.equal(adapted(lines), hqs(lines))
