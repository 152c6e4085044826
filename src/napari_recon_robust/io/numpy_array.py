"""k-space in NumPy's .npy files, with axes in any order, which the user names or which are guessed."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.scan import Header, Scan
from ..ground.arguments import as_texts
from ..ground.arrays import StoredArray, open_npy
from ..ground.errors import FileFormatError, InputError, dimensions
from ..ground.guard import closed_on_failure, head
from ..ground.hdf5 import ComplexDataset
from .format import Format
from .third_axis import ENCODED, central, note_on, quarter

AXES = ("slice", "coil", "readout", "phase")
Stored = StoredArray | ComplexDataset
# At most so many entries of each axis are examined when axes are guessed.
LOOK = 64


class NumpyArray(Format):
    """The format of NumPy's .npy files."""

    label = "NumPy array"
    suffixes = (".npy",)
    names_axes = False
    expects = "complex k-space of 2 to 4 axes"

    def recognises(self, path: Path) -> bool:
        """Whether the file begins as .npy files do."""
        return head(path, 6) == b"\x93NUMPY"

    def guessed_axes(self, path: Path) -> tuple[tuple[int, ...], tuple[str, ...]] | None:
        """As the base class; a part of the array is read."""
        with closing(open_npy(path)) as array:
            return (array.shape, guess_axes(array)) if is_kspace(array) else None

    def open(self, path: Path, axes: Sequence[str] | None = None) -> Scan:
        """Read the header; FileFormatError for other arrays, InputError for axes that do not fit."""
        with closed_on_failure(open_npy(path)) as array:
            if not is_kspace(array):
                raise FileFormatError(
                    f"{path.name} holds {array.dtype} of shape {dimensions(array.shape)}; complex k-space with the "
                    f"axes coil, readout and phase, or with slices too, is expected{or_joined(array)}."
                )
            return NumpyScan(path.name, array, axes)


def is_kspace(array: StoredArray) -> bool:
    """Whether an array has the type and the number of axes that k-space has."""
    return array.dtype.kind == "c" and 2 <= array.ndim <= 4 and min(array.shape) > 0


def or_joined(array: Any) -> str:
    """Words that follow a refusal, for numbers whose last axis, or two fields, may be real and imaginary parts.

    So may two data sets, where a group of them came.
    """
    kind: np.dtype[Any] = getattr(array, "dtype", np.dtype(object))
    parts = {name: kind[name] for name in kind.names or ()}
    if hasattr(array, "items"):
        parts = {str(name): getattr(item, "dtype", np.dtype(object)) for name, item in array.items()}
    if len(parts) == 2 and all(part.kind in "fiu" for part in parts.values()):
        real, imaginary = sorted(parts, key=lambda name: name.lower().startswith("i"))  # in either order
        joined = f"k[{real!r}] + 1j * k[{imaginary!r}]"
    elif kind.kind in "fiu" and array.ndim > 2 and array.shape[-1] == 2:
        joined = "k[..., 0] + 1j * k[..., 1]"
    else:
        return ""
    return f"; join real and imaginary parts, as in {joined}, and save that"


class NumpyScan(Scan):
    """An array whose slices are read on demand, with their axes brought into order."""

    def __init__(
        self,
        name: str,
        array: Stored | NDArray[np.complexfloating],
        axes: Sequence[str] | None,
        format: str = "NumPy array",
    ) -> None:
        notes, profiles = [], _profiles(array)
        if axes is None:
            axes = _guessed(profiles, array.shape)
            notes.append(
                f"The axes of {' x '.join(map(str, array.shape))} are taken as {', '.join(axes)}, which is a guess"
                f"{_exchangeable(axes, array.shape)}; name them (axes) if that is wrong."
            )
        else:
            axes = _checked(axes, array.ndim)
        others = [pair for pair in zip(axes, profiles, strict=True) if pair[0] in ("slice", "coil")]
        notes += _contradiction(axes, profiles, array.shape) or [note for pair in others for note in note_on(*pair)]
        self._array, self._axes = array, tuple(axes)
        slices, coils, readout, phase = (array.shape[axes.index(axis)] if axis in axes else 1 for axis in AXES)
        super().__init__(
            name,
            Header(
                format=format,
                slices=slices,
                coils=coils,
                readout=readout,
                phase=phase,
                matrix=(readout, phase),
                notes=tuple(notes),
            ),
        )

    def _read(self, slice: int) -> NDArray[np.complexfloating]:
        values = self._array[tuple(slice if axis == "slice" else np.s_[:] for axis in self._axes)]
        axes = [axis for axis in self._axes if axis != "slice"]
        if "coil" not in axes:
            values, axes = values[None], ["coil", *axes]
        return values.transpose([axes.index(axis) for axis in AXES[1:]])

    def _release(self) -> None:
        if not isinstance(self._array, np.ndarray):
            self._array.close()


