"""A recipe, weights and checkpoints are data: none of them runs code, whatever it names."""

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from click.testing import CliRunner

from napari_recon_robust.cli import cli
from napari_recon_robust.ground.errors import InputError, ReconRobustError
from napari_recon_robust.ground.progress import run
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.training import loop
from napari_recon_robust.weights import store


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """What the code in evil.py would leave behind."""
    path = tmp_path / "trace"
    (tmp_path / "evil.py").write_text(
        f"open({str(path)!r}, 'w').close()\n\ndef reconstruct(kspace, mask, sensitivities):\n    return kspace[0]\n"
    )
    return path


@pytest.fixture
def values(specification, tmp_path: Path) -> dict[str, Any]:
    return {
        "id": "evil",
        "title": "a recipe that runs a script",
        "network": "own.function:open_model",
        "arguments": {"source": str(tmp_path / "evil.py")},
        "loss": "magnitude",
        "bank": specification.model_dump(mode="json"),
        "pixels": 24 * 64,
        "presets": {"cpu": {"steps": 2, "precision": "float32"}},
    }


class Payload:
    """A pickle that makes a file when it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.path,)


def command(*arguments: object) -> Any:
    return CliRunner().invoke(cli, list(map(str, arguments)), catch_exceptions=True)


@pytest.mark.slow
@pytest.mark.parametrize("network", ["own.function:open_model", "own.opening:open_model", "own.exported:open_model"])
def test_a_recipe_that_names_code(network: str, values, trace: Path, anatomy_folder: Path, tmp_path: Path) -> None:
    values["network"] = network
    (tmp_path / "evil.yaml").write_text(yaml.safe_dump(values))
    result = command("train", tmp_path / "evil.yaml", "--data", anatomy_folder, "--output", tmp_path / "run")
    assert not trace.exists()
    assert isinstance(result.exception, InputError)
    assert f"there is no network {network!r}" in str(result.exception)

    with pytest.raises(InputError, match="there is no network"):
        loop.load_recipe(str(tmp_path / "evil.yaml"))
    with pytest.raises(InputError, match="there is no network"):
        loop.Recipe(**values)
    harmless = loop.Recipe(**values | {"network": "unet", "arguments": {"channels": 4, "pools": 2}})
    forged = harmless.model_copy(update={"network": network, "arguments": values["arguments"]})
    with pytest.raises(InputError, match="there is no network"):
        run(loop.train(forged, anatomy_folder, tmp_path / "other"))
    assert not trace.exists()


def test_yaml_makes_no_objects(trace: Path, tmp_path: Path) -> None:
    (tmp_path / "evil.yaml").write_text(f"id: !!python/object/apply:pathlib.Path.touch [{str(trace)!r}]\n")
    with pytest.raises(InputError, match="cannot be read as YAML"):
        loop.load_recipe(str(tmp_path / "evil.yaml"))
    assert not trace.exists()


@pytest.mark.slow
def test_arguments_of_a_known_network_lead_nowhere(values, trace: Path, anatomy_folder: Path, tmp_path: Path) -> None:
    recipe = loop.Recipe(**values | {"network": "unet"})
    with pytest.raises(InputError, match="no network 'unet' can be made"):
        run(loop.train(recipe, anatomy_folder, tmp_path / "run"))
    assert not trace.exists()


@pytest.mark.parametrize("id", ["../evil", "/evil", "a/b", "", ".hidden"])
def test_a_recipe_writes_in_its_folder_alone(id: str, values) -> None:
    with pytest.raises(InputError, match="id is"):
        loop.Recipe(**values | {"network": "unet", "id": id})


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (("losss",), "mine.yaml (losss): losss is no setting"),
        (("presets", "cpu", "step"), "mine.yaml (presets.cpu.step): step is no setting"),
        (("bank", "people"), "mine.yaml (bank.people): there is no list of people 'x'"),
    ],
)
def test_what_is_wrong_in_a_file_is_said_with_its_place(
    part: tuple[str, ...], words: str, values, tmp_path: Path
) -> None:
    *parts, name = part
    inner = values | {"network": "unet"}
    wrong = inner
    for one in parts:
        inner = inner[one]
    inner[name] = "x"
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(wrong), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        loop.load_recipe(str(tmp_path / "mine.yaml"))
    assert str(caught.value).startswith(words)


@pytest.mark.parametrize("seed", [-1, 2**70])
def test_a_seed_from_which_nothing_can_be_drawn(seed: int, values) -> None:
    with pytest.raises(InputError, match="seed is"):
        loop.Recipe(**values | {"network": "unet", "seed": seed})


def test_weights_to_start_from(values, trace: Path, tmp_path: Path) -> None:
    torch.save({"state_dict": Payload(trace)}, tmp_path / "evil.pt")
    arguments = {"network": "unet", "arguments": {"channels": 4, "pools": 2}}
    recipe = loop.Recipe(**values | arguments | {"start": {"": str(tmp_path / "evil.pt")}})
    with pytest.raises(ReconRobustError, match="could run code"):
        loop.make_network(recipe)
    assert not trace.exists()


@pytest.mark.parametrize("network", ["own.function:open_model", "own.function:Function", "posixpath:join"])
def test_weights_whose_header_names_code(network: str, trace: Path, scan_file: Path, tmp_path: Path) -> None:
    trained = store.load("cascade-net")
    assert trained.metadata is not None
    forged = trained.metadata.model_copy(
        update={"network": network, "architecture": {"source": str(tmp_path / "evil.py")}}
    )
    path = store.save(tmp_path, "mine", trained.state, forged)
    with pytest.raises(ReconRobustError, match="no method here runs"):
        registry.get(str(path))
    result = command("reconstruct", scan_file, "--method", path)
    assert isinstance(result.exception, ReconRobustError)
    assert not trace.exists()


def test_weights_whose_header_asks_for_all_memory(scan_file: Path, tmp_path: Path) -> None:
    trained = store.load("hqs-supervised")
    assert trained.metadata is not None
    for widths in ([10**9, 10**9, 10**9], [200_000, 200_000, 200_000]):
        forged = trained.metadata.model_copy(
            update={"network": "hqs-supervised", "architecture": {"unrolls": 4, "widths": widths}}
        )
        path = store.save(tmp_path, "mine", trained.state, forged)
        with pytest.raises(ReconRobustError, match="its tensors are not those of 'hqs-supervised'"):
            registry.get(str(path))
        result = command("reconstruct", scan_file, "--method", path)
        assert isinstance(result.exception, ReconRobustError)


@pytest.mark.slow
def test_a_checkpoint_that_would_run_code(values, trace: Path, anatomy_folder: Path, tmp_path: Path) -> None:
    arguments = {"network": "unet", "arguments": {"channels": 4, "pools": 2}}
    recipe = loop.Recipe(**values | arguments)
    (tmp_path / "run").mkdir()
    torch.save({"recipe": Payload(trace)}, tmp_path / "run" / "checkpoint.pt")
    with pytest.raises(InputError, match="checkpoint"):
        run(loop.train(recipe, anatomy_folder, tmp_path / "run", resume=True))
    (tmp_path / "run" / "checkpoint.pt").write_bytes(pickle.dumps(Payload(trace)))
    with pytest.raises(InputError, match="checkpoint"):
        run(loop.train(recipe, anatomy_folder, tmp_path / "run", resume=True))
    assert not trace.exists()
