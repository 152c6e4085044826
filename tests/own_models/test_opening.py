"""Own models in the rest of the project: an installed package, the documentation's examples, saved cases."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner

from napari_recon_robust.cases.making import make_case
from napari_recon_robust.cases.record import load_case, save_case
from napari_recon_robust.cases.replay import replay
from napari_recon_robust.cli import cli
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground import progress
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.networks.fastmri_layout import FastMRIVarNet
from napari_recon_robust.own_models.opening import display_name, runs_code, told_apart
from napari_recon_robust.perturbations import registry as perturbations
from napari_recon_robust.perturbations.outcome import evaluate
from napari_recon_robust.reconstructors import registry

PAGE = (Path(__file__).parents[2] / "docs" / "own-models.md").read_text(encoding="utf-8")
SECTIONS = {head.splitlines()[0]: head for head in PAGE.split("\n## ")[1:]}
EXAMPLES = {
    "A function": (),
    "An exported program": (),
    "ONNX": ("onnxruntime", "onnxscript"),
    "A fastMRI checkpoint": (),
    "A deepinv reconstructor": ("deepinv",),
    "BART": (),
    "An entry point": (),
}


@pytest.fixture
def folder(tmp_path: Path, scan_file: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folder with a scan and a checkpoint."""
    shutil.copy(scan_file, tmp_path / "scan.h5")
    torch.manual_seed(0)
    torch.save(FastMRIVarNet(1, 3, 2, (2, 2)).state_dict(), tmp_path / "varnet_state_dict.pt")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def install(folder: Path) -> Path:
    """The package that the page describes, as a wheel, installed by pip into a folder of its own."""
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    name, version = project["name"], project["version"]
    points = "".join(
        f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in points.items())
        for group, points in project["entry-points"].items()
    )
    wheel, information = folder / f"{name}-{version}-py3-none-any.whl", f"{name}-{version}.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.write(folder / f"{name}.py", f"{name}.py")
        archive.writestr(f"{information}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(f"{information}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{information}/entry_points.txt", points)
        archive.writestr(f"{information}/RECORD", "")
    target = folder / "installed"
    pip = (sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--target", target, wheel)
    subprocess.run([str(word) for word in pip], check=True, capture_output=True)
    (folder / f"{name}.py").unlink()
    return target


def example(section: str, folder: Path) -> tuple[list[str], list[list[str]]]:
    """The Python code of a section, its files written to the folder, and the words of its commands."""
    blocks = re.findall(r"```(\w+)\n(.*?)```", SECTIONS[section], re.S)
    for language, code in blocks:
        if language != "sh":
            (folder / code.splitlines()[0].removeprefix("# ")).write_text(code, encoding="utf-8")
    lines = re.findall(r"^recon-robust (.*)$", "".join(code for language, code in blocks if language == "sh"), re.M)
    commands = [[quoted or word for quoted, word in re.findall(r'"([^"]*)"|(\S+)', line)] for line in lines]
    return [code for language, code in blocks if language == "python"], commands


@pytest.mark.slow
@pytest.mark.parametrize("section", [section for section in EXAMPLES if section != "An entry point"])
def test_the_examples_of_the_page_run(section: str, folder: Path) -> None:
    """The code of each section as it stands there, then its commands."""
    missing = [name for name in EXAMPLES[section] if find_spec(name) is None]
    if missing or (section == "BART" and shutil.which("bart") is None):
        pytest.skip(f"needs {', '.join(missing) or 'BART'}")
    codes, commands = example(section, folder)
    assert codes
    for code in codes:
        if "reconstruct" not in code or "image = rr." in code:  # otherwise a command runs it
            names: dict[str, Any] = {}
            exec(compile(code, section, "exec"), names)
            assert "rr" not in names or names["image"].shape == (96, 96)
    for words in commands:
        result = CliRunner().invoke(cli, [*words, "--json"])
        assert result.exit_code == 0, result.output + repr(result.exception)
        assert json.loads(result.stdout)["metrics"]["image"]["ssim"] > 0.1


@pytest.mark.thorough
def test_an_installed_package_is_one_of_the_methods(folder: Path) -> None:
    _, (words,) = example("An entry point", folder)
    code = (
        "import napari_recon_robust as rr; from napari_recon_robust.cli import cli; assert 'sharper' in "
        "rr.reconstructors(); assert rr.reconstructor('sharper').fingerprint()['sharper'] == '1.0'; "
        f"cli({[*words, '--json']!r})"
    )
    paths = [str(install(folder)), *filter(None, sys.path)]
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["method"] == "sharper"


def test_every_kind_has_its_example() -> None:
    assert set(EXAMPLES) == set(SECTIONS) - {"What comes in, what goes out"}


def test_the_list_of_methods_holds_the_installed_alone(tmp_path: Path) -> None:
    before = registry.ids()
    (tmp_path / "mine.py").write_text("def reconstruct(k, m, s):\n    return k.abs().sum(0)\n", encoding="utf-8")
    registry.get(str(tmp_path / "mine.py"))
    assert registry.ids() == before


def saved(lines: Measurement, model: Path) -> Path:
    """A case of that model."""
    method, roi = registry.get(str(model)), ROI.box(16, 16, 12, 12)
    found = progress.run(perturbations.get("worst-case").run(lines, method, roi, (0.02,), steps=2))
    outcomes = progress.run(evaluate(lines, method, roi, found))
    return save_case(make_case(lines, method, roi, outcomes, perturbation="worst-case"), model.parent / "case")


def test_a_script_has_one_name_with_and_without_its_default_function(tmp_path: Path) -> None:
    """As in the tables of studies; API, cases and gallery called it by another name than these."""
    (tmp_path / "mine.py").write_text(
        "def reconstruct(image):\n    return image\nother = reconstruct\n", encoding="utf-8"
    )
    named = {name: registry.get(f"{tmp_path / 'mine.py'}{name}").id for name in ("", ":reconstruct", ":other")}
    assert named == {"": "mine.py", ":reconstruct": "mine.py", ":other": "mine.py:other"}


@pytest.mark.slow
def test_a_case_says_which_model_it_was(tmp_path: Path, lines: Measurement) -> None:
    model = tmp_path / "mine.py"
    model.write_text("def reconstruct(k, m, s):\n    return k.abs().sum(0)\n", encoding="utf-8")
    case = saved(lines, model)
    recipe = load_case(case).recipe
    assert recipe.method == "mine.py"
    assert len(recipe.weights["mine.py"]) == 64
    assert str(tmp_path) not in (case / "case.json").read_text(encoding="utf-8")
    with pytest.raises(InputError, match="'mine.py', which is none of the methods here"):
        progress.run(replay(case))
    same = CliRunner().invoke(cli, ["replay", str(case), "--method", str(model), "--json"])
    assert same.exit_code == 0, same.output
    assert json.loads(same.stdout)["changes"] == []
    model.write_text("def reconstruct(k, m, s):\n    return 2 * k.abs().sum(0)\n", encoding="utf-8")
    other = CliRunner().invoke(cli, ["replay", str(case), "--method", str(model)])
    assert other.exit_code == 1
    assert "mine.py was the file with SHA-256" in other.output


def test_what_runs_code() -> None:
    assert all(map(runs_code, ("model.py", "model.py:net", "package.module:net", "bart: pics -l1", r"C:\model.py:net")))
    assert not any(map(runs_code, ("tv", "model.onnx", "weights.safetensors", "program.pt2", r"C:\program.pt2")))


def test_what_a_method_is_called_in_tables() -> None:
    """Without folders and the function by default; what is no file of a model keeps its slashes."""
    names = {"a/b/mine.py:reconstruct": "mine.py", "a/mine.py:net": "mine.py:net", "/a/net.PT2": "net.PT2"}
    same = ("tv", "package.module:net", "bart:pics -l1 {kspace} /tmp/image")
    assert {name: display_name(name) for name in names} == names
    assert all(display_name(name) == name for name in same)
    of_windows = {r"C:\data\mine.py:net": "mine.py:net", r"C:\data\mine.py": "mine.py", r"D:\net.onnx": "net.onnx"}
    assert {name: display_name(name) for name in of_windows} == of_windows
    assert display_name("bart:nlinv /tmp/net.pt") == "bart:nlinv /tmp/net.pt"
    assert [told_apart("a", taken) for taken in ([], ["a"], ["a", "a (2)"])] == ["a", "a (2)", "a (3)"]
