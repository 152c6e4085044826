"""fastMRI checkpoints: sizes from the keys, nothing else accepted, nothing executed."""

import pickle
from pathlib import Path

import pytest
import torch

from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.ground.errors import WeightsError
from napari_recon_robust.networks.fastmri_layout import FastMRIUNet, FastMRIVarNet
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.reconstructors.learned.unet import UNet
from napari_recon_robust.reconstructors.learned.varnet import VarNet
from napari_recon_robust.weights import store


def test_a_unet_and_a_varnet(tmp_path: Path, lines: Measurement) -> None:
    torch.manual_seed(0)
    torch.save(FastMRIUNet(1, 1, 3, 2).state_dict(), tmp_path / "unet.pt")
    torch.save(FastMRIVarNet(2, 3, 2, (2, 2)).state_dict(), tmp_path / "varnet.pth")
    unet, varnet = (registry.get(str(tmp_path / name)) for name in ("unet.pt", "varnet.pth"))
    assert isinstance(unet, UNet)
    assert isinstance(varnet, VarNet)
    assert (unet.id, unet.label) == ("unet.pt", "U-Net unet.pt")
    assert unet(lines).shape == varnet(lines).shape == lines.matrix
    torch.testing.assert_close(varnet(lines), varnet(lines, sensitivities="learned"))
    assert registry.get("varnet").knobs[0].default == "estimated"
    assert {knob.name: knob.default for knob in varnet.knobs} == {"sensitivities": "learned", "combination": "rss"}
    assert varnet.reference_kind == "rss"
    assert varnet.gives_gradient(lines)


def test_those_that_fastmri_training_leaves(tmp_path: Path, lines: Measurement) -> None:
    """Under "state_dict", with the module's prefix, beside the loss."""
    torch.manual_seed(0)
    for name, network in (("unet", FastMRIUNet(1, 1, 3, 2)), ("varnet", FastMRIVarNet(1, 3, 2, (2, 2)))):
        plain, kept = network.state_dict(), tmp_path / f"{name}.ckpt"
        torch.save(plain, tmp_path / f"{name}.pt")
        state = {f"{name}.{key}": value for key, value in plain.items()} | {"loss.w": torch.ones(1, 1, 7, 7)}
        torch.save({"state_dict": state, "epoch": 50}, kept)
        torch.testing.assert_close(registry.get(str(kept))(lines), registry.get(str(tmp_path / f"{name}.pt"))(lines))


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "model.module.", "reconstruction."])
def test_any_prefix_of_a_training_module(prefix: str, tmp_path: Path, lines: Measurement) -> None:
    """As torch's DataParallel and compile, and the Lightning modules of others, put before the names."""
    torch.manual_seed(0)
    for name, network in (("unet", FastMRIUNet(1, 1, 3, 2)), ("varnet", FastMRIVarNet(2, 3, 2, (2, 2)))):
        plain, kept = network.state_dict(), tmp_path / f"{name}.ckpt"
        torch.save(plain, tmp_path / f"{name}.pt")
        state = {f"{prefix}{key}": value for key, value in plain.items()} | {"loss.w": torch.ones(1, 1, 7, 7)}
        torch.save({"state_dict": state}, kept)
        torch.testing.assert_close(registry.get(str(kept))(lines), registry.get(str(tmp_path / f"{name}.pt"))(lines))


