"""Fingerprints of files, packages and networks, by which a replay can tell whether they are the same as before."""

import ast
import site
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from hashlib import file_digest, sha256
from importlib import metadata
from pathlib import Path
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from ..ground.guard import is_file, open_file, read

PACKAGE = __name__.split(".")[0]
# Folders of this package in which no number of a trial or a comparison is computed.
WITHOUT_NUMBERS = frozenset(
    ("canvas", "cli", "controls", "figures", "reader_studies", "reports", "training", "window", "workbench")
)
INSTALLED = tuple(Path(folder).resolve() for folder in (*site.getsitepackages(), site.getusersitepackages()))
# What code was computing with when it was imported, by the file of the code: files that it read, or named networks.
_READ_AT_IMPORT: dict[Path, dict[Path | str, str]] = {}
_FIRST_DIGESTS: WeakKeyDictionary[nn.Module, str] = (
    WeakKeyDictionary()
)  # digests of networks as they were when first met


def of_file(path: Path) -> dict[str, str]:
    """The file's name and SHA-256."""
    with open_file(path) as file:
        return {path.name: file_digest(file, "sha256").hexdigest()}


def of_network(network: nn.Module, name: str) -> dict[str, str]:
    """SHA-256 of the names, types, shapes and values of a network's parameters and buffers."""
    return {f"{name} (weights)": _digest(network)}


def of_network_when_met(network: nn.Module, name: str) -> dict[str, str]:
    """The same of a network as it was at the first call for it, since computing may change its buffers, as caches."""
    if network not in _FIRST_DIGESTS:
        _FIRST_DIGESTS[network] = _digest(network)
    return {f"{name} (weights)": _FIRST_DIGESTS[network]}


def _digest(network: nn.Module) -> str:
    digest = sha256()
    # in the order of the state, by which earlier versions knew networks; then what that leaves out
    tensors = {**network.state_dict(), **dict(network.named_parameters()), **dict(network.named_buffers())}
    for key, tensor in tensors.items():
        # an extra state may be of any kind; lazy tensors, and those on the device "meta", have no values yet
        if isinstance(tensor, Tensor) and not (tensor.is_meta or is_lazy(tensor)):
            digest.update(f"{key} {tensor.dtype} {tuple(tensor.shape)}".encode())
            digest.update(_bytes(tensor))
    return digest.hexdigest()


def _bytes(tensor: Tensor) -> memoryview:
    plain = tensor.detach().to_dense().cpu().resolve_conj().resolve_neg()
    return plain.contiguous().reshape(-1).view(torch.uint8).numpy().data


def remember(code: Path, behind: Iterable[tuple[Path | str, str]]) -> None:
    """Add what a file of code was computing with when it was imported: SHA-256 of files, and of networks by names."""
    _READ_AT_IMPORT.setdefault(code.resolve(), {}).update(behind)


def forget(code: Path) -> None:
    """Forget what a file of code was computing with, before it is imported anew."""
    _READ_AT_IMPORT.pop(code.resolve(), None)


def _read_at_import(code: Path, root: Path) -> dict[str, str]:
    """What a file of code was computing with; files by paths from `root`, those that lie elsewhere by names."""
    found = dict[str, str]()
    for what, digest in _READ_AT_IMPORT.get(code.resolve(), {}).items():
        name = what
        if isinstance(what, Path):
            name = what.relative_to(root).as_posix() if what.is_relative_to(root) else what.name
        found[str(name)] = f"{found[name]} {digest}" if name in found else digest
    return found


@cache
def of_package() -> str:
    """SHA-256 of the sources of this package that compute: the same for a checkout as for what is installed.

    The version does not tell whether something was changed in a checkout. What shows or trains (`WITHOUT_NUMBERS`) is
    left out, since it changes no numbers.
    """
    digest, root = sha256(), Path(__file__).parents[1]
    sources = {path.relative_to(root).as_posix(): path for path in root.glob("*/**/*.py")}
    for name, path in sorted(sources.items()):
        if name.partition("/")[0] not in WITHOUT_NUMBERS:
            text = read(path).replace(b"\r\n", b"\n")  # as git may write them on Windows
            digest.update(f"{name} {len(text)}\n".encode() + text)
    return digest.hexdigest()


@cache
def _distributions() -> Mapping[str, list[str]]:
    """The distributions of each package. To find them takes a third of a second."""
    return metadata.packages_distributions()


def of_module(name: str) -> dict[str, str]:
    """The version of the distribution that an imported module came with, and the SHA-256 of its own file.

    Of a module that was not installed, also those of the modules beside it that it imports (`with_neighbours`), by
    their paths from the folder that they are imported from, and what these were computing with (`remember`).
    """
    found = {
        distribution: metadata.version(distribution) for distribution in _distributions().get(name.split(".")[0], ())
    }
    file = getattr(sys.modules[name], "__file__", None)
    if not file:
        return found
    path = Path(file).absolute()
    if any(path.resolve().is_relative_to(folder) for folder in INSTALLED):
        return found | of_file(path) | _read_at_import(path, path.parent)
    root = path.parents[name.count(".") + (path.name == "__init__.py")]
    for one in sorted(with_neighbours(path, root)):
        found[one.relative_to(root).as_posix()] = of_file(one)[one.name]
        found |= _read_at_import(one, root)
    return found


def with_neighbours(file: Path, root: Path) -> set[Path]:
    """The file of a module and those of all modules that it needs, directly or not, which are imported from `root`.

    The import statements are read from the text. So modules that are imported only at their use are included, and those
    that other models of this process have imported are not, nor those whose name is computed. Installed packages are
    left out, also where they lie below `root`: their versions identify them.
    """
    found, new = set[Path](), [file]
    while new:
        one = new.pop()
        if one not in found:
            found.add(one)
            new += _imported(one, root)
    return found


def _imported(file: Path, root: Path) -> Iterator[Path]:
    """The files below `root` that a file's import statements name, and the `__init__` files of their packages."""
    for level, name in import_statements(read(file)) if file.suffix.lower() == ".py" else ():
        place, parts = root, name.split(".")
        if level:
            place = file.parents[min(level, len(file.parents)) - 1]
            if not place.is_relative_to(root):  # Python refuses it, too
                continue
        elif any(parts[0] in known for known in ((PACKAGE,), _distributions(), sys.stdlib_module_names)):
            continue
        for part in parts:
            yield from filter(is_file, (place / f"{part}.py", place / part / "__init__.py"))
            place /= part


@lru_cache(maxsize=1000)
def import_statements(text: bytes) -> tuple[tuple[int, str], ...]:
    """The dotted names that a module may import, each with its number of leading dots; none if it is no Python."""
    try:
        nodes = list(ast.walk(ast.parse(text)))
    except (SyntaxError, ValueError, RecursionError):
        return ()
    whole = [(0, alias.name) for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    parts = [
        (node.level, f"{node.module}.{alias.name}" if node.module else alias.name)
        for node in nodes
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]
    return *whole, *parts
