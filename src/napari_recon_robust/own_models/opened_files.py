"""Which files the code of own models reads while it is imported: such as weights, they determine what it computes.

Python tells of every file that it opens (`sys.addaudithook`). What libraries open without Python, as those of HDF5,
safetensors and ONNX do, and what is read only when the model is called, is not seen.
"""

import os
import sys
import sysconfig
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from types import FrameType
from typing import Any

from ..ground.guard import is_file
from ..reconstructors.fingerprint import INSTALLED, of_file

_LIBRARIES = (
    *INSTALLED,
    Path(__file__).resolve().parents[1],
    *(Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib")),
)
_SYSTEM = tuple(map(Path, ("/proc", "/sys", "/etc", "/usr")))  # what is there tells of the machine
_WRITES = os.O_WRONLY | os.O_RDWR


@dataclass
class Opened:
    """read: the files that each file of code has opened for reading. written: those that were opened otherwise."""

    read: dict[Path, set[Path]] = field(default_factory=dict)
    written: set[Path] = field(default_factory=set)

    def digests(self, code: Path) -> dict[Path, str]:
        """SHA-256 of what a file of code has read, but not of what it has written itself, nor of caches."""
        files = sorted(path for path in self.read[code] - self.written if _counts(path))
        return {path: of_file(path)[path.name] for path in files}


_current = threading.local()  # what this thread opens, and the frame that watches it


@contextmanager
def watched() -> Iterator[Opened]:
    """Watch meanwhile which files are opened by code of this thread that is not installed, itself or by libraries.

    A file counts for the module whose import, or for the script whose run, has opened it. What libraries open when they
    are imported themselves is left out, as they are imported only once.
    """
    _install_hook()
    before, opened = getattr(_current, "watch", None), Opened()
    _current.watch = opened, sys._getframe(2)  # of whoever says `with watched()`
    try:
        yield opened
    finally:
        _current.watch = before


@cache
def _install_hook() -> None:
    sys.addaudithook(_on_event)  # it stays for the life of the process


def _on_event(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "open" or (watch := getattr(_current, "watch", None)) is None:
        return
    opened, watcher = watch
    with suppress(TypeError, ValueError, OSError):  # a number in place of a name; what is raised would stop the opening
        path, flags = Path(os.fsdecode(arguments[0])).absolute(), arguments[2]
        if flags & _WRITES:
            opened.written.add(path)
        elif (code := _code(sys._getframe(1), watcher)) is not None:
            opened.read.setdefault(code, set()).add(path)


def _code(frame: FrameType | None, watcher: FrameType) -> Path | None:
    """The file of the code that is not installed and whose import, or run, has led here; None if a library's has."""
    found = None
    while frame is not None and frame is not watcher:
        name = frame.f_code.co_filename
        if name.startswith("<frozen importlib"):
            break
        if not (name.startswith("<") or is_library(name)):
            found = Path(name).resolve()
        frame = frame.f_back
    return found


@lru_cache(maxsize=10_000)
def is_library(name: str) -> bool:
    """Whether a file of code, by its path, is installed, Python's own or this package's."""
    return any(Path(name).resolve().is_relative_to(folder) for folder in _LIBRARIES)


def _counts(path: Path) -> bool:
    if "__pycache__" in path.parts or is_library(str(path)) or any(map(path.is_relative_to, _SYSTEM)):
        return False
    return is_file(path)