def test_the_published_names_are_taken_beside_a_moving_average(tmp_path: Path, lines: Measurement) -> None:
    plain = FastMRIUNet(1, 1, 3, 2).state_dict()
    torch.save(plain, tmp_path / "unet.pt")
    average = {f"ema.unet.{key}": torch.zeros_like(value) for key, value in plain.items()}
    torch.save(average | {f"unet.{key}": value for key, value in plain.items()}, tmp_path / "average.pt")
    found, expected = (registry.get(str(tmp_path / f"{name}.pt"))(lines) for name in ("average", "unet"))
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("others", [{"average": 1}, {"weight_of_data": 0}])
def test_a_network_within_a_larger_one_is_not_taken_for_it(others: dict[str, int], tmp_path: Path) -> None:
    """Beside a second network, or in an unrolled one, which it alone is not."""
    plain = FastMRIUNet(1, 1, 3, 2).state_dict()
    state = {f"denoiser.unet.{key}": value for key, value in plain.items()}
    for name, whole in others.items():
        state |= {f"{name}.{key}": value for key, value in plain.items()} if whole else {name: torch.ones(())}
    torch.save(state, tmp_path / "more.pt")
    with pytest.raises(WeightsError, match="do not have fastMRI's U-Net layout"):
        registry.get(str(tmp_path / "more.pt"))


def test_a_file_that_was_written_again_is_read_again(tmp_path: Path, lines: Measurement) -> None:
    path, images, marks = tmp_path / "unet.pt", [], []
    for seed in (0, 1):
        torch.manual_seed(seed)
        torch.save(FastMRIUNet(1, 1, 3, 2).state_dict(), path)
        method = registry.get(str(path))
        images.append(method(lines))
        marks.append(method.fingerprint()["unet.pt"])
    assert not torch.equal(*images)
    assert marks[0] != marks[1]


def test_published_weights_are_told_by_their_header(tmp_path: Path, lines: Measurement) -> None:
    """Not by its absence alone: what is stored with a header says whose weights they are."""
    torch.manual_seed(0)
    state = FastMRIVarNet(1, 4, 2, (4, 2)).state_dict()
    torch.save(state, tmp_path / "plain.pt")
    trained = store.load("varnet").metadata
    assert trained is not None
    assert not trained.published
    arguments = {"cascades": 1, "channels": 4, "pools": 2, "sensitivity": [4, 2]}
    ours = trained.model_copy(update={"architecture": arguments, "network": "varnet"})
    for name, published in (("theirs", True), ("ours", False)):
        store.save(tmp_path, name, state, ours.model_copy(update={"published": published}))
    plain, theirs, trained_here = (
        registry.get(str(tmp_path / name)) for name in ("plain.pt", "theirs.safetensors", "ours.safetensors")
    )
    torch.testing.assert_close(theirs(lines), plain(lines))
    assert {knob.name: knob.default for knob in theirs.knobs} == {"sensitivities": "learned", "combination": "rss"}
    assert {knob.name: knob.default for knob in trained_here.knobs} == {
        "sensitivities": "estimated",
        "combination": "sensitivities",
    }
    for method in (theirs, trained_here):  # no knob is without effect
        for name, value in (("sensitivities", "estimated"), ("combination", "sensitivities")):
            other = {"estimated": "learned", "sensitivities": "rss"}[value]
            assert not torch.allclose(method(lines, **{name: value}), method(lines, **{name: other}), atol=0)
    assert "Published by the network's authors" in (tmp_path / "theirs.md").read_text()


def test_leaderboard_weights_come_with_a_warning(tmp_path: Path) -> None:
    for name in ("knee_leaderboard_state_dict.pt", "mine.pt"):
        torch.save(FastMRIUNet(1, 1, 3, 2).state_dict(), tmp_path / name)
    assert "validation data" in registry.get(str(tmp_path / "knee_leaderboard_state_dict.pt")).caution
    assert not registry.get(str(tmp_path / "mine.pt")).caution


def test_other_architectures(tmp_path: Path) -> None:
    torch.save(torch.nn.Linear(2, 2).state_dict(), tmp_path / "linear.pt")
    with pytest.raises(WeightsError, match="has the weights bias, weight.*U-Net.*VarNet.*were expected"):
        registry.get(str(tmp_path / "linear.pt"))
    torch.save(FastMRIUNet(2, 2, 3, 2).state_dict(), tmp_path / "two.pt")
    with pytest.raises(WeightsError, match="from 2 to 2 channels"):
        registry.get(str(tmp_path / "two.pt"))
    state = FastMRIVarNet(2, 3, 2, (2, 2)).state_dict()
    del state["cascades.1.dc_weight"]
    torch.save(state, tmp_path / "part.pt")
    with pytest.raises(WeightsError, match="cascades.1.dc_weight"):
        registry.get(str(tmp_path / "part.pt"))


