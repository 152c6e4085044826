"""Files of torch.save: what is packed, or larger than what is stored, is refused before it fills the memory."""

import zipfile
from io import BytesIO
from pathlib import Path

import pytest
import torch

from napari_recon_robust.ground.errors import WeightsError
from napari_recon_robust.weights import store
from napari_recon_robust.weights.pickled import load_pickled


def saved(value: object) -> bytes:
    content = BytesIO()
    torch.save(value, content)
    return content.getvalue()


def test_tensors_numbers_and_text_come_back() -> None:
    weight = torch.arange(6.0).reshape(2, 3)
    read = load_pickled(saved({"a": weight.T, "b": [weight, "text", 3]}), "a.pt")
    assert torch.equal(read["a"], weight.T)
    assert read["b"][1:] == ["text", 3]


def test_a_packed_archive(tmp_path: Path) -> None:
    """5 MB that would become 5 GB; here 5 kB and 5 MB."""
    bomb = BytesIO()
    with (
        zipfile.ZipFile(BytesIO(saved({"a": torch.zeros(1_250_000)}))) as plain,
        zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for member in plain.namelist():
            packed.writestr(member, plain.read(member))
    (tmp_path / "bomb.pt").write_bytes(bomb.getvalue())
    with pytest.raises(WeightsError, match="bomb.pt is compressed, 5 MB in"):
        store.load(str(tmp_path / "bomb.pt"))


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
@pytest.mark.parametrize("method", ["script", "trace"])
@pytest.mark.parametrize("convolutions", [1, 6])
def test_torchscript_is_told_by_its_name(tmp_path: Path, method: str, convolutions: int) -> None:
    """Its code is packed, so that a small network's archive is smaller than its members and a large one's is not."""
    network = torch.nn.Sequential(*(torch.nn.Conv2d(8, 8, 3) for _ in range(convolutions)))
    script = torch.jit.script(network) if method == "script" else torch.jit.trace(network, torch.zeros(1, 8, 16, 16))
    torch.jit.save(script, tmp_path / "script.pt")
    with pytest.raises(WeightsError, match=r"script.pt is TorchScript, .* as .pt2, or give a .py file"):
        store.load(str(tmp_path / "script.pt"))


def test_a_tensor_that_is_larger_than_what_is_stored(tmp_path: Path) -> None:
    content = saved({"state_dict": {"a": torch.zeros(1).expand(10**6, 10**6)}})
    assert len(content) < 2000
    with pytest.raises(ValueError, match="larger than what is stored"):
        load_pickled(content, "a.pt")
    (tmp_path / "a.pt").write_bytes(content)
    with pytest.raises(WeightsError, match="a.pt is no PyTorch checkpoint"):
        store.load(str(tmp_path / "a.pt"))
