"""CMRxRecon's hearts: k-space in files of MATLAB 7.3, which are HDF5.

Source: Wang et al. 2024, doi:10.1038/s41597-024-03525-4, and the challenge's code,
https://github.com/CmrxRecon/CMRxRecon.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..ground.hdf5 import complex_values, is_from_matlab
from .fastmri_fields import KEY, MASK, is_bare, too_many
from .hdf5_layout import HDF5Layout, Layout


class CMRxRecon(HDF5Layout):
    """The format of CMRxRecon's files: pairs (real, imag) of (frames, slices, coils, phase, readout).

    Without the first axis it is (slices, coils, phase, readout); single-coil files, whose key says so, have no coils.
    All frames of a slice follow one another.
    """

    label = "CMRxRecon"
    suffixes = (".mat",)
    keys = ("kspace", "kus")  # `kus` is that of undersampled files of 2024
    expects = "MATLAB 7.3 with `kspace` or `kus`"

    def layout(self, kspace: Any) -> Layout | None:
        """Pairs of numbers of four or five axes, or of three or four for a single coil; None beside fastMRI's keys.

        A `mask` is one of these where the k-space may be fastMRI's by its name and its axes. None, too, for what would
        have more coils than the image has samples: the axes stand in another order then.
        """
        if set(kspace.dtype.names or ()) != {"real", "imag"} or len(_axes(kspace)) not in (4, 5):
            return None
        masked = MASK in kspace.file
        if not is_bare(kspace.file) or (masked and kspace.ndim < 5 and _is_plain(kspace)):
            return None
        frames, slices, coils, phase, readout = _sizes(kspace)
        if too_many(coils, readout):
            return None
        notes = [f"{frames} frames of {slices} slices: those of a slice follow one another."] if frames > 1 else []
        notes += _notes_on_axes(kspace)
        notes += ["The file's `mask` is not used: what is zero was not sampled."] if masked else []
        return Layout(frames * slices, coils, readout, phase, notes=tuple(notes))

    def slice(self, kspace: Any, number: int) -> NDArray[np.complexfloating]:
        """One frame of one slice."""
        frames, _, coils, phase, readout = _sizes(kspace)
        place = divmod(number, frames)[::-1] if len(_axes(kspace)) == 5 else (number,)
        slice: NDArray[np.complexfloating] = complex_values(kspace, place).reshape(coils, phase, readout)
        return slice.transpose(0, 2, 1)


def _axes(kspace: Any) -> list[int]:
    """The lengths of its axes, with one of a single coil."""
    axes = list(kspace.shape)
    if "single" in kspace.name:
        axes.insert(-2, 1)
    return axes


def _notes_on_axes(kspace: Any) -> list[str]:
    """A sentence where others save their own arrays so: under that key by MATLAB, and without MATLAB under any."""
    matlab, plain = is_from_matlab(kspace), _is_plain(kspace)
    if matlab and not plain:
        return []
    names = ["frame", "slice", "coil", "phase", "readout"]
    if "single" in kspace.name:
        names.remove("coil")
    names = names[-kspace.ndim :]
    sizes, names = (kspace.shape[::-1], names[::-1]) if matlab else (kspace.shape, names)
    advice = "name them (axes) if that is wrong" if plain and "frame" not in names else "with others images are wrong"
    taken = f"The axes of {' x '.join(map(str, sizes))} are taken as {', '.join(names)}, as CMRxRecon has them"
    return [f"{taken}; {advice}."]


def _is_plain(kspace: Any) -> bool:
    """Whether it has the name that fastMRI's k-space has, too."""
    return bool(kspace.name.lstrip("/") == KEY)


def _sizes(kspace: Any) -> tuple[int, int, int, int, int]:
    """(frames, slices, coils, phase, readout)."""
    *frames, slices, coils, phase, readout = _axes(kspace)
    return frames[0] if frames else 1, slices, coils, phase, readout