def guess_axes(array: NDArray[np.complexfloating] | Stored) -> tuple[str, ...]:
    """Names for the axes of k-space, guessed from where its energy lies.

    Energy concentrates around the centre along readout and phase encoding, but not along coils and slices; or at their
    ends, where k-space was not shifted, of which a slice is refused in a sentence. Of coils and slices the first is
    slices if both stand before the others, as in fastMRI; else the shorter one is taken for the coils.
    An axis with one entry is slices. Phase encoding is the axis along which whole lines are missing, else the shorter
    one (the readout is oversampled), else the last.
    """
    return _guessed(_profiles(array), array.shape)


def _profiles(array: NDArray[np.complexfloating] | Stored) -> list[NDArray[np.floating]]:
    """The energy along each axis, of some of its entries."""
    start = [n // 2 % max(1, n // LOOK) for n in array.shape]
    view = np.asarray(array[tuple(slice(s, None, max(1, n // LOOK)) for s, n in zip(start, array.shape, strict=True))])
    energy = np.nan_to_num(np.abs(view).astype(float) ** 2, nan=0.0, posinf=0.0)  # these are refused when it is opened
    return [energy.sum(tuple(other for other in range(array.ndim) if other != axis)) for axis in range(array.ndim)]


def _guessed(profiles: Sequence[NDArray[np.floating]], shape: Sequence[int]) -> tuple[str, ...]:
    """`guess_axes` of an array of this shape, from the energy along its axes."""
    centred, unshifted = (
        [_concentration(shift(profile)) for profile in profiles] for shift in (np.asarray, np.fft.fftshift)
    )
    concentration = max(centred, unshifted, key=lambda found: sorted(found)[-2])
    by_concentration = sorted(range(len(shape)), key=lambda axis: -concentration[axis])
    encoded, others = sorted(by_concentration[:2]), by_concentration[2:]
    as_fastmri = sorted(others) == [0, 1]
    others.sort(key=lambda axis: (shape[axis] == 1, -axis if as_fastmri else shape[axis]))
    names = dict(zip(others, ("coil", "slice"), strict=False))
    gaps = [axis for axis in encoded if (profiles[axis] == 0).any()]
    shorter = min(reversed(encoded), key=lambda axis: shape[axis])
    phase = gaps[0] if len(gaps) == 1 else shorter
    names |= {axis: "phase" if axis == phase else "readout" for axis in encoded}
    return tuple(names[axis] for axis in range(len(shape)))


def _exchangeable(axes: Sequence[str], shape: Sequence[int]) -> str:
    """Words on guessed coils and slices that may be each other; "" for fastMRI's order of one slice, and for one coil.

    The coils of one slice and the slices of one coil look alike where there is no other axis to tell them by.
    """
    coils, slices = (shape[axes.index(axis)] if axis in axes else 1 for axis in ("coil", "slice"))
    if coils == 1 or (slices == 1 and axes[0] == "slice"):
        return ""
    if slices > 1:
        return ", of coil and slice by their place and length alone"
    return f", and {coils} coils of one slice might be {coils} slices of one coil"


def _contradiction(axes: Sequence[str], profiles: Sequence[NDArray[np.floating]], shape: Sequence[int]) -> list[str]:
    """A sentence if an axis that is named coil or slice has its energy in the centre, and a named encoding has not."""
    guessed = _guessed(profiles, shape)
    encoded = ("readout", "phase")
    swapped = [
        n
        for n, (named, other) in enumerate(zip(axes, guessed, strict=True))
        if (named in encoded) != (other in encoded)
    ]
    if not swapped or any((central(profiles[n]) > ENCODED) == (axes[n] in encoded) for n in swapped):
        return []
    return [
        f"The axes are named {', '.join(axes)}, but the energy of the k-space is in the centre as if they were "
        f"{', '.join(guessed)}; name them so unless you know better."
    ]


def _concentration(profile: NDArray[np.floating]) -> float:
    """The share of the energy in the central quarter of an axis, divided by the share of the entries there.

    Of a few entries one is less than a quarter, which must not count for more than a quarter.
    """
    return central(profile) * min(len(profile) / len(profile[quarter(profile)]), 4.0)


def _checked(axes: Sequence[str], ndim: int) -> tuple[str, ...]:
    """The axes' names in the singular, from a text with commas too; InputError if they do not fit."""
    given = as_texts(axes.split(",") if isinstance(axes, str) else axes, "the axes")
    names = tuple(axis.strip().lower().removesuffix("s") for axis in given)
    wrong = len(names) != ndim or len(set(names)) != ndim or not {"readout", "phase"} <= set(names) <= set(AXES)
    if wrong:
        raise InputError(
            f"the axes {','.join(given)} do not fit an array of {ndim} axes; give each of them one of "
            f"{', '.join(AXES)}, readout and phase among them, for instance coil,phase,readout."
        )
    return names
