"""Window and level of a slice. All are taken from its reference, so that every condition is judged in the same window.

Without a reference they are taken from the zero-filled image.
"""

import math
from typing import TYPE_CHECKING

import numpy as np

from ..data.window import Window, presets
from ..ground.errors import InputError

if TYPE_CHECKING:
    from ..data.roi import ROI
    from .acquisition import Slice

PRESETS = ("full", "soft tissue", "lesion", "noise")
_OF_REGION = (1, 99)  # percentiles that are black and white in an automatic window
_NARROWEST = 1e-3  # of the range
_WIDEST = 1e3  # times the maximum: what can be typed, and napari can draw


def preset(name: str, measured: "Slice", roi: "ROI | None") -> Window:
    """One of `PRESETS` for a slice; InputError for "lesion" without a region."""
    if name == "lesion" and roi is None:
        raise InputError("the lesion window needs a region; choose one in the Perturb dock.")
    target = measured.target
    foreground = measured.foreground.cpu().numpy()
    region = np.zeros_like(foreground) if roi is None else _mask(measured, roi)
    return presets(target.cpu().numpy(), region, foreground)[name]


def first(measured: "Slice") -> Window:
    """The window in which a slice is shown at first."""
    return Window.of(measured.target.cpu().numpy())


def automatic(measured: "Slice", roi: "ROI | None") -> Window:
    """From the 1st to the 99th percentile of the region, or of the foreground where no region is chosen."""
    pixels = measured.foreground.cpu().numpy() if roi is None else _mask(measured, roi)
    image = measured.target.cpu().numpy()
    low, high = np.percentile(image[pixels] if pixels.any() else image, _OF_REGION)
    return Window(float(low), max(float(high), float(low) + _NARROWEST * (float(image.max()) or 1.0)))


def typed(low: float, high: float, maximum: float) -> Window:
    """The window between two fractions of the maximum; InputError unless the second is larger, or for huge ones."""
    if not high > low:
        raise InputError(f"white ({100 * high:.4g}%) must be larger than black ({100 * low:.4g}%).")
    if max(-low, high) > _WIDEST:
        raise InputError(f"black and white must lie between −{100 * _WIDEST:.0f}% and {100 * _WIDEST:.0f}%.")
    return Window(low * maximum, high * maximum)


def turned(window: Window, across: float, down: float, limits: tuple[float, float]) -> Window:
    """A window after a drag: to the right it widens, e-fold by 1; upwards it brightens, by its width by 1.

    limits: the smallest and the largest value that it may reach.
    """
    bottom, top = limits
    width = window.high - window.low
    centre, half = (window.low + window.high) / 2 + down * width, width / 2 * math.exp(across)
    low = min(max(centre - half, bottom), top * 0.99)
    return Window(low, max(min(centre + half, top), low + _NARROWEST * (top - bottom)))


def _mask(measured: "Slice", roi: "ROI") -> np.ndarray:
    rows, columns = measured.target.shape
    mask: np.ndarray = roi.mask((rows, columns)).cpu().numpy()
    return mask
