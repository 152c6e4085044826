"""What ARCHITECTURE.md says is so, and its examples work."""

import ast
import json
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
import yaml
from click.testing import CliRunner

import napari_recon_robust as rr
from helpers.architecture import PAGE, examples, installed
from napari_recon_robust.cli import cli, commands
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.ground.progress import run
from napari_recon_robust.training import loop

ROOT = Path(__file__).parents[1]
PACKAGE = Path(rr.__file__).parent


@pytest.fixture
def package(tmp_path: Path) -> Iterator[None]:
    with installed(tmp_path):
        yield


@pytest.fixture
def measurement(scan_file: Path) -> Measurement:
    with rr.open_scan(scan_file) as scan:
        return scan.measurement(1, rr.Sampling(acceleration=2, centre_fraction=0.2))


def test_the_reconstructor_reconstructs(package: None, measurement: Measurement) -> None:
    reference = measurement.reference()
    assert reference is not None

    def error(image: torch.Tensor) -> float:
        return float((image.abs() - reference).norm())

    landweber = rr.reconstructor("landweber")
    few, more = error(landweber(measurement, iterations=5)), error(landweber(measurement))
    assert more < few / 2 < error(rr.reconstructor("zero-filled")(measurement)) / 4


@pytest.mark.slow
def test_the_network_trains_and_its_weights_run(
    package: None, anatomy_folder: Path, measurement: Measurement, tmp_path: Path
) -> None:
    values = yaml.safe_load(examples("yaml")["refined.yaml"])
    loop.make_network(loop.Recipe(**values))
    values["bank"] = {"cases": 2, "seed": 3, "coils": [4, 5], "matrix": [32, 48], "minimum_centre_lines": 8}
    values["presets"]["cpu"] |= {"steps": 2, "precision": "float32"}
    recipe = tmp_path / "refined.yaml"
    recipe.write_text(yaml.safe_dump(values), encoding="utf-8")
    weights = run(loop.train(loop.load_recipe(str(recipe)), anatomy_folder, tmp_path / "run"))
    image = rr.reconstructor(str(weights))(measurement)
    assert torch.isfinite(image.abs()).all()
    start = rr.reconstructor(str(weights)).start()
    assert start is not None
    assert not torch.equal(image, start(measurement))


def test_the_perturbation_is_a_command_that_runs(package: None, scan_file: Path) -> None:
    page = CliRunner().invoke(cli, ["perturb", "gain-drift", "--help"])
    assert "--drift" in page.output
    options = ["--slice", "1", "--method", "zero-filled", "--pattern", "equispaced", "--drift", "0.2", "--json"]
    result = CliRunner().invoke(cli, ["perturb", "gain-drift", str(scan_file), *options])
    assert result.exit_code == 0, result.output + repr(result.exception)
    (outcome,) = json.loads(result.stdout)
    assert "drifts from 0.8 to 1.2" in outcome["sentence"]
    assert 0 < outcome["budget"]["achieved"] < 0.2


@pytest.mark.slow
def test_the_curve_of_the_perturbation_is_drawn(package: None, scan_file: Path, tmp_path: Path) -> None:
    file = tmp_path / "gain.png"
    options = ["--slice", "1", "--method", "zero-filled", "--pattern", "equispaced", "--plot", str(file)]
    result = CliRunner().invoke(cli, ["perturb", "gain-drift", str(scan_file), *options])
    assert result.exit_code == 0, result.output + repr(result.exception)
    assert file.stat().st_size > 1000


def test_the_function_is_a_command_that_is_listed(
    package: None, scan_file: Path, measurement: Measurement, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "__path__", [*commands.__path__, str(tmp_path / "commands")])
    listed = CliRunner().invoke(cli, ["--help"], terminal_width=120).output
    assert re.search(r"^  incoherence +The largest side lobe of a sampling pattern", listed, re.MULTILINE)
    options = ["--slice", "1", "--pattern", "equispaced", "--acceleration", "2", "--centre-fraction", "0.2", "--json"]
    try:
        result = CliRunner().invoke(cli, ["incoherence", str(scan_file), *options])
    finally:
        sys.modules.pop(f"{commands.__name__}.incoherence", None)
    assert result.exit_code == 0, result.output + repr(result.exception)
    ratio = import_module("incoherence").sidelobe_to_peak(measurement)
    assert json.loads(result.stdout) == {"sidelobe_to_peak": pytest.approx(ratio)}
    assert 0.1 < ratio < 1


def test_the_format_opens_a_file(package: None, tmp_path: Path) -> None:
    kspace = np.random.default_rng(0).standard_normal((2, 3, 16, 12, 2)).astype(np.float32).view(np.complex64)[..., 0]
    path = tmp_path / "scan.h5"
    with h5py.File(path, "w") as file:
        file["ksp"] = kspace
    with rr.open_scan(path) as scan:
        assert len(scan) == 2
        assert scan.header.format == "plain HDF5"
        assert np.array_equal(scan.kspace(1).numpy(), kspace[1])


