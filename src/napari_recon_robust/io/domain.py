"""Whether an array that is opened as k-space is an image; for formats that hold either."""

import numpy as np
from numpy.typing import NDArray

IMAGE = (
    "This looks like an image: its Fourier transform has most of its energy in the centre, and it has not; "
    "if it is one, transform it to k-space first."
)
_WINDOW = 32  # the window has a 32nd of each side before and behind the centre
# Measured k-space of brains and phantoms has 0.47 to 0.90 of its energy there, its images 0.002 to 0.02, noise 0.004.
_MOST, _LEAST = 0.3, 0.03


def looks_like_an_image(plane: NDArray[np.complexfloating]) -> bool:
    """Whether a plane (rows, columns) of one coil has an image's energy, and its Fourier transform that of k-space.

    Undersampled k-space, noise, zeros, NaN and infinity are no images.
    """
    with np.errstate(all="ignore"):
        values = plane / np.abs(plane).max()
        transformed = np.fft.fftshift(np.fft.fft2(values))
        return _central(values) < _LEAST and _central(transformed) > _MOST


def _central(values: NDArray[np.complexfloating]) -> float:
    """The share of the energy in the window around the centre."""
    energy = np.abs(values) ** 2
    window = tuple(slice(n // 2 - max(1, n // _WINDOW), n // 2 + max(1, n // _WINDOW) + 1) for n in values.shape)
    return float(energy[window].sum() / energy.sum())
