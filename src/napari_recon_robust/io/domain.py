"""What an array that is opened as k-space is more likely to be; for formats that say nothing of it."""

import numpy as np
from numpy.typing import NDArray

IMAGE = (
    "This looks like an image: its Fourier transform has most of its energy in the centre, and it has not; "
    "if it is one, transform it to k-space first."
)
SHIFTED = (
    "The image seems to be split over its corners, as if it had not been shifted before its transform: if so, multiply "
    "the k-space by (-1)^(row + column), or shift the image (numpy.fft.ifftshift) and transform it again."
)
_WINDOW = 32  # the window has a 32nd of each side before and behind the centre
# Measured k-space of brains and phantoms has 0.47 to 0.90 of its energy there, its images 0.002 to 0.02, noise 0.004.
_MOST, _LEAST = 0.3, 0.03
_SPLIT = 1.5  # times the energy in the middle: at the ends, measured planes have at most 0.4 times as much, noise 1


def notes_on(plane: NDArray[np.complexfloating]) -> list[str]:
    """What is unlikely about a plane (rows, columns) of one coil's k-space, one sentence each."""
    looks = ((IMAGE, looks_like_an_image), (SHIFTED, looks_shifted))
    return [sentence for sentence, look in looks if look(plane)]


def looks_like_an_image(plane: NDArray[np.complexfloating]) -> bool:
    """Whether a plane (rows, columns) of one coil has an image's energy, and its Fourier transform that of k-space.

    Undersampled k-space, noise, zeros, NaN and infinity are no images.
    """
    with np.errstate(all="ignore"):
        values = plane / np.abs(plane).max()
        transformed = np.fft.fftshift(np.fft.fft2(values))
        return _central(values) < _LEAST and _central(transformed) > _MOST


def looks_shifted(plane: NDArray[np.complexfloating]) -> bool:
    """Whether the image of a plane (rows, columns) of one coil has its energy at both ends of both axes.

    So has one that was transformed with its middle as the origin, and not its first pixel, as numpy takes it. Noise,
    zeros, NaN and infinity do not.
    """
    with np.errstate(all="ignore"):
        energy = np.abs(np.fft.ifft2(plane / np.abs(plane).max())) ** 2  # whose first pixel is the middle
        return all(_around_middle(energy.sum(axis)) > _SPLIT * _around_first(energy.sum(axis)) for axis in (0, 1))


def _around_first(profile: NDArray[np.floating]) -> float:
    """The energy in the quarter around the first entry of a periodic profile."""
    eighth = max(1, len(profile) // 8)
    return float(profile[:eighth].sum() + profile[-eighth:].sum())


def _around_middle(profile: NDArray[np.floating]) -> float:
    return _around_first(np.fft.fftshift(profile))


def _central(values: NDArray[np.complexfloating]) -> float:
    """The share of the energy in the window around the centre."""
    energy = np.abs(values) ** 2
    window = tuple(slice(n // 2 - max(1, n // _WINDOW), n // 2 + max(1, n // _WINDOW) + 1) for n in values.shape)
    return float(energy[window].sum() / energy.sum())
