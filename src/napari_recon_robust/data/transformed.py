"""Whether samples are k-space at all, and whether their image is whole; each axis is looked at by itself.

Only the block about the centre without gaps is looked at, so that nothing is concluded from aliases, and only its
middle along the other axis, where k-space has its signal.
"""

from typing import NamedTuple

import torch
from torch import Tensor

AXES = {-2: "readout", -1: "phase encoding"}
IMAGE = (
    "This looks like an image: its Fourier transform has most of its energy in the centre, and it has not; "
    "if it is one, transform it to k-space first."
)
_WINDOW = 32  # the window has a 32nd of an axis before and behind the centre
# Of the energy along an axis, measured k-space of brains, phantoms and simulations has 0.69 and more in the window and
# its transform at most 0.23; along an axis that was transformed these are at most 0.15 and at least 0.88.
_LEAST, _MOST = 0.3, 0.5
# Times the mean energy in the middle eighth of the image, at the weaker one of its ends: along one axis, or along both.
# Real scans have at most 0.2, noise 1. Of 7,776 simulations (29 volumes, 1 and 6 coils, undersampled, zero-padded,
# noisy, a third of them folded) none has 8.1 along one axis, and four of the folded ones have 3 along both. Of 216
# split images 95 have 10 along one and 126 have 3 along both; the object fills the field of view of the others.
_SPLIT, _BOTH = 10.0, 3.0
_FEWEST = 8  # samples along an axis, which tell the middle of the image from its ends
_COILS, _LINES = 8, 32  # that are looked at, at most


class AxisFaults(NamedTuple):
    """Along which axes k-space was transformed already, and along which its image is split, in a sentence; or ""."""

    transformed: str
    split: str


def axis_faults(kspace: Tensor, points: Tensor) -> AxisFaults:
    """What speaks against samples being k-space of a whole image.

    kspace: complex (coils, readout, phase); points: where it was measured, bool (readout, phase) or (1, phase).
    Undersampled k-space, noise, zeros, NaN and infinity are neither.
    """
    coils, *shape = kspace.shape
    points = points.expand(*shape)
    block = kspace[:: -(-coils // _COILS), _run(points[:, shape[1] // 2]), _run(points[shape[0] // 2])]
    transformed, times = list[str](), dict[str, float]()
    for axis, name in AXES.items() if block.numel() else ():
        lines, size = _middle_lines(block, axis), shape[axis]
        image = torch.fft.fftshift(_energy(torch.fft.ifft(lines, size)))  # the same if k-space were shifted first
        if _is_transformed(_energy(lines), image):
            transformed.append(name)
        times[name] = _ends_to_middle(image) if lines.shape[-1] >= _FEWEST else 0.0
    least = _BOTH if times and min(times.values()) > _BOTH else _SPLIT
    return AxisFaults(_transformed(transformed), _split([name for name, found in times.items() if found > least]))


def _transformed(axes: list[str]) -> str:
    if len(axes) == len(AXES):
        return IMAGE
    return (
        f"The samples seem to be transformed along the {axes[0]} already: along it their Fourier transform has most of "
        "its energy in the centre, and they have not; if so, transform them back to k-space along it."
        if axes
        else ""
    )


def _split(axes: list[str]) -> str:
    """Say along which axes the image is split; "" for none.

    The origin of its transform was the first pixel then, as it is for numpy, and not the middle one; or the scanner
    alternates the sign of its lines.
    """
    if not axes:
        return ""
    where = "corners" if len(axes) == len(AXES) else f"ends along the {axes[0]}"
    power = " + ".join({"readout": "row", "phase encoding": "column"}[name] for name in axes)
    return (
        f"The image seems to be split over its {where}, as if it had not been shifted before its transform, or the "
        f"samples had alternating signs: if so, multiply the k-space by (-1)^({power}), or shift the image "
        "(numpy.fft.ifftshift) and transform it again."
    )


def _run(line: Tensor) -> slice:
    """The run of true entries about the middle of a line, as far to both sides; empty if the middle is false."""
    middle, gaps = len(line) // 2, (~line).nonzero().flatten()
    before, behind = gaps[gaps <= middle], gaps[gaps >= middle]
    first = int(before[-1]) + 1 if len(before) else 0
    stop = int(behind[0]) if len(behind) else len(line)
    half = min(middle - first, stop - 1 - middle)
    return slice(middle - half, middle + half + 1) if half >= 0 else slice(0)


def _middle_lines(block: Tensor, axis: int) -> Tensor:
    """The lines of a block along an axis, which becomes the last one, that are in its middle along the other one."""
    block = block.transpose(axis, -1)
    first = max(0, (block.shape[-2] - _LINES) // 2)
    lines = block[:, first : first + _LINES]
    return lines / lines.abs().amax()  # NaN, of which nothing is said, for zeros and infinity


def _energy(values: Tensor) -> Tensor:
    """The energy along the last axis of (coils, lines, samples)."""
    return torch.view_as_real(values).square().sum((0, 1, 3))


def _is_transformed(energy: Tensor, image: Tensor) -> bool:
    """Whether the samples along an axis have an image's energy, and their transform, `image`, that of k-space."""
    half = max(1, len(image) // _WINDOW)
    return _central(energy, half) < _LEAST and _central(image, half) > _MOST


def _central(energy: Tensor, half: int) -> float:
    """The share of an axis's energy in the window of so many samples before and behind its centre."""
    middle = len(energy) // 2
    return float(energy[max(0, middle - half) : middle + half + 1].sum() / energy.sum())


def _ends_to_middle(image: Tensor) -> float:
    """The energy at the weaker one of an axis's ends relative to that in its middle, a sixteenth and twice as much."""
    middle, part = len(image) // 2, max(1, len(image) // 16)
    ends = torch.minimum(image[:part].mean(), image[-part:].mean())
    return float(ends / image[middle - part : middle + part].mean())
