"""k-space in NumPy's .npy files, with axes in any order, which the user names or which are guessed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.scan import Header, Scan
from ..ground.errors import FileFormatError, InputError, dimensions
from .format import Format

AXES = ("slice", "coil", "readout", "phase")
# At most so many entries of each axis are examined when axes are guessed.
LOOK = 64


class NumpyArray(Format):
    """The format of NumPy's .npy files."""

    label = "NumPy array"
    suffixes = (".npy",)
    names_axes = False
    expects = "a .npy file with complex k-space of 2 to 4 axes"

    def recognises(self, path: Path) -> bool:
        """Whether the file begins as .npy files do."""
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return file.read(6) == b"\x93NUMPY"

    def open(self, path: Path, axes: Sequence[str] | None = None) -> Scan:
        """Map the file into memory; FileFormatError for other arrays, InputError for axes that do not fit."""
        try:
            array = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise FileFormatError(
                f"{path.name} cannot be read as a NumPy array ({error}); it may be truncated: save it again."
            ) from None
        if array.dtype.kind != "c" or not 2 <= array.ndim <= 4 or min(array.shape) < 1:
            raise FileFormatError(
                f"{path.name} holds {array.dtype} of shape {dimensions(array.shape)}; complex k-space with the axes "
                "coil, readout and phase, or with slices too, is expected."
            )
        return NumpyScan(path.name, array, axes)


class NumpyScan(Scan):
    """An array mapped into memory, with its axes brought into order."""

    def __init__(self, name: str, array: Any, axes: Sequence[str] | None) -> None:
        notes = []
        if axes is None:
            axes = guess_axes(array)
            notes.append(
                f"The axes of {' x '.join(map(str, array.shape))} are taken as {', '.join(axes)}, which is a guess; "
                "name them if that is wrong."
            )
        else:
            axes = _checked(axes, array.ndim)
        missing = [axis for axis in AXES if axis not in axes]
        order = [axes.index(axis) for axis in AXES if axis in axes]
        self._array = np.expand_dims(array.transpose(order), tuple(AXES.index(axis) for axis in missing))
        slices, coils, readout, phase = self._array.shape
        super().__init__(
            name,
            Header(
                format=NumpyArray.label,
                slices=slices,
                coils=coils,
                readout=readout,
                phase=phase,
                matrix=(readout, phase),
                notes=tuple(notes),
            ),
        )

    def _read(self, slice: int) -> NDArray[np.complexfloating]:
        return self._array[slice]

    def _release(self) -> None:
        self._array = np.empty(0)


def guess_axes(array: NDArray[np.complexfloating]) -> tuple[str, ...]:
    """Names for the axes of k-space, guessed from where its energy lies.

    Energy concentrates around the centre along readout and phase encoding, but not along coils and slices; the shorter
    of these two is taken for the coils. Phase encoding is the axis along which whole lines are missing, else the
    shorter one (the readout is oversampled), else the last.
    """
    start = [n // 2 % max(1, n // LOOK) for n in array.shape]
    view = np.asarray(array[tuple(slice(s, None, max(1, n // LOOK)) for s, n in zip(start, array.shape, strict=True))])
    energy = np.abs(view).astype(float) ** 2
    profiles = [energy.sum(tuple(other for other in range(array.ndim) if other != axis)) for axis in range(array.ndim)]
    by_concentration = sorted(range(array.ndim), key=lambda axis: -_concentration(profiles[axis]))
    encoded, others = sorted(by_concentration[:2]), by_concentration[2:]
    names = dict(zip(sorted(others, key=lambda axis: array.shape[axis]), ("coil", "slice"), strict=False))
    gaps = [axis for axis in encoded if (profiles[axis] == 0).any()]
    shorter = min(reversed(encoded), key=lambda axis: array.shape[axis])
    phase = gaps[0] if len(gaps) == 1 else shorter
    names |= {axis: "phase" if axis == phase else "readout" for axis in encoded}
    return tuple(names[axis] for axis in range(array.ndim))


def _concentration(profile: NDArray[np.floating]) -> float:
    """The share of the energy in the central quarter of an axis, divided by the share of the entries there."""
    n = len(profile)
    centre = slice(n // 2 - n // 8, n // 2 + n // 8 + 1)
    total = profile.sum()
    return float(profile[centre].sum() / total) * n / len(profile[centre]) if total > 0 else 0.0


def _checked(axes: Sequence[str], ndim: int) -> tuple[str, ...]:
    """The axes' names in the singular; InputError if they do not fit."""
    names = tuple(axis.strip().lower().removesuffix("s") for axis in axes)
    wrong = len(names) != ndim or len(set(names)) != ndim or not {"readout", "phase"} <= set(names) <= set(AXES)
    if wrong:
        raise InputError(
            f"the axes {','.join(axes)} do not fit an array of {ndim} axes; give each of them one of "
            f"{', '.join(AXES)}, readout and phase among them, for instance coil,phase,readout."
        )
    return names
