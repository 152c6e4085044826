"""What docstrings name exists: names with dots, in backticks, that begin with a folder, or that end in a class."""

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import napari_recon_robust

ROOT = Path(napari_recon_robust.__file__).parent
FILES = [path.relative_to(ROOT) for path in sorted(ROOT.rglob("*.py"))]
MODULES = [file.parent if file.name == "__init__.py" else file.with_suffix("") for file in FILES]
FOLDERS = {module.name for module, file in zip(MODULES, FILES, strict=True) if file.name == "__init__.py"}


def names(file: Path) -> Iterator[str]:
    """The names of folders, modules and classes in the docstrings of a file."""
    for node in ast.walk(ast.parse((ROOT / file).read_text(encoding="utf-8"))):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
            for name in re.findall(r"`(\w+(?:\.\w+)+)`", ast.get_docstring(node) or ""):
                first, second = name.split(".")[:2]
                if first in FOLDERS or second[0].isupper():
                    yield name


def exists(name: str) -> bool:
    """Whether a module of the package, or another package, bears the first part of the name, and has the rest."""
    first, *rest = name.split(".")
    ours = [".".join(("napari_recon_robust", *module.parts)) for module in MODULES if module.name == first]
    return any(_has(path, rest) for path in ours or [first])


def _has(path: str, rest: list[str]) -> bool:
    try:
        found: Any = import_module(path)
        for part in rest:
            path = f"{path}.{part}"
            found = getattr(found, part) if hasattr(found, part) else import_module(path)
    except ImportError:
        return False
    return True


@pytest.mark.parametrize("name", sorted({name for file in FILES for name in names(file)}))
def test_what_a_docstring_names_exists(name: str) -> None:
    assert exists(name)
