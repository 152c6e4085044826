"""Opening an own model by what a user types or chooses in a file dialog."""

from importlib import import_module
from pathlib import Path

from ..ground.errors import ReconRobustError, WeightsError
from ..reconstructors.base import Reconstructor

# suffix of a file: (module of this package, what it is)
KINDS = {
    ".pt2": ("exported", "a program exported by torch.export"),
    ".onnx": ("onnx_file", "ONNX"),
    ".pt": ("checkpoint", "a fastMRI checkpoint"),
    ".pth": ("checkpoint", "a fastMRI checkpoint"),
    ".ckpt": ("checkpoint", "a fastMRI checkpoint"),
    ".safetensors": ("checkpoint", "trained weights"),
    ".py": ("function", "a Python script"),
}
BART = "bart:"


def recognises(source: str) -> bool:
    """Whether a name is that of an own model, and not the id of a method (which has no dot, colon or slash)."""
    return any(sign in source for sign in ".:/\\")


def open_model(source: str) -> Reconstructor:
    """The model of a file, of `module:function` or `script.py:function`, or of `bart:` and a command line.

    Raises WeightsError or ModelError if it cannot be opened; both say what came and what was expected.
    """
    path, _, name = source.rpartition(":")
    if source.startswith(BART):
        kind = "bart"
    elif Path(source).suffix.lower() in KINDS:
        kind = KINDS[Path(source).suffix.lower()][0]
        if not Path(source).is_file():
            raise WeightsError(f"there is no file {source}; give the path of {KINDS[Path(source).suffix.lower()][1]}.")
    elif path and name.isidentifier():
        kind = "function"
    else:
        raise WeightsError(
            f"{source!r} is no model; give a file ({', '.join(KINDS)}), module:function or bart: with a command."
        )
    try:
        return import_module(f".{kind}", __package__).open_model(source)
    except ReconRobustError:
        raise
    except OSError as error:
        raise WeightsError(f"{source} cannot be read ({error.strerror or error}); check the file.") from error
