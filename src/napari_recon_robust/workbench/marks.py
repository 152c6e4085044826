"""What marks the place and the kind of what was done: a ring, the surroundings that are measured, words on a panel."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from ..data.roi import bounds, contours

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from ..perturbations.base import Perturbed
    from .acquisition import Slice
    from .perturbing import Result

Tag = Literal["", "synthetic", "attacked", "disturbed", "synthetic feature", "random noise added"]
TAGS: tuple[str, ...] = get_args(Tag)[1:]  # what may have to be said of an image
_MARGIN = 8.0  # pixels between a ring and what is within: beyond the surroundings, which reach to 6
_LARGEST = 0.9  # of the image's shorter side: a ring around all of it would mark nothing


@dataclass(frozen=True)
class Ring:
    """A circle around what was inserted or attacked, in pixels. words: what that is, and its size."""

    row: float
    column: float
    radius: float
    words: str


def ring(result: "Result", pixel: tuple[float, float] | None = None) -> Ring | None:
    """The ring of a result, around the feature that was inserted or else the region that was attacked.

    pixel: its (row, column) size in mm, or None. None for the whole image.
    """
    perturbed = result.outcome.perturbed
    feature = perturbed.feature
    if feature is not None:
        row, column = feature.position
        across = f" = {feature.size * (pixel[0] * pixel[1]) ** 0.5:.3g} mm" if pixel else ""
        return Ring(row, column, feature.size / 2 + _MARGIN, f"inserted {feature.shape}, {feature.size:.3g} px{across}")
    mask = result.outcome.comparison.roi
    found = bounds(mask.cpu().numpy())
    if found is None:
        return None
    top, left, height, width = found
    radius = float(np.hypot(height, width)) / 2 + _MARGIN
    if 2 * radius > _LARGEST * min(mask.shape):
        return None
    middle = top + (height - 1) / 2, left + (width - 1) / 2
    return Ring(*middle, radius, f"{done(perturbed)} region, {size_words(mask, pixel)}")


def surroundings(result: "Result") -> "list[NDArray[np.float64]]":
    """The outlines, each (n, 2) rows and columns, of the pixels around the region that contrast is measured against."""
    from ..evaluation.contrast import surroundings as around

    return contours(around(result.outcome.comparison.roi).cpu().numpy())


def size_words(mask: "Tensor", pixel: tuple[float, float] | None = None) -> str:
    """Height and width of a region, such as "32×28 px = 16×14 mm"; without millimetres where they are not known."""
    found = bounds(mask.cpu().numpy())
    if found is None:
        return "empty"
    return extent_words(found.height, found.width, pixel)


def extent_words(height: int, width: int, pixel: tuple[float, float] | None = None) -> str:
    """The same of a height and a width in pixels."""
    mm = "" if pixel is None else f" = {height * pixel[0]:.3g}×{width * pixel[1]:.3g} mm"
    return f"{height}×{width} px{mm}"


def done(perturbed: "Perturbed") -> Tag:
    """What was done to the samples, in one word."""
    if perturbed.judged_by == "perturbed":
        return "synthetic"
    return "attacked" if perturbed.loss else "disturbed"


def tag(key: str, perturbed: "Perturbed | None", *, random: bool = False) -> Tag:
    """What has to be said of an image, in a word or two; empty where that is nothing.

    key: "reference", "clean", "perturbed" or "difference"; a perturbed reference is "perturbed" too. perturbed: what
    was done to the samples. random: whether noise of the attack's size is shown in its place.
    """
    if perturbed is None or key not in ("perturbed", "difference"):
        return ""
    if random:
        return "random noise added"
    return done(perturbed) if perturbed.feature is None else "synthetic feature"


def of_slice(measured: "Slice | None", *, simulated: bool) -> tuple[str, ...]:
    """What has to be said of all images of a slice, as far as it was measured. simulated: whether the scan is."""
    found = {
        "Simulated scan": simulated,
        "No fully sampled truth": measured is not None and measured.measurement.full is None,
    }
    return tuple(words for words, said in found.items() if said)
