"""Errors that are written for the user. Each says in one sentence what came, what was expected and what to do.

The command line prints the sentence and exits with status 1; the window shows it at the foot of the dock.
None of them derives from RuntimeError, because napari's generator workers swallow it.
"""

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import ClassVar, Literal

# What the package may be installed with, as named in pyproject.toml.
Extra = Literal["cluster", "deepinv", "dicom", "gui", "mp4", "onnx", "review", "studies"]

LONGEST = 500  # characters of a sentence; what goes beyond is left out of its middle


class ReconRobustError(Exception):
    """Base of all errors that are written for the user; each is one short line, whatever a file put into it.

    longest_word: of longer ones, such as paths, the middle is left out.
    """

    longest_word: ClassVar[int] = 100

    def __init__(self, *words: object) -> None:
        super().__init__(*(one_line(str(word), longest_word=self.longest_word) for word in words))


class FileFormatError(ReconRobustError):
    """A file cannot be read: it has the wrong format, is truncated, or lacks something that is needed."""


class InputError(ReconRobustError, ValueError):
    """A value does not fit: a shape, a knob, a budget, an ROI, a mask, or NaN in the data."""


class ModelError(ReconRobustError):
    """A reconstructor raised, ran out of memory, or returned NaN or the wrong shape."""


class WeightsError(ReconRobustError):
    """Weights are missing, damaged, or of another architecture."""


class PackageWarning(UserWarning):
    """Another's package or model is not as it should be, or results are older than their plan.

    The command line prints the sentence as its own.
    """


def to_install(extra: Extra) -> str:
    """What to do about a missing library that comes with an extra of this package; works outside of a clone too."""
    return f"pip install 'napari-recon-robust[{extra}]'"


def dimensions(shape: Iterable[int]) -> str:
    """A shape in words, such as "4×128×128"; "no axes" for an empty one."""
    return "×".join(map(str, shape)) or "no axes"


def either(words: Sequence[str]) -> str:
    """Words to choose from: "a, b or c"."""
    return " or ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def nearest(typed: str, words: Sequence[str]) -> str:
    """The word that is meant, perhaps, with a letter missing or in the other case; empty if none is near."""
    return next(iter(get_close_matches(typed.lower(), words, n=1)), "")


def left_out(name: str, error: object) -> str:
    """Say that something is left out, and why: with its name (or path) once, though most errors have it too."""
    sentence, short = str(error), name.rpartition("/")[2]
    if name in sentence:
        return f"left out: {sentence}"
    return f"left out: {sentence.replace(short, name, 1) if short in sentence else f'{name}: {sentence}'}"


def one_line(text: str, longest: int = LONGEST, *, longest_word: int = ReconRobustError.longest_word) -> str:
    """Text as one line of at most that many characters, without anything that is not printed."""
    letters = (letter if letter.isprintable() or letter.isspace() else "\N{REPLACEMENT CHARACTER}" for letter in text)
    words = re.sub(rf"\S{{{longest_word + 1},}}", lambda long: _shortened(long[0], longest_word), "".join(letters))
    return _shortened(" ".join(words.split()), longest)


def whole_letters(text: str) -> str:
    """Text that UTF-8 can hold: a replacement character for each half of a pair of surrogates.

    Names of files that are not in UTF-8 have such halves in Python, and so may JSON and YAML from elsewhere.
    """
    return re.sub("[\ud800-\udfff]", "\N{REPLACEMENT CHARACTER}", text)


def _shortened(text: str, longest: int) -> str:
    """The text without its middle, if it is too long: what came stands at the beginning, what to do at the end."""
    end = longest // 3
    return text if len(text) <= longest else f"{text[: longest - end - 1]}…{text[-end:]}"
