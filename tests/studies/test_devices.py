import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.studies.devices import claimed


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The GPUs of the machine by their identity, as CUDA numbers them for this process."""
    seen = ["GPU-a", "GPU-b"]
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr("napari_recon_robust.studies.devices.has_device", lambda name: name != "cuda:7")
    monkeypatch.setattr("torch.cuda.is_available", lambda: bool(seen))
    monkeypatch.setattr("torch.cuda.device_count", lambda: len(seen))
    monkeypatch.setattr("torch.cuda.get_device_properties", lambda number: SimpleNamespace(uuid=seen[number]))
    return seen


def test_a_device_that_is_named_is_taken(gpus: list[str]) -> None:
    for name in ("cpu", "cuda:1", "mps"):
        with claimed(name) as device:
            assert device == name


def test_a_device_that_is_not_there_is_told(gpus: list[str]) -> None:
    with pytest.raises(InputError, match=r"no device 'cuda:7'; run the study where there is one"), claimed("cuda:7"):
        pass


def test_each_worker_has_a_gpu_of_its_own_as_long_as_there_are_some(gpus: list[str]) -> None:
    with claimed("auto") as first:
        with claimed("auto") as second, claimed("auto") as third:
            assert [first, second] == ["cuda:0", "cuda:1"]
            assert third in (first, second), "they are shared"
        with claimed("auto") as again:
            assert again == "cuda:1", "a worker that has ended leaves its own"
        gpus.reverse()  # as another process may see them
        with claimed("auto") as other:
            assert other == "cuda:0"


def test_without_a_gpu_it_is_the_processor(gpus: list[str]) -> None:
    gpus.clear()
    with claimed("auto") as device:
        assert device == "cpu"
