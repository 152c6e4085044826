"""The difference of two images as it is shown: amplified by a factor that its title names, signed or absolute."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.floating]

GAINS = (1, 2, 5, 10, 20, 50)
# Sky blue, black and orange of Okabe and Ito: they differ in lightness and hue for every kind of colour vision.
DIVERGING = ((0.337, 0.706, 0.914), (0.0, 0.0, 0.0), (0.902, 0.624, 0.0))
_CUT = 0.999  # of the pixels may not be beyond the brightest colour


def gain(differences: Iterable[Image], white: float) -> int:
    """The largest of `GAINS` at which no more than a thousandth of each difference is beyond white."""
    largest = max((_largest(one) for one in differences), default=0.0)
    return next((factor for factor in reversed(GAINS) if factor * largest <= white), GAINS[0])


def difference(first: Image, second: Image, *, signed: bool) -> Image:
    """The second image minus the first, or its magnitude."""
    change = second - first
    return change if signed else np.abs(change)


def coloured(change: Image, full: float) -> NDArray[np.uint8]:
    """Red, green and blue of 8 bits (rows, columns, 3) of a signed difference: `DIVERGING`, brightest at +-full."""
    share = np.clip(change / full, -1, 1)[..., None]
    below, _, above = (np.array(colour) for colour in DIVERGING)
    return np.rint(255 * np.abs(share) * np.where(share < 0, below, above)).astype(np.uint8)


def _largest(one: Image) -> float:
    at = max(int(_CUT * one.size) - 1, 0)
    return float(np.partition(np.abs(one), at, axis=None)[at])
