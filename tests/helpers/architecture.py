"""The examples of ARCHITECTURE.md: its blocks of code, by the file that their first line names."""

import re
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from napari_recon_robust.io import FORMATS
from napari_recon_robust.networks.registry import registry as networks
from napari_recon_robust.perturbations.registry import registry as perturbations
from napari_recon_robust.reconstructors.registry import registry as reconstructors

PAGE = (Path(__file__).parents[2] / "ARCHITECTURE.md").read_text(encoding="utf-8")
TABLES = (reconstructors, networks, perturbations, FORMATS)


def blocks(language: str) -> list[str]:
    """The blocks of code in a language, in their order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def examples(language: str) -> dict[str, str]:
    """The blocks by their file names."""
    return {block.splitlines()[0].removeprefix("# "): block for block in blocks(language)}


@contextmanager
def importable(folder: Path) -> Iterator[None]:
    """All modules of the page, written into a folder from which they can be imported meanwhile."""
    modules = examples("python")
    for name, code in modules.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(code.split("\n", maxsplit=1)[1], encoding="utf-8")
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in modules:
            sys.modules.pop(name.removesuffix(".py"), None)


@contextmanager
def installed(folder: Path) -> Iterator[None]:
    """The page's modules as an installed package, the only one, with the page's entry points."""
    (declared,) = blocks("toml")
    groups = tomllib.loads(declared)["project"]["entry-points"]
    assert set(groups) == {registry.group for registry in TABLES}
    with pytest.MonkeyPatch.context() as patch, importable(folder):
        for registry in TABLES:
            points = [EntryPoint(id, value, registry.group) for id, value in groups[registry.group].items()]
            patch.setitem(vars(registry), "_entry_points", points)
            patch.setattr(registry, "_loaded", dict(registry._loaded))
        yield
