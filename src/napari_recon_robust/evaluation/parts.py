"""The parts of a complex image as they are shown: magnitude, phase, real and imaginary part."""

import math
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

Part = Literal["magnitude", "phase", "real", "imaginary"]
PARTS: tuple[Part, ...] = get_args(Part)
TURN = 2 * math.pi
# Of phases from 0 over 90, 180 and 270 degrees back to 0. Lightness says how far the phase is from 0, and orange or
# sky blue (Okabe and Ito) on which side of it, for every kind of colour vision; none is black, which means no phase.
CYCLIC = (
    (0.3, 0.3, 0.3),
    (0.902, 0.624, 0.0),
    (0.97, 0.9, 0.97),
    (0.337, 0.706, 0.914),
    (0.3, 0.3, 0.3),
)
_NOISE = 3.0  # standard deviations: noise alone exceeds them in one pixel of 8,000


def whole_of(**images: "Tensor | None") -> "dict[str, Tensor]":
    """The images (rows, columns) that have a phase, complex64 on the CPU; magnitudes, which have none, are left out."""
    from torch import complex64

    return {
        name: image.detach().to(complex64).cpu()
        for name, image in images.items()
        if image is not None and image.is_complex() and bool(image.imag.any())
    }


def magnitude_on_cpu(image: "Tensor") -> "Tensor":
    """The magnitude of an image of any shape, float32 on the CPU, without a gradient."""
    return image.detach().abs().float().cpu()


def part(image: NDArray[np.complexfloating], name: Part, noise: float = 0.0) -> NDArray[np.float32]:
    """A part of a complex image (rows, columns), float32: in the image's units, or for "phase" in radians, 0 to 2 pi.

    noise: sigma with sigma^2 = E|n|^2 of a pixel's complex noise. The phase is NaN where the magnitude is below 3 sigma
    or zero, since it is random there.
    """
    found: NDArray[Any]
    if name == "phase":
        magnitude = np.abs(image)
        known = (magnitude > _NOISE * noise) & (magnitude > 0)
        found = np.where(known, np.angle(image) % TURN, np.nan)
    else:
        found = np.abs(image) if name == "magnitude" else image.real if name == "real" else image.imag
    return found.astype(np.float32)
