"""The modules beside a script are the script's own, whatever a program or another script has by their names."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from types import ModuleType

import pytest

from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.ground.errors import ModelError
from napari_recon_robust.ground.progress import run
from napari_recon_robust.own_models.function import Function
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.reconstructors.base import Reconstructor

HEAD = "from a_factor import FACTOR\ndef reconstruct(image): return FACTOR * image\n"
WITHIN = "def reconstruct(image):\n    from a_factor import FACTOR\n    return FACTOR * image\n"
KIND = """
from napari_recon_robust.ground.progress import Progress
from napari_recon_robust.reconstructors.base import Reconstructor

class Own(Reconstructor):
    id, label, summary = "own_of_a_script", "Own", "An own method."

    def reconstruct(self, measurement):
        from a_factor import FACTOR
        return FACTOR * measurement.crop(measurement.model.adjoint(measurement.data))

    def steps(self, measurement):
        from a_factor import FACTOR
        yield Progress(0.0, "Halfway")
        import a_factor
        assert a_factor.FACTOR is FACTOR
        return self.reconstruct(measurement)

method = Own()
"""


def opened(folder: Path, text: str, factor: float = 2.0, name: str = "reconstruct") -> Reconstructor:
    """The method of a script with that text, beside a module `a_factor` that has the factor."""
    folder.mkdir(exist_ok=True)
    (folder / "a_factor.py").write_text(f"FACTOR = {factor}\n", encoding="utf-8")
    (folder / "mine.py").write_text(text, encoding="utf-8")
    return registry.get(f"{folder / 'mine.py'}:{name}")


def mean(method: Reconstructor, measurement: Measurement) -> float:
    return float(method(measurement).abs().mean())


@pytest.fixture
def program() -> Iterator[ModuleType]:
    """A module of a program, which has imported it by the name that a script's neighbour has."""
    sys.modules["a_factor"] = module = ModuleType("a_factor")
    yield module
    sys.modules.pop("a_factor", None)


def test_methods_that_run_at_once_have_their_own_neighbours_and_do_not_wait(tmp_path: Path, lines: Measurement) -> None:
    meet, names = Barrier(2, timeout=20), [f"part_{n}" for n in range(50)]
    imports = "".join(f"    from {name} import FACTOR; factors.add(FACTOR)\n" for name in names)
    text = f"def reconstruct(image):\n    factors = set()\n    meet()\n{imports}    meet()\n    (f,) = factors\n"
    methods = []
    for factor in (2, 3):
        folder = tmp_path / str(factor)
        folder.mkdir()
        for name in names:
            (folder / f"{name}.py").write_text(f"FACTOR = {factor}\n", encoding="utf-8")
        methods.append(opened(folder, f"{text}    return f * image\n"))
        assert isinstance(methods[-1], Function)
        methods[-1].function.__globals__["meet"] = meet.wait
    lines.calibration  # noqa: B018 - computed once, before threads ask for it
    with ThreadPoolExecutor(2) as threads:
        two, three = threads.map(lambda method: mean(method, lines), methods)
    assert three == pytest.approx(1.5 * two)


@pytest.mark.parametrize("text", [HEAD, WITHIN, f"{HEAD}raise ValueError\n"], ids=["head", "function", "failing"])
def test_a_program_keeps_its_modules(tmp_path: Path, lines: Measurement, program: ModuleType, text: str) -> None:
    try:
        opened(tmp_path, text)(lines)
    except ModelError:
        assert "raise" in text
    assert sys.modules["a_factor"] is program


def test_a_program_does_not_get_the_modules_of_a_script(tmp_path: Path, lines: Measurement) -> None:
    opened(tmp_path, f"{HEAD}{WITHIN}")(lines)
    assert "a_factor" not in sys.modules


@pytest.mark.parametrize("name", ["Own", "method"])
def test_a_reconstructor_imports_its_neighbours_at_its_call(tmp_path: Path, lines: Measurement, name: str) -> None:
    methods = [opened(tmp_path / str(factor), KIND, factor, name) for factor in (2.0, 3.0)]
    jobs = [method.job(lines) for method in methods]
    assert [next(job).message for job in jobs] == ["Halfway"] * 2
    two, three = (float(run(job).abs().mean()) for job in jobs)
    assert three == pytest.approx(1.5 * two)


def test_neighbours_import_each_other_and_parts_of_packages_at_a_call(tmp_path: Path, lines: Measurement) -> None:
    (tmp_path / "parts").mkdir()
    for name, text in (
        ("__init__", "def factor():\n    from .deep import factor\n    return factor()\n"),
        (
            "deep",
            "def factor():\n    import a_factor\n    import parts.other\n    return parts.other.a_factor.FACTOR\n",
        ),
        ("other", "import a_factor\n"),
    ):
        (tmp_path / "parts" / f"{name}.py").write_text(text, encoding="utf-8")
    method = opened(tmp_path, "import parts\ndef reconstruct(image): return parts.factor() * image\n")
    assert mean(method, lines) == pytest.approx(2 * mean(opened(tmp_path / "one", HEAD, 1.0), lines))


def test_a_whole_network_of_a_neighbours_class_is_loaded(tmp_path: Path, lines: Measurement) -> None:
    (tmp_path / "a_net.py").write_text(
        "import torch\nclass Net(torch.nn.Module):\n    def forward(self, image): return image\n", encoding="utf-8"
    )
    place = str(tmp_path / "whole.pt")
    text = f"""
import torch
from a_net import Net
torch.save(Net(), {place!r})
net = torch.load({place!r}, weights_only=False)
def reconstruct(image): return net(image)
"""
    assert mean(opened(tmp_path, text), lines) > 0


def test_neighbours_of_a_link_are_beside_the_link(tmp_path: Path, lines: Measurement) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "of_another_name.py").write_text(HEAD, encoding="utf-8")
    (tmp_path / "a_factor.py").write_text("FACTOR = 2\n", encoding="utf-8")
    (tmp_path / "model.py").symlink_to(kept / "of_another_name.py")
    method = registry.get(str(tmp_path / "model.py"))
    assert {"model.py", "a_factor.py"} <= set(method.fingerprint())
    assert mean(method, lines) > 0
