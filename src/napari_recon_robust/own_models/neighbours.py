"""The modules beside a script, which it imports by their names."""

import builtins
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from threading import RLock
from types import CodeType, ModuleType
from typing import Any

from ..reconstructors.fingerprint import forget, with_neighbours

_ALONE = RLock()  # Python has one `sys.modules`, where each script in turn has neighbours of the same names


class Neighbours:
    """The modules beside a script that it imports, directly or not: those by which its fingerprint knows it.

    They are this script's own. A program, or another script, may have other modules of the same names, from another
    folder or as the files were earlier. So they are among the modules of Python (`sys.modules`) only while the script
    is opened, and while an import statement of the script or of its neighbours is executed, whenever that is.
    """

    def __init__(self, script: Path) -> None:
        """script: its file, whose import statements are read now."""
        file = script.absolute()  # a link's neighbours are beside the link, as its fingerprint has them
        self._folder = str(file.parent)
        self._files = with_neighbours(file, file.parent) - {file}
        self._heads = {one.relative_to(file.parent).with_suffix("").parts[0] for one in self._files}
        self._modules = dict[str, ModuleType]()  # by their names
        # What the code of the script and of its neighbours has as its built-in names.
        self.builtins: Mapping[str, Any] = {**vars(builtins), "__import__": self._import}

    def forget(self) -> None:
        """Forget what they were computing with when another opening imported them."""
        for file in self._files:
            forget(file)

    @contextmanager
    def found(self) -> Iterator[None]:
        """Let them be imported meanwhile, before others of their names; what else lies in the folder comes last.

        Other threads that want this for their scripts wait. Modules of their names that others have imported are back
        afterwards.
        """
        with _ALONE:
            if self in sys.meta_path:  # one of them imports the next
                yield
                return
            others = self._taken_out()
            sys.modules.update(self._modules)
            sys.meta_path.insert(0, self)
            try:
                with on_path(self._folder):
                    yield
            finally:
                sys.meta_path.remove(self)
                self._modules = self._taken_out()
                sys.modules.update(others)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Where Python finds a module of that name: one of them or of their packages; None for any other."""
        if not self._has(name):
            return None
        found = PathFinder.find_spec(name, [self._folder] if path is None else path, target)
        if found is not None and isinstance(found.loader, SourceFileLoader):
            found.loader = _FromText(name, found.loader.path, self.builtins)
        return found

    def _has(self, name: str) -> bool:
        return name.partition(".")[0] in self._heads

    def _taken_out(self) -> dict[str, ModuleType]:
        """The modules of their names, which are no longer among those of Python."""
        return {name: sys.modules.pop(name) for name in tuple(sys.modules) if self._has(name)}

    def _import(
        self,
        name: str,
        globals: Mapping[str, object] | None = None,
        locals: Mapping[str, object] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        """What an import statement of theirs, or of the script, calls (as `builtins.__import__`)."""
        if not level and not self._has(name) and name in sys.modules:  # no other script's import is waited for
            return builtins.__import__(name, globals, locals, fromlist, level)
        with self.found():
            return builtins.__import__(name, globals, locals, fromlist, level)


class _FromText(SourceFileLoader):
    """Without Python's cache of compiled files, which takes one that was changed within a second for the old one."""

    def __init__(self, name: str, path: str, builtins: Mapping[str, Any]) -> None:
        super().__init__(name, path)
        self._builtins = builtins

    def get_code(self, fullname: str) -> CodeType:
        """What the module executes, compiled."""
        return self.source_to_code(self.get_data(self.path), self.path)

    def exec_module(self, module: ModuleType) -> None:
        """Execute the module with the built-in names that the script has."""
        vars(module)["__builtins__"] = self._builtins
        super().exec_module(module)


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
