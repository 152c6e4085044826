"""Labels of exported images, so that nobody takes an attacked image for a patient's."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .case_images import INTERPOLATED, NO_TRUTH, SIMULATED, CaseImage

MODIFIED = "RESEARCH - SYNTHETICALLY MODIFIED - NOT FOR CLINICAL USE"
RESEARCH = "RESEARCH - NOT FOR CLINICAL USE"
_SIZES = range(11, 5, -1)  # pixels of the letters; the largest that fits is taken


def warning(case_image: CaseImage) -> str:
    """What every file says of the image."""
    return MODIFIED if case_image.modified else RESEARCH


def burned_in(pixels: NDArray[Any], case_image: CaseImage, white: int) -> NDArray[Any]:
    """A copy of an image (rows, columns), grey or with colours, with its label in the lower left corner.

    An unmodified image stays as it is, but one of a simulated scan, one without a fully sampled truth, or one that was
    interpolated, says so too.
    white: the letters' value.
    """
    lines = warning(case_image).split(" - ") if case_image.modified else []
    lines += [mark.upper() for mark in case_image.marks if mark in (INTERPOLATED, NO_TRUTH, SIMULATED)]
    if not lines:
        return pixels
    letters, rim = _written("\n".join(lines), pixels.shape[:2])
    marked = pixels.copy()
    marked[rim] = 0
    marked[letters] = white
    return marked


def _written(text: str, shape: tuple[int, ...]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Where the letters are, and where they have a dark rim: bool (rows, columns) each."""
    from PIL import Image, ImageDraw, ImageFont

    rows, columns = shape
    canvases = [Image.new("L", (columns, rows)) for _ in range(2)]
    pens = [ImageDraw.Draw(canvas) for canvas in canvases]
    for size in _SIZES:
        font = ImageFont.load_default(size)
        left, top, right, bottom = pens[0].multiline_textbbox((0, 0), text, font=font, spacing=1)
        if right - left < columns - 6 and bottom - top < rows / 5:
            break
    for pen, rim in zip(pens, (0, 1), strict=True):
        pen.fontmode = "1"  # letters or not, no grey between them
        place = (3 - left, rows - 3 - bottom)
        pen.multiline_text(place, text, fill=255, font=font, spacing=1, stroke_width=rim)
    letters, rim_too = (np.asarray(canvas) > 127 for canvas in canvases)
    return letters, rim_too
