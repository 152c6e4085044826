"""A film of a saved case: clean and perturbed in turn, or the perturbed image at rising budgets.

Every frame says what it shows and of which method, outlines the region, and says that it is not for diagnostic use.
"""

import importlib.util
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..cases.gallery.thumbnails import around
from ..cases.record import Case, reading
from ..data.roi import bounds, contours
from ..data.window import Window
from ..ground.errors import InputError, one_line, to_install
from ..ground.guard import to_path
from ..ground.writing import write
from ..io.images import check_suffix
from .case_images import CaseImage, CaseImages, acceleration_of, with_square_pixels
from .labels import warning

SUFFIXES = (".gif", ".mp4")
KINDS = ("flicker", "budgets")
RATES = (0.5, 10.0)  # images in a second
_LEAST = 768  # pixels of a side below which images are magnified, by whole numbers: a GIF of those takes no more room
_LETTERS = range(20, 5, -1)  # pixels; the largest that fit are taken
_LINE = 26  # pixels of each line below the image
_REPEATS = 8  # of a flicker in a film that does not begin again by itself


def export_film(
    case: Case | str | Path,
    path: str | Path,
    *,
    kind: Literal["flicker", "budgets"] = "flicker",
    budget: float | None = None,
    rate: float = 2.0,
    window: tuple[float, float] | None = None,
    region: bool = False,
) -> Path:
    """Write a film of a case as .gif, or as .mp4 where imageio-ffmpeg is installed; returns the path.

    case: a loaded one or its folder. kind: "flicker", clean and perturbed in turn; "budgets", the clean image and then
    the perturbed one at each budget. budget: which of several flickers, by default the largest. rate: images in a
    second, 0.5 to 10. window: black and white in the scan's units, by default those of the reference. region: show no
    more than the region with 12 pixels around it.
    Raises InputError for a kind, a budget or a rate that is not there, an unknown suffix, .mp4 without imageio-ffmpeg,
    or a place that cannot be written; FileFormatError for a folder that is not a sound case.
    """
    path = to_path(path)
    check_suffix(path, SUFFIXES)
    if kind not in KINDS:
        raise InputError(f"the film is to show {kind!r}; choose one of {', '.join(KINDS)}.")
    if not (isinstance(rate, int | float) and RATES[0] <= rate <= RATES[1]):
        raise InputError(f"the film is to show {rate!r} images in a second; choose {RATES[0]:g} to {RATES[1]:g}.")
    mp4 = path.suffix.lower() == ".mp4"
    if mp4 and not writes_mp4():
        raise InputError(f"MP4 needs imageio-ffmpeg; {to_install('mp4')}, or name a .gif, which needs nothing.")
    with reading():
        shown = CaseImages(case)
        limits = shown.windowed(window)
        frames = [_frame(shown, one, limits, region) for one in _images(shown, kind, budget)]
    write(path, _mp4(frames, rate) if mp4 else _gif(frames, rate))
    return path


def writes_mp4() -> bool:
    """Whether what writes MP4 is installed."""
    return importlib.util.find_spec("imageio_ffmpeg") is not None


def _images(shown: CaseImages, kind: str, budget: float | None) -> list[CaseImage]:
    """What the frames show, in their order."""
    number = shown.number(budget)
    clean = shown.image("clean", number)
    if kind == "flicker":
        return [clean, shown.image("perturbed", number)]
    results = shown.case.results
    rising = sorted(range(len(results)), key=lambda one: results[one]["budget"]["nominal"] or 0.0)
    return [clean, *(shown.image("perturbed", one) for one in rising)]


def _frame(shown: CaseImages, case_image: CaseImage, window: Window, region: bool) -> NDArray[np.uint8]:
    """Grey values of 8 bits (rows, columns): the image, magnified if it is small, above what it is."""
    from PIL import Image, ImageDraw, ImageFont

    inside = shown.case.roi.mask(shown.case.matrix).numpy()
    place = bounds(inside) if region else None
    part = ... if place is None else around(place)
    grey = window.grey(with_square_pixels(shown.turn.shown(case_image.image[part]), shown.seen_voxel))
    times = max(-(-_LEAST // min(grey.shape)), 1)
    grey = np.kron(grey, np.ones((times, times), np.uint8))
    rows, columns = (side + side % 2 for side in grey.shape)  # a film has an even number of pixels
    lines = (" · ".join((case_image.title, *case_image.marks)), _conditions(shown), warning(case_image))
    canvas = Image.new("L", (columns, rows + len(lines) * _LINE))
    canvas.paste(Image.fromarray(grey))
    pen = ImageDraw.Draw(canvas)
    for outline in _outlines(shown.turn.shown(inside[part]), grey.shape):
        pen.line(outline, fill=255, width=2)
    for number, text in enumerate(lines):
        fonts = map(ImageFont.load_default, _LETTERS)
        font = next((one for one in fonts if pen.textlength(text, one) <= columns - 8), ImageFont.load_default(5))
        pen.text((4, rows + number * _LINE), text, fill=255, font=font)
    return np.asarray(canvas)


def _conditions(shown: CaseImages) -> str:
    """The method, the acceleration and the name of the region, as far as they are known."""
    acceleration, label = acceleration_of(shown.case), shown.case.roi.label
    return " · ".join(
        filter(None, (shown.method, "" if acceleration is None else f"R = {acceleration:.3g}", one_line(label, 60)))
    )


def _outlines(inside: NDArray[np.bool_], shape: tuple[int, ...]) -> list[list[tuple[float, float]]]:
    """The outlines of a region, (column, row) in a picture of that shape; none of one that is the whole image."""
    if inside.all():
        return []
    down, across = (length / side for length, side in zip(shape, inside.shape, strict=True))
    return [[((column + 0.5) * across, (row + 0.5) * down) for row, column in outline] for outline in contours(inside)]


def _gif(frames: Sequence[NDArray[np.uint8]], rate: float) -> bytes:
    """Grey values as they are, in a loop without end."""
    from PIL import Image

    file = BytesIO()
    first, *others = [Image.fromarray(frame) for frame in frames]
    each: Any = round(1000 / rate)
    first.save(file, "GIF", save_all=True, append_images=others, duration=each, loop=0, optimize=False)
    return file.getvalue()


def _mp4(frames: Sequence[NDArray[np.uint8]], rate: float) -> bytes:
    import imageio.v3 as iio

    again = [frame for _ in range(_REPEATS if len(frames) == 2 else 1) for frame in frames]
    colour = np.stack([np.repeat(frame[..., None], 3, axis=2) for frame in again])
    content: bytes = iio.imwrite("<bytes>", colour, extension=".mp4", plugin="FFMPEG", fps=rate, macro_block_size=2)
    return content
