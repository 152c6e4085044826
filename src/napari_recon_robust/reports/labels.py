"""Labels of exported images, so that nobody takes an attacked image for a patient's."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .case_images import INTERPOLATED, NO_TRUTH, SIMULATED, CaseImage

MODIFIED = "RESEARCH - SYNTHETICALLY MODIFIED - NOT FOR CLINICAL USE"
RESEARCH = "RESEARCH - NOT FOR CLINICAL USE"
_SIZES = range(11, 7, -1)  # pixels of the letters, the largest that fits; smaller ones cannot be read
_MARGIN = 2  # pixels beside and below the letters' rim; none in narrow images
_MOST_HIDDEN = 1 / 3  # of the rows


def warning(case_image: CaseImage) -> str:
    """What every file says of the image."""
    return MODIFIED if case_image.modified else RESEARCH


def burned_in(pixels: NDArray[Any], case_image: CaseImage, white: int) -> NDArray[Any]:
    """A copy of an image (rows, columns), grey or with colours, with its label in the lower left corner.

    Where the label would hide more than a third of the rows, it stands below them, in rows that are added.
    An unmodified image stays as it is, but one of a simulated scan, one without a fully sampled truth, or one that was
    interpolated, says so too.
    white: the letters' value.
    """
    lines = warning(case_image).split(" - ") if case_image.modified else []
    lines += [mark.upper() for mark in case_image.marks if mark in (INTERPOLATED, NO_TRUTH, SIMULATED)]
    if not lines:
        return pixels
    letters, rim = _written(lines, pixels.shape[:2])
    marked = np.zeros((len(letters), *pixels.shape[1:]), pixels.dtype)
    marked[: len(pixels)] = pixels
    marked[rim] = 0
    marked[letters] = white
    return marked


def _written(lines: Sequence[str], shape: tuple[int, ...]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Where the letters are, and where they have a dark rim: bool (rows, columns) each, with the rows that are added.

    The largest letters are taken that fit; if the smallest do not, lines are broken, within words where they must be.
    """
    (rows, columns), margin = shape, _MARGIN
    for size in _SIZES:
        drawn = _drawn(lines, size)
        if drawn.shape[2] <= columns - 2 * margin and drawn.shape[1] < rows / 5:
            break
    if drawn.shape[2] > columns - 2 * margin:
        margin = 0  # beside lines that begin up to a pixel apart
        drawn = _drawn(_broken(lines, lambda words: _drawn([words], size).shape[2] < columns), size)[..., :columns]
    _, height, width = drawn.shape
    if height > _MOST_HIDDEN * rows:
        rows += height + margin
    letters, rim = np.pad(drawn, ((0, 0), (rows - height - margin, margin), (margin, columns - width - margin)))
    return letters, rim


def _drawn(lines: Sequence[str], size: int) -> NDArray[np.bool_]:
    """The letters, and the letters with their rim: bool (2, rows, columns), no larger than the rim."""
    from PIL import Image, ImageDraw, ImageFont
    from scipy.ndimage import binary_dilation

    canvas = Image.new("L", ((max(map(len, lines)) + 2) * size, (len(lines) + 1) * 2 * size))
    pen = ImageDraw.Draw(canvas)
    pen.fontmode = "1"  # letters or not, no grey between them; Pillow's boxes are those of other letters
    font = ImageFont.load_default(size)
    pen.multiline_text((2, 2), "\n".join(lines), fill=255, font=font, spacing=1)
    letters = np.asarray(canvas) > 127
    rim = binary_dilation(letters, np.ones((3, 3)))
    rows, columns = (np.flatnonzero(rim.any(axis)) for axis in (1, 0))
    return np.stack([letters, rim])[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _broken(lines: Sequence[str], fits: Callable[[str], bool]) -> list[str]:
    """Lines that fit, broken between words, and within those that do not."""
    found = []
    for line in lines:
        found.append("")
        for word in line.split():
            joined = f"{found[-1]} {word}".strip()
            if fits(joined):
                found[-1] = joined
                continue
            found += [""] * bool(found[-1])
            for letter in word:
                found += [""] * (found[-1] != "" and not fits(found[-1] + letter))
                found[-1] += letter
    return found
