"""Fingerprints of this package, and of networks."""

import ast
import shutil
from hashlib import sha256
from pathlib import Path

import pytest
import torch
from torch import nn

import napari_recon_robust
from napari_recon_robust.reconstructors import fingerprint

SOURCE = Path(napari_recon_robust.__file__).parent


def imported_by(folder: str) -> set[str]:
    """The folders of this package that one of them imports."""
    found = set[str]()
    for path in (SOURCE / folder).rglob("*.py"):
        depth = len(path.relative_to(SOURCE).parts)
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.ImportFrom) and node.level == depth:
                names = [node.module] if node.module else [alias.name for alias in node.names]
                found.update(str(name).partition(".")[0] for name in names)
    return found


def test_no_folder_that_studies_need_is_left_out_of_the_digest_of_the_code() -> None:
    needed, new = set[str](), {"studies", "own_models", "analyses"}
    while new:
        needed |= new
        new = set().union(*map(imported_by, new)) - needed
    assert {"kernels", "physics", "reconstructors", "perturbations"} <= needed
    assert not needed & fingerprint.WITHOUT_NUMBERS
    assert all((SOURCE / name).is_dir() for name in fingerprint.WITHOUT_NUMBERS)


@pytest.mark.parametrize(
    ("name", "changes"),
    [("kernels/tv.py", True), ("kernels/new.py", True), ("window/session.py", False), ("kernels/notes.txt", False)],
)
def test_the_digest_is_of_the_sources_that_compute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, changes: bool
) -> None:
    for folder in ("kernels", "window", "reconstructors"):
        shutil.copytree(SOURCE / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(fingerprint, "__file__", str(tmp_path / "reconstructors" / "fingerprint.py"))

    def digest() -> str:
        fingerprint.of_package.cache_clear()
        return fingerprint.of_package()

    try:
        before = digest()
        source = tmp_path / "kernels" / "tv.py"
        source.write_bytes(source.read_bytes().replace(b"\n", b"\r\n"))
        assert digest() == before, "line ends of Windows"
        with (tmp_path / name).open("a", encoding="utf-8") as file:
            file.write("x = 1\n")
        assert (digest() != before) == changes
    finally:
        fingerprint.of_package.cache_clear()


def test_a_network_is_known_by_its_parameters_and_buffers() -> None:
    class Network(nn.Module):
        def __init__(self, gain: float = 1, shift: float = 1, rows: int = 3) -> None:
            super().__init__()
            self.gain = nn.Parameter(torch.full((2,), gain, dtype=torch.bfloat16))
            self.register_buffer("shift", torch.full((rows,), shift * 1j).conj(), persistent=False)
            self.register_buffer("sparse", torch.eye(3).to_sparse())
            self.lazy, self.meta = nn.LazyLinear(3), nn.Linear(2, 2, device="meta")

    same = [Network(), Network()]
    others = [Network(gain=0.5), Network(shift=2), Network(rows=4)]
    assert len({fingerprint.of_network(one, "net")["net (weights)"] for one in same}) == 1
    assert len({fingerprint.of_network(one, "net")["net (weights)"] for one in (same[0], *others)}) == 4


def test_a_network_whose_whole_state_counts_is_known_by_it_as_in_earlier_versions() -> None:
    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm, self.first = nn.BatchNorm2d(2), nn.Conv2d(2, 2, 1)
            self.second = nn.Conv2d(2, 2, 1)
            self.second.weight = self.first.weight

        def get_extra_state(self) -> torch.Tensor:
            return torch.arange(3)

        def set_extra_state(self, state: torch.Tensor) -> None:
            pass

    network, digest = Network(), sha256()
    for key, tensor in network.state_dict().items():
        digest.update(f"{key} {tensor.dtype} {tuple(tensor.shape)}".encode() + tensor.numpy().tobytes())
    assert fingerprint.of_network(network, "net") == {"net (weights)": digest.hexdigest()}
