"""The modules beside a script, which it imports by their names."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from itertools import accumulate
from pathlib import Path
from types import CodeType, ModuleType

from ..reconstructors.origin import forget, with_neighbours


class Neighbours:
    """The modules beside a script that it imports, directly or not: those by which its fingerprint knows it.

    Other modules of the same names may have been imported before, from another folder or as they were earlier; or lie
    in a folder where Python looks first, as a notebook does in the current one.
    """

    def __init__(self, script: Path) -> None:
        """script: its file, whose import statements are read now."""
        root = script.resolve().parent
        self._folder = str(root)
        files = with_neighbours(root / script.name, root) - {root / script.name}
        self._files = {
            ".".join(file.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): file for file in files
        }
        self._heads = {name.partition(".")[0] for name in self._files}

    def forget(self) -> None:
        """Forget what was imported before under their names, so that they are read anew."""
        for name, file in self._files.items():
            _drop(name)
            forget(file)

    @contextmanager
    def found(self) -> Iterator[None]:
        """Let them be imported meanwhile, before others of their names; what else lies in the folder comes last."""
        for name, file in self._files.items():
            place = getattr(sys.modules.get(name), "__file__", None)
            if place is not None and Path(place).resolve() != file:
                _drop(name)
        sys.meta_path.insert(0, self)
        try:
            with on_path(self._folder):
                yield
        finally:
            sys.meta_path.remove(self)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Where Python finds a module of that name: one of them or of their packages; None for any other."""
        if name.partition(".")[0] not in self._heads:
            return None
        found = PathFinder.find_spec(name, [self._folder] if path is None else path, target)
        if found is not None and isinstance(found.loader, SourceFileLoader):
            found.loader = _FromText(name, found.loader.path)
        return found


class _FromText(SourceFileLoader):
    """Without Python's cache of compiled files, which takes one that was changed within a second for the old one."""

    def get_code(self, fullname: str) -> CodeType:
        """What the module executes, compiled."""
        return self.source_to_code(self.get_data(self.path), self.path)


def _drop(name: str) -> None:
    """Take a module and the packages around it out of those that are imported."""
    for part in accumulate(name.split("."), lambda package, module: f"{package}.{module}"):
        sys.modules.pop(part, None)


@contextmanager
def on_path(folder: str) -> Iterator[None]:
    """Let modules of the folder be imported meanwhile; all other places come first."""
    sys.path.append(folder)
    try:
        yield
    finally:
        sys.path.reverse()
        sys.path.remove(folder)
        sys.path.reverse()
