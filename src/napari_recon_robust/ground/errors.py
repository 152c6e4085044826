"""What goes wrong for a user, each in one sentence: what came, what was expected, what to do.

The command line prints the sentence and exits with status 1; the window shows it at the foot of the dock.
None of these derives from RuntimeError: napari's generator workers swallow that one.
"""

from collections.abc import Iterable, Sequence


class ReconRobustError(Exception):
    """Base of all errors that are written for the user."""


class FileFormatError(ReconRobustError):
    """A file that cannot be read: wrong format, truncated, without what is needed."""


class InputError(ReconRobustError, ValueError):
    """A value that does not fit: a shape, a knob, a budget, an ROI, a mask, NaN in the data."""


class ModelError(ReconRobustError):
    """A reconstructor that raised, ran out of memory, or returned NaN or the wrong shape."""


class WeightsError(ReconRobustError):
    """Weights that are missing, damaged, or of another architecture."""


def dimensions(shape: Iterable[int]) -> str:
    """A shape as it is read: 4×128×128, "no axes" for none."""
    return "×".join(map(str, shape)) or "no axes"


def either(words: Sequence[str]) -> str:
    """Words to choose from: "a, b or c"."""
    return " or ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))