def test_every_module_and_call_that_is_named_exists() -> None:
    prose = re.sub(r"^```.*?^```$", "", PAGE, flags=re.DOTALL | re.MULTILINE)
    names = set(re.findall(r"`([a-z_]+(?:\.\w+)+)`", prose)) - {"napari.yaml", "refined.safetensors", "__init__.pyi"}
    assert len(names) > 20
    assert [name for name in sorted(names) if not exists(name)] == []


def test_what_benchmarks_and_tools_import_exists() -> None:
    scripts = [*(ROOT / "benchmarks").glob("*.py"), *(ROOT / "tools").glob("*.py")]
    assert len(scripts) > 50
    assert [words for script in scripts for words in missing(script)] == []


def missing(script: Path) -> list[str]:
    """What a script would import from the package in vain: read, not run, as some take minutes."""
    tree = ast.parse(script.read_text(encoding="utf-8"))
    below = f"{PACKAGE.name}."
    return [
        f"{script.name}: {node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(below)
        for alias in node.names
        if not exists(f"{node.module}.{alias.name}".removeprefix(below))
    ]


def exists(name: str) -> bool:
    """Whether the package has such a module, or a definition in one: read, not imported, as some need a display."""
    place, parts = PACKAGE, name.split(".")
    while parts and (place / parts[0]).is_dir():
        place = place / parts.pop(0)
    file = place / f"{parts.pop(0)}.py" if parts and (place / f"{parts[0]}.py").exists() else place / "__init__.py"
    body = ast.parse(file.read_text(encoding="utf-8")).body
    for part in parts:
        found = [node for node in body if part in defined(node)]
        if not found:
            return False
        body = getattr(found[0], "body", [])
    return True


def defined(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.ImportFrom):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return [one.id for target in targets for one in ast.walk(target) if isinstance(one, ast.Name)]
    return []


def rows(head: str) -> list[list[str]]:
    """The cells of the table below a head."""
    table = PAGE[PAGE.index(head) :].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


def test_the_map_in_the_readme_names_every_folder() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (listed,) = re.findall(r"^src/napari_recon_robust/\n((?:  .*\n)+)", readme, re.MULTILINE)
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert set(re.findall(r"(\w+)/(?= |$)", listed)) == folders


def test_the_floors_are_those_of_the_import_contract() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    floors = [floor.split(" | ") for floor in contracts[0]["layers"]]
    assert [re.findall(r"`(\w+)`", floor) for floor, _ in rows("| floor, top to bottom")] == floors


MOST_METHODS, MOST_LINES = 25, 60
LONGER = {
    "kernels/normal.py: _transform"
}  # one butterfly for each radix, written out so that the compiler sees it whole


@pytest.mark.slow
def test_classes_and_functions_are_small() -> None:
    """A property with its setter is one method; a docstring is none of a function's lines."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in definitions(ast.parse(path.read_text(encoding="utf-8"))):
            place = f"{path.relative_to(PACKAGE).as_posix()}: {node.name}"
            if isinstance(node, ast.ClassDef):
                methods = {one.name for one in node.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)}
                found += [place] * (len(methods) > MOST_METHODS)
            else:
                found += [place] * (lines_of(node) > MOST_LINES)
    assert set(found) == LONGER


def definitions(within: ast.AST) -> Iterator[ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]:
    """All classes and functions; expressions have none, and are not searched."""
    for node in ast.iter_child_nodes(within):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
        if not isinstance(node, ast.expr):
            yield from definitions(node)


def lines_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """From its head to its end, without its docstring."""
    first = function.body[0]
    words = ast.get_docstring(function) is not None and first.end_lineno is not None
    return function.end_lineno - function.lineno + 1 - (first.end_lineno - first.lineno + 1 if words else 0)


# One thing of each row of the page, by the words with which a file of the package knows it.
SPECIMENS = {
    "reconstructor": r"DeepDecoder\b|\bdeep_decoder\b|\bdeep-decoder\b",
    "trained network": r"UnrolledHQS\b|UnrolledHQSNetwork|\bunrolled_hqs\b|^id: unrolled-hqs$|^# unrolled-hqs:",
    "perturbation": r"CoilDropout\b|\bcoil_dropout\b|\bcoil-dropout\b",
    "perturbation with its own face": r"class Rotation\(|:Rotation\b",
    "file format": r"BART\(|\bbart:BART\b",
    "public function with a command": r"\btransfer_matrix\b|\btransfer_between\b",
}


@pytest.mark.slow
@pytest.mark.parametrize(("thing", "words"), SPECIMENS.items())
def test_one_thing_of_each_kind_stands_in_so_many_places(thing: str, words: str) -> None:
    """A card stands for its weights; `former.py` tells where things were."""
    texts = [path for ending in ("py", "pyi", "yaml", "md") for path in PACKAGE.rglob(f"*.{ending}")]
    found = {
        path.relative_to(PACKAGE)
        for path in texts
        if path.name != "former.py" and re.search(words, path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    (count,) = (int(count) for name, count, _ in rows("| thing | places") if name == thing)
    assert len(found) == count, sorted(map(str, found))


def test_the_places_to_edit_exist_and_are_counted() -> None:
    for thing, count, which in rows("| thing | places"):
        places = re.findall(r"`([\w./]+)`", which)
        assert len(places) == int(count), thing
        assert all((PACKAGE / place).exists() for place in places), thing
