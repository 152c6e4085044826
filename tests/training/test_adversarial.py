import numpy as np
import pytest
import torch

from napari_recon_robust.ground.progress import run
from napari_recon_robust.networks import registry as networks
from napari_recon_robust.training import loop
from napari_recon_robust.training import run as stepping
from napari_recon_robust.training.adversarial import Adversarial
from napari_recon_robust.training.bank import Bank
from napari_recon_robust.training.example import MaskSpecification, draw_example
from napari_recon_robust.training.losses import make_loss
from napari_recon_robust.weights import store

NETWORKS = {
    "adversarial-refinement": ("dagan", {"widths": [16, 16]}),
    "generation": ("gan-prior", {"widths": [16, 16, 16]}),
}


@pytest.fixture(params=NETWORKS)
def recipe(request, specification) -> loop.Recipe:
    network, arguments = NETWORKS[request.param]
    return loop.Recipe(
        id="small",
        title="a small network",
        network=network,
        arguments=arguments,
        loss=request.param,
        bank=specification,
        pixels=24 * 64,
        presets={"cpu": {"steps": 4, "validate_every": 2, "precision": "float32"}},
    )


@pytest.mark.slow
def test_a_resumed_run_ends_with_the_same_weights(recipe, bank, anatomy_folder, tmp_path, monkeypatch):
    """Those of the discriminator and its optimiser go into the checkpoint."""
    monkeypatch.setattr(stepping, "_REPORT_SECONDS", -1)
    monkeypatch.setattr(stepping, "_CHECKPOINT_SECONDS", -1)
    (tmp_path / "bank").symlink_to(bank.paths[0].parent, target_is_directory=True)
    whole = store.load(str(run(loop.train(recipe, anatomy_folder, tmp_path)))).state
    (tmp_path / "checkpoint.pt").unlink()

    job = loop.train(recipe, anatomy_folder, tmp_path)
    for _ in range(2):
        next(step for step in job if step.preview is not None)
    job.close()
    resumed = store.load(str(run(loop.train(recipe, anatomy_folder, tmp_path, resume=True)))).state
    assert resumed.keys() == whole.keys()
    assert all(torch.equal(resumed[name], whole[name]) for name in whole)


@pytest.mark.slow
def test_a_discriminator_learns_to_tell_them_apart():
    """Noise from a smooth image, by the logarithm that chance would leave at log 2 each."""
    torch.manual_seed(0)
    adversarial = Adversarial()
    smooth = torch.nn.functional.avg_pool2d(torch.randn(1, 2, 48, 48), 9, 1, 4)
    for _ in range(30):
        adversarial.learn(smooth, [0.1 * torch.randn(1, 2, 48, 48)])
    adversarial.eval()
    with torch.no_grad():
        noise = 0.1 * torch.randn(1, 2, 48, 48)
        assert float(adversarial.deceived(smooth)) < 0.5
        assert float(adversarial.deceived(noise)) > 1
        assert float(adversarial.unlike(smooth, smooth)) == 0 < float(adversarial.unlike(noise, smooth))


@pytest.mark.parametrize("name", NETWORKS)
def test_validation_teaches_nothing(name, bank: Bank):
    """And has a score that does not depend on the discriminator of the moment."""
    network, arguments = NETWORKS[name]
    made = networks.make(network, arguments)
    loss = make_loss(name, 0)
    assert isinstance(loss, Adversarial)
    before = {key: value.clone() for key, value in loss.discriminator.named_parameters()}
    example = draw_example(bank[0], MaskSpecification(), 24 * 64, np.random.default_rng(0))
    with torch.no_grad():
        score = float(loss(made, example, np.random.default_rng(1)))
    assert all(torch.equal(before[key], value) for key, value in loss.discriminator.named_parameters())
    with torch.no_grad():
        assert float(make_loss(name, 7)(made, example, np.random.default_rng(1))) == score
    loss(made, example, np.random.default_rng(1)).backward()
    assert not all(torch.equal(before[key], value) for key, value in loss.discriminator.named_parameters())
    assert all(parameter.grad is not None for parameter in made.parameters())
