"""Calgary-Campinas' multi-coil brains (CC-359): 3-D scans whose readout is transformed already.

Source: Souza et al. 2018, doi:10.1016/j.neuroimage.2017.08.021, and the challenge's data page,
https://www.ccdataset.com/mr-reconstruction-challenge.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..ground.hdf5 import values
from .fastmri_fields import KEY
from .hdf5_layout import HDF5Layout, Layout

_COILS = (12, 32)
_MEASURED = 0.85  # of the partitions; the scanner filled in the others, and the challenge sets them to zero


class CalgaryCampinas(HDF5Layout):
    """The format of the challenge's files: real numbers (slices, lines, partitions, 2 coils).

    The last axis has the real and the imaginary part of each coil in turn. The images have their origin at the first
    pixel, so that a Fourier transform with its origin in the middle would show them shifted by half the field of view.
    """

    label = "Calgary-Campinas"
    expects = "HDF5 with `kspace`, real, of 4 axes"

    def layout(self, kspace: Any) -> Layout | None:
        """Real numbers of four axes, the last of which has the parts of as many coils as the data set's."""
        if kspace.dtype.kind != "f" or kspace.ndim != 4 or kspace.shape[-1] not in (2 * coils for coils in _COILS):
            return None
        if kspace.name.lstrip("/") != KEY:  # as in files of real and imaginary parts apart
            return None
        slices, rows, columns, parts = kspace.shape
        measured = _measured(columns)
        note = f"Of {columns} partitions the first {measured} count as measured, as in the Calgary-Campinas challenge."
        return Layout(slices, parts // 2, rows, columns, measured, (note,))

    def slice(self, kspace: Any, number: int) -> NDArray[np.complexfloating]:
        """One slice, its image moved to the middle."""
        parts = values(kspace, number)
        stored = (parts[..., ::2] + 1j * parts[..., 1::2]).astype(np.complex64).transpose(2, 0, 1)
        stored[..., _measured(stored.shape[-1]) :] = 0
        rows, columns = (_half_turns(size) for size in stored.shape[1:])
        return stored * rows[:, None] * columns


def _measured(partitions: int) -> int:
    """How many of the partitions count as measured."""
    return math.ceil(_MEASURED * partitions)


def _half_turns(size: int) -> NDArray[np.complexfloating]:
    """The phases of centred k-space that move an image by half the field of view, so that pixel 0 stays the first."""
    frequencies = np.arange(size) - size // 2
    return np.exp(2j * np.pi * (frequencies * (size // 2) % size) / size).astype(np.complex64)
