"""What importing costs, and that the public names are there."""

import pkgutil
import re
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path
from typing import get_args

import pytest

import napari_recon_robust as rr
from napari_recon_robust.ground.errors import Extra, to_install

ROOT = Path(__file__).parents[1]


def modules_after(statement: str) -> set[str]:
    code = f"import sys; {statement}; print('\\n'.join(sys.modules))"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


def test_importing_the_package_imports_nothing_heavy() -> None:
    heavy = {"torch", "numba", "numpy", "scipy", "h5py", "skimage", "pydantic", "qtpy", "napari", "matplotlib"}
    assert not heavy & modules_after("import napari_recon_robust")


def test_the_help_of_the_command_line_does_not_import_torch() -> None:
    assert "torch" not in modules_after(
        "from napari_recon_robust.cli import cli; cli.main(['--help'], standalone_mode=False)"
    )


def test_every_public_name_can_be_had() -> None:
    for name in rr.__all__:
        assert getattr(rr, name) is not None
    assert rr.__version__.count(".") == 2


def test_a_public_function_outlives_the_import_of_a_submodule_of_its_name() -> None:
    shared = {module.name for module in pkgutil.iter_modules(rr.__path__)} & set(rr.__all__)
    assert shared == {"reconstructors"}
    for name in shared:
        assert callable(getattr(rr, name))
        module = import_module(f"{rr.__name__}.{name}")
        assert callable(getattr(rr, name))
        assert getattr(rr, name).__name__ == module.__name__, "the submodule can be had by its name too"


def test_hints_to_install_name_extras_and_have_one_form() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert set(get_args(Extra)) == declared.keys() - {"dev"}
    assert to_install("review") == "pip install 'napari-recon-robust[review]'"
    texts = {path: path.read_text(encoding="utf-8") for path in Path(rr.__file__).parent.rglob("*.py")}
    assert {path.name for path, text in texts.items() if re.search(r"pip install \S*\[", text)} == {"errors.py"}


@pytest.mark.slow
def test_the_methods_are_listed_before_and_after_another_call() -> None:
    code = (
        "import napari_recon_robust as rr; from napari_recon_robust import reconstructors; listed = reconstructors();"
        "rr.reconstructor('tv'); assert rr.reconstructors() == listed; assert 'tv' in listed;"
        "import napari_recon_robust.reconstructors.base as base; assert base.Reconstructor"
    )
    subprocess.run([sys.executable, "-W", "error::ImportWarning", "-c", code], check=True)
