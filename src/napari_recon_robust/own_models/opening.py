"""Opening an own model by what a user types or chooses in a file dialog."""

from collections.abc import Container
from importlib import import_module
from itertools import chain, count
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING

from ..ground.errors import WeightsError, one_line
from ..ground.guard import check_length, is_file, opening, shown

if TYPE_CHECKING:
    from ..reconstructors.base import Reconstructor  # needs torch, and the names alone do not

# suffix of a file: (module of this package, what it is)
KINDS = {
    ".pt2": ("exported", "a program exported by torch.export"),
    ".onnx": ("onnx_file", "an ONNX file"),
    ".pt": ("checkpoint", "a fastMRI checkpoint"),
    ".pth": ("checkpoint", "a fastMRI checkpoint"),
    ".ckpt": ("checkpoint", "a fastMRI checkpoint"),
    ".safetensors": ("checkpoint", "trained weights"),
    ".py": ("function", "a Python script"),
}
BART = "bart:"
DEFAULT = "reconstruct"  # the function of a script that is given without a function's name


def recognises(source: str) -> bool:
    """Whether a name is that of an own model, and not the id of a method (which has no dot, colon or slash)."""
    return any(sign in source for sign in ".:/\\")


def in_full(source: str) -> str:
    """The name of an own model, of a script with its function."""
    return f"{source}:{DEFAULT}" if source.lower().endswith(".py") else source


def in_short(source: str) -> str:
    """The name of an own model, of a script without the function that it has by default: one name for one model."""
    return source.removesuffix(f":{DEFAULT}") if source.lower().endswith(f".py:{DEFAULT}") else source


def display_name(source: str) -> str:
    """What a method is called in tables: an own model in short, without the folders of its file, here or on Windows."""
    file, colon, name = split_source(in_short(source))
    if source.startswith(BART) or Path(file).suffix.lower() not in KINDS:
        return source
    return f"{PureWindowsPath(file).name}{colon}{name}"


def told_apart(name: str, taken: Container[str]) -> str:
    """A name that is not taken: itself, else "name (2)" and so on."""
    return next(one for one in chain([name], (f"{name} ({again})" for again in count(2))) if one not in taken)


def runs_code(source: str) -> bool:
    """Whether opening a method of that name runs code of somebody else."""
    return source.startswith(BART) or bool(split_source(source)[1]) or Path(source).suffix.lower() == ".py"


def split_source(source: str) -> tuple[str, str, str]:
    """The file or module, a colon, and the name in it; what is given without a name, and two empty texts."""
    file, colon, name = source.rpartition(":")
    return (file, colon, name) if name.isidentifier() else (source, "", "")  # the colon may be that of a drive


def absolute_source(source: str, folder: Path) -> str:
    """An own model by a path that is given relative to a folder; anything else as it is."""
    file, colon, name = split_source(source)
    beside = folder / file
    return f"{beside}{colon}{name}" if Path(file).suffix and beside.is_file() else source


def open_model(source: str) -> "Reconstructor":
    """The model of a file, of `module:function` or `script.py:function`, or of `bart:` and a command line.

    Raises WeightsError or ModelError if it cannot be opened; both say what came and what was expected.
    """
    path, _, name = source.rpartition(":")
    if source.startswith(BART):
        kind = "bart"
    elif Path(source).suffix.lower() in KINDS:
        kind = KINDS[Path(source).suffix.lower()][0]
        what = KINDS[Path(source).suffix.lower()][1]
        if not is_file(Path(source)):
            raise WeightsError(f"there is no file {shown(Path(source))} at that place; give the path of {what}.")
        check_length(Path(source), error=WeightsError)
    elif path and name.isidentifier():
        kind = "function"
    else:
        raise WeightsError(
            f"{one_line(repr(source), 60)} is no model; give a file ({', '.join(KINDS)}), module:function or bart: "
            "with a command."
        )
    from .model import torch_as_before  # needs torch

    opener = import_module(f".{kind}", __package__)
    with opening(Path(source), advice="check the file", error=WeightsError), torch_as_before():
        model: Reconstructor = opener.open_model(source)
        return model
