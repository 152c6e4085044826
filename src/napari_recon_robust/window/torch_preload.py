"""Loads torch's largest library without keeping the window's thread from Python."""

import ctypes
import os
import sys
from importlib.util import find_spec
from pathlib import Path

_ENDINGS = {"linux": "so", "darwin": "dylib"}
_LIBRARIES = (("libtorch_global_deps", ctypes.RTLD_GLOBAL), ("libtorch_cpu", ctypes.RTLD_LOCAL))  # as torch loads them


def load_libraries() -> None:
    """Load ahead what `import torch` takes longest to load.

    An import keeps Python's lock meanwhile: 0.2 s, in which the window would stand still. A function of the C library
    is called without it. Nobody may import torch at the same time, who would wait for the loader with Python's lock in
    hand. What cannot be loaded in this way is left to the import.
    """
    spec, ending = find_spec("torch"), _ENDINGS.get(sys.platform)
    if "torch" in sys.modules or spec is None or spec.origin is None or ending is None:
        return
    dlopen = ctypes.CDLL(None).dlopen
    dlopen.argtypes, dlopen.restype = (ctypes.c_char_p, ctypes.c_int), ctypes.c_void_p
    folder = Path(spec.origin).parent / "lib"
    for name, visibility in _LIBRARIES:
        dlopen(os.fsencode(folder / f"{name}.{ending}"), os.RTLD_NOW | visibility)
