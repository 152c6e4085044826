"""Errors that are written for the user. Each says in one sentence what came, what was expected and what to do.

The command line prints the sentence and exits with status 1; the window shows it at the foot of the dock.
None of them derives from RuntimeError, because napari's generator workers swallow it.
"""

from collections.abc import Iterable, Sequence


class ReconRobustError(Exception):
    """Base of all errors that are written for the user."""


class FileFormatError(ReconRobustError):
    """A file cannot be read: it has the wrong format, is truncated, or lacks something that is needed."""


class InputError(ReconRobustError, ValueError):
    """A value does not fit: a shape, a knob, a budget, an ROI, a mask, or NaN in the data."""


class ModelError(ReconRobustError):
    """A reconstructor raised, ran out of memory, or returned NaN or the wrong shape."""


class WeightsError(ReconRobustError):
    """Weights are missing, damaged, or of another architecture."""


def dimensions(shape: Iterable[int]) -> str:
    """A shape in words, such as "4×128×128"; "no axes" for an empty one."""
    return "×".join(map(str, shape)) or "no axes"


def either(words: Sequence[str]) -> str:
    """Words to choose from: "a, b or c"."""
    return " or ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))