def test_nothing_is_executed_and_damage_is_named(tmp_path: Path) -> None:
    class Payload:
        def __reduce__(self) -> tuple[object, tuple[Path]]:
            return Path.touch, (tmp_path / "executed",)

    torch.save({"state_dict": Payload()}, tmp_path / "evil.pt")
    (tmp_path / "older.pth").write_bytes(pickle.dumps(Payload()))
    torch.save(FastMRIUNet(1, 1, 3, 2).state_dict(), tmp_path / "whole.pt")
    (tmp_path / "half.ckpt").write_bytes((tmp_path / "whole.pt").read_bytes()[:5000])
    for name in ("evil.pt", "older.pth"):
        with pytest.raises(WeightsError, match=f"{name} is no PyTorch checkpoint of tensors alone"):
            registry.get(str(tmp_path / name))
    with pytest.raises(WeightsError, match="half.ckpt is cut off or damaged; copy or download it again"):
        registry.get(str(tmp_path / "half.ckpt"))
    assert not (tmp_path / "executed").exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["hqs-supervised", "hyperrecon", "unet", "varnet-cg"])
def test_what_our_training_writes_is_a_method_by_its_path(name: str, tmp_path: Path, lines: Measurement) -> None:
    """Also files from before their description named the network, and from before networks had ids."""
    trained = store.load(name)
    assert trained.metadata is not None
    for network in ("", trained.metadata.network, loop_network(name)):
        metadata = trained.metadata.model_copy(update={"network": network})
        path = store.save(tmp_path, "mine", trained.state, metadata)
        method, shipped = registry.get(str(path)), registry.get(name)
        assert type(method) is type(shipped)
        assert method.id == "mine.safetensors"
        assert [knob.default for knob in method.knobs] == [knob.default for knob in shipped.knobs]
        torch.testing.assert_close(method(lines), shipped(lines))


def loop_network(name: str) -> str:
    from napari_recon_robust.training.loop import load_recipe

    return load_recipe(name).network


def test_a_varnet_trained_with_its_own_sensitivities_uses_them(tmp_path: Path) -> None:
    metadata = store.load("varnet-cg").metadata
    assert metadata is not None
    torch.manual_seed(0)
    state = FastMRIVarNet(1, 8, 2, (8, 2), passes_image=True).state_dict()
    for learned in (True, False):
        arguments = {"cascades": 1, "channels": 8, "pools": 2, "sensitivity": [8, 2], "learned": learned}
        described = metadata.model_copy(update={"architecture": arguments})
        method = registry.get(str(store.save(tmp_path, "mine", state, described)))
        assert method.knobs[0].default == ("learned" if learned else "estimated")


def test_our_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    trained = store.load("hqs-supervised")
    assert trained.metadata is not None
    other = trained.metadata.model_copy(update={"network": "future:Network"})
    with pytest.raises(WeightsError, match="no method here runs"):
        registry.get(str(store.save(tmp_path, "mine", trained.state, other)))
    wrong = trained.metadata.model_copy(update={"architecture": {"unrolls": 2, "widths": [8]}})
    with pytest.raises(WeightsError, match="tensors are not those of 'hqs-supervised'"):
        registry.get(str(store.save(tmp_path, "mine", trained.state, wrong)))
    loupe = store.load("loupe")
    assert loupe.metadata is not None
    with pytest.raises(WeightsError, match="no method here runs"):
        registry.get(str(store.save(tmp_path, "mine", loupe.state, loupe.metadata)))
