import gc
import pickle
from pathlib import Path
from weakref import ref

import pytest
import torch
from safetensors.torch import save_file

from napari_recon_robust.ground.errors import WeightsError
from napari_recon_robust.weights import store
from napari_recon_robust.weights.metadata import Metadata


def test_saved_weights_come_back_with_their_metadata(
    tmp_path: Path, state: dict[str, torch.Tensor], metadata: Metadata
) -> None:
    path = store.save(tmp_path, "net", state, metadata)
    weights = store.load(str(path))
    assert weights.metadata == metadata
    assert weights.state.keys() == state.keys()
    assert all(torch.equal(weights.state[key], state[key]) for key in state)
    assert weights.sha256 in (tmp_path / "net.md").read_text()
    described = store.describe(str(path))
    assert described["parameters"] == 7
    assert described["sha256"] == weights.sha256
    assert described["trained_for"]["acceleration"] == [2, 6]


def test_half_precision_is_in_the_file_alone(
    tmp_path: Path, state: dict[str, torch.Tensor], metadata: Metadata
) -> None:
    whole, half = (
        store.save(tmp_path / name, "net", state, metadata, half=name == "half") for name in ("whole", "half")
    )
    weights = store.load(str(half))
    assert half.stat().st_size < whole.stat().st_size
    assert all(weights.state[key].dtype == state[key].dtype for key in state)
    for key, value in state.items():
        torch.testing.assert_close(weights.state[key], value, rtol=2**-11, atol=1e-7)


def test_all_shipped_weights_together_are_small() -> None:
    assert sum(store.describe(name)["megabytes"] for name in store.shipped()) < 57


@pytest.mark.slow
def test_shipped_weights_are_those_of_their_cards() -> None:
    for name in store.shipped():
        weights = store.load(name)
        assert weights.metadata is not None
        assert all(torch.isfinite(tensor).all() for tensor in weights.state.values())
        assert store.describe(name)["sha256"] == weights.sha256


def test_weights_that_differ_from_their_card_are_refused(
    tmp_path: Path, state: dict[str, torch.Tensor], monkeypatch: pytest.MonkeyPatch, metadata: Metadata
) -> None:
    monkeypatch.setattr(store.resources, "files", lambda package: tmp_path)
    path = store.save(tmp_path, "net", state, metadata)
    assert store.load("net").metadata == metadata
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="install the package again"):
        store.load("net")
    (tmp_path / "net.md").unlink()
    with pytest.raises(WeightsError, match="no card"):
        store.load("net")


def test_a_file_may_have_its_suffix_in_capitals(tmp_path: Path, state: dict[str, torch.Tensor]) -> None:
    torch.save(state, tmp_path / "W.PT")
    save_file(state, tmp_path / "W.SAFETENSORS")
    for name in ("W.PT", "W.SAFETENSORS"):
        assert store.load(str(tmp_path / name)).state.keys() == state.keys()


def test_unknown_damaged_and_foreign_files(tmp_path: Path, state: dict[str, torch.Tensor]) -> None:
    with pytest.raises(WeightsError, match="no weights 'nothing'"):
        store.load("nothing")
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(b"not at all a file of tensors")
    with pytest.raises(WeightsError, match="safetensors"):
        store.load(str(damaged))
    save_file(state, tmp_path / "foreign.safetensors")
    assert store.load(str(tmp_path / "foreign.safetensors")).metadata is None


@pytest.mark.parametrize("wrap", [False, True])
def test_plain_checkpoints_load(tmp_path: Path, state: dict[str, torch.Tensor], wrap: bool) -> None:
    torch.save({"state_dict": state, "epoch": 3} if wrap else state, tmp_path / "plain.pt")
    loaded = store.load(str(tmp_path / "plain.pt")).state
    assert all(torch.equal(loaded[key], state[key]) for key in state)


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path: Path) -> None:
    class Payload:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (tmp_path / "executed",)  # type: ignore[return-value]

    torch.save({"weights": Payload()}, tmp_path / "zip.pt")
    (tmp_path / "plain.pt").write_bytes(pickle.dumps(Payload(), protocol=2))
    for name in ("zip.pt", "plain.pt"):
        with pytest.raises(WeightsError, match="run code"):
            store.load(str(tmp_path / name))
    assert not (tmp_path / "executed").exists()


def test_checkpoints_without_a_state_dict(tmp_path: Path) -> None:
    torch.save([1, 2], tmp_path / "list.pt")
    (tmp_path / "text.pt").write_text("hello")
    (tmp_path / "empty.pt").write_bytes(b"")
    for name in ("list.pt", "text.pt", "empty.pt", "missing.pt"):
        with pytest.raises(WeightsError):
            store.load(str(tmp_path / name))


@pytest.mark.slow
def test_no_more_sets_stay_in_memory_than_is_said(
    tmp_path: Path, state: dict[str, torch.Tensor], metadata: Metadata
) -> None:
    paths = [store.save(tmp_path, f"net{number}", state, metadata) for number in range(store.KEPT + 1)]
    first, second = (ref(store.load(str(path))) for path in paths[:2])
    for path in paths[2:]:
        store.load(str(path))
    gc.collect()
    assert first() is None
    assert second() is store.load(str(paths[1]))
