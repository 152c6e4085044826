"""The parts of complex images as a panel draws them, and the scales in which they are seen."""

from functools import lru_cache

import numpy as np
from napari.utils.colormaps import Colormap
from numpy.typing import NDArray

from ..evaluation.parts import CYCLIC, TURN, Part, part

WORDS = {"phase": "phase", "real": "real part", "imaginary": "imaginary part"}  # what a title says of them
# What is said once of all images; the signs of a phase are those of a signed difference.
LEGENDS: dict[Part, str] = {"phase": "Phase: orange +90°, blue −90°"}
_LEAST = 1e-6  # rad; below it there is no phase
CYCLE = Colormap(
    [(*colour, 1.0) for colour in CYCLIC], name="phase", low_color=(0.0, 0.0, 0.0, 1.0), high_color=(*CYCLIC[-1], 1.0)
)


class Parts:
    """A complex image (rows, columns). noise: sigma of a pixel, below three times of which a phase means nothing."""

    def __init__(self, image: NDArray[np.complex64], noise: float) -> None:
        self._image, self._noise = image, noise
        self._found = lru_cache(maxsize=None)(self._find)

    def drawn(self, name: Part) -> NDArray[np.float32]:
        """A part, float32; of the phase in radians, in (0, 2 pi], and zero where there is none."""
        return self._found(name)

    def _find(self, name: Part) -> NDArray[np.float32]:
        found = part(self._image, name, self._noise)
        if name == "phase":
            found[found <= _LEAST] = TURN
            found[np.isnan(found)] = 0.0
        return found


def limits_of(name: Part, window: tuple[float, float]) -> tuple[float, float]:
    """What is black and what is white of a part, in the window of the magnitudes; for phases both are fixed."""
    if name == "phase":
        return _LEAST, TURN
    return window if name == "magnitude" else (-window[1], window[1])
