"""Fingerprints of files and packages, by which a replay can tell whether they are the same as before."""

import hashlib
import sys
from collections.abc import Mapping
from functools import cache
from importlib import metadata
from pathlib import Path

from ..ground.guard import open_file

PACKAGE = __name__.split(".")[0]


def of_file(path: Path) -> dict[str, str]:
    """The file's name and SHA-256."""
    with open_file(path) as file:
        return {path.name: hashlib.file_digest(file, "sha256").hexdigest()}


@cache
def _distributions() -> Mapping[str, list[str]]:
    """The distributions of each package. Looking through all that are installed takes a third of a second."""
    return metadata.packages_distributions()


def of_module(name: str) -> dict[str, str]:
    """The version of the distribution that an imported module came with, and the SHA-256 of its own file."""
    found = {
        distribution: metadata.version(distribution) for distribution in _distributions().get(name.split(".")[0], ())
    }
    file = getattr(sys.modules[name], "__file__", None)
    return found | of_file(Path(file)) if file else found
