"""Window and level: which value is black and which is white. The window, reports and exports share them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.floating]
Pixels = NDArray[np.bool_]

WHITE = 99.7  # percentile of an image that is white at first


@dataclass(frozen=True)
class Window:
    """Values of `low` and below are black, those of `high` and above are white; in the image's own units."""

    low: float
    high: float

    @classmethod
    def of(cls, image: Image) -> "Window":
        """From 0 to the 99.7th percentile of an image, as the window shows a scan at first."""
        return cls(0.0, float(np.percentile(image, WHITE)) or 1.0)

    def grey(self, image: Image) -> NDArray[np.uint8]:
        """Grey values of 8 bits: 255 (v - low) / (high - low), rounded, cut at 0 and 255."""
        share = (image.astype(np.float64) - self.low) / (self.high - self.low)
        return np.rint(255 * np.clip(share, 0, 1)).astype(np.uint8)


def presets(reference: Image, region: Pixels, foreground: Pixels) -> dict[str, Window]:
    """Windows for a purpose, by their names; all are taken from the reference, and hold for every condition.

    full: from 0 to its maximum. soft tissue: the middle 90% of the foreground. lesion: the range of the region with
    half of it on either side. noise: from 0 to the 99th percentile outside the foreground, where air lies.
    """
    maximum = float(reference.max()) or 1.0
    tissue = reference[foreground] if foreground.any() else reference
    inside = reference[region] if region.any() else reference
    air = reference[~foreground] if not foreground.all() else np.array([0.05 * maximum])
    low, high = np.percentile(tissue, (5, 95))
    margin = (inside.max() - inside.min()) / 2
    found = {
        "full": (0.0, maximum),
        "soft tissue": (low, high),
        "lesion": (max(float(inside.min() - margin), 0.0), inside.max() + margin),
        "noise": (0.0, np.percentile(air, 99)),
    }
    return {name: _open(float(low), float(high), maximum) for name, (low, high) in found.items()}


def _open(low: float, high: float, maximum: float) -> Window:
    """A window of at least a thousandth of the maximum, so that a flat region has one too."""
    return Window(low, max(high, low + 1e-3 * maximum))
