"""Whether the centre of k-space lies in the middle, as everything that reads k-space takes for granted."""

from typing import TYPE_CHECKING

from ..ground.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

_FAR_MORE = 4  # times the energy: in the middle of centred k-space lies most of it
_NEAR = 1 / 16  # of an axis: the echo may come a little early or late; with 7/8 of k-space the centre is 1/14 off


def check_centre(kspace: "Tensor", name: str) -> bool:
    """Refuse k-space (coils, readout, phase) whose centre is not in the middle; InputError with the scan's name.

    Return whether the slice shows where the centre is: one of nothing but noise does not.

    A Fourier transform without shifts leaves it at the first sample; partial Fourier, without its zeros, beside the
    middle. A spike, which is one sample of a coil, does neither, and may have more energy than all others.
    """
    energy = kspace.real.square() + kspace.imag.square()
    profiles = _profiles(energy)
    if _is_centred(profiles):
        return all(map(_shows_middle, profiles.values()))
    profiles = _profiles(energy * (energy < energy.amax((1, 2), keepdim=True)))
    if _is_centred(profiles):
        return all(map(_shows_middle, profiles.values()))
    from .transformed import axis_faults  # whose torch is not wanted before

    if transformed := axis_faults(kspace, kspace.any(0)).transformed:
        raise InputError(f"{name} seems to hold no k-space. {transformed}")
    ends = [axis for axis, profile in profiles.items() if _ends(profile)]
    if ends:
        raise InputError(
            f"the k-space of {name} has its largest values at the ends of {' and '.join(ends)}, and it has to "
            "have its centre in the middle: shift it there (numpy.fft.fftshift) and save it again."
        )
    for axis, profile in profiles.items():
        largest, middle = _largest(profile), len(profile) // 2
        if largest != middle:
            raise InputError(
                f"the k-space of {name} has its largest values at {axis} {largest} of {len(profile)}, and it has to "
                f"have its centre at {middle}: fill in what partial Fourier, or a partial echo, left out with zeros "
                "and save it again."
            )
    return False


def _profiles(energy: "Tensor") -> dict[str, "Tensor"]:
    """The energy along each axis, of (coils, readout, phase)."""
    return {"readout": energy.sum((0, 2)), "phase": energy.sum((0, 1))}


def _is_centred(profiles: dict[str, "Tensor"]) -> bool:
    return all(_largest(profile) == len(profile) // 2 and not _ends(profile) for profile in profiles.values())


def _shows_middle(energy: "Tensor") -> bool:
    """Whether the middle has far more energy than most of an axis."""
    return bool(energy[len(energy) // 2] > _FAR_MORE * energy[energy > 0].median())


def _ends(energy: "Tensor") -> bool:
    """Whether far more of an axis's energy lies in its first and last eighths than in the quarter in its middle."""
    eighth = max(1, len(energy) // 8)
    rolled = energy.roll(eighth)  # the ends come first
    middle = energy[len(energy) // 2 - eighth :][: 2 * eighth]
    return bool(rolled[: 2 * eighth].sum() > _FAR_MORE * middle.sum())


def _largest(energy: "Tensor") -> int:
    """Where an axis has its largest values; the middle if that is near, or has values of a similar size."""
    around = energy + energy.roll(1) + energy.roll(-1)
    largest, middle = int(around.argmax()), len(energy) // 2
    near = abs(largest - middle) <= max(_NEAR * len(energy), 2)
    # Where the middle was not measured, nothing can be said.
    return middle if near or not 0 < _FAR_MORE * around[middle] < around[largest] else largest
