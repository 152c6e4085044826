"""CMRxRecon's hearts: k-space in files of MATLAB 7.3, which are HDF5.

Source: Wang et al. 2024, doi:10.1038/s41597-024-03525-4, and the challenge's code,
https://github.com/CmrxRecon/CMRxRecon.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..ground.hdf5 import complex_values
from .fastmri_fields import HEADER, REFERENCES
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
        """Pairs of numbers of four or five axes, or of three or four for a single coil; None beside fastMRI's keys."""
        if set(kspace.dtype.names or ()) != {"real", "imag"} or len(_axes(kspace)) not in (4, 5):
            return None
        if any(key in kspace.file for key in (HEADER, *REFERENCES)):
            return None
        frames, slices, coils, phase, readout = _sizes(kspace)
        notes = (f"{frames} frames of {slices} slices: those of a slice follow one another.",) if frames > 1 else ()
        return Layout(frames * slices, coils, readout, phase, notes=notes)

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


def _sizes(kspace: Any) -> tuple[int, int, int, int, int]:
    """(frames, slices, coils, phase, readout)."""
    *frames, slices, coils, phase, readout = _axes(kspace)
    return frames[0] if frames else 1, slices, coils, phase, readout
