"""SKM-TEA's knees: 3-D quantitative double-echo scans whose readout is transformed already.

Source: Desai et al. 2021, arXiv:2203.06823, and https://github.com/StanfordMIMI/skm-tea, DATASET.md.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..ground.hdf5 import values
from .hdf5_layout import HDF5Layout, Layout

_ECHOES = 2  # at most: a longer axis is none of echoes, as in (frames, slices, coils, readout, phase)


class SKMTEA(HDF5Layout):
    """The format of SKM-TEA's raw files: complex (slices, lines, partitions, echoes, coils)."""

    label = "SKM-TEA"
    expects = "HDF5 with `kspace`, complex, of 5 axes"

    def layout(self, kspace: Any) -> Layout | None:
        """Complex numbers of five axes, the fourth of which has one or two echoes."""
        if kspace.dtype.kind != "c" or kspace.ndim != 5 or kspace.shape[3] > _ECHOES:
            return None
        slices, rows, columns, echoes, coils = kspace.shape
        notes = (f"Of {echoes} echoes the first is used.",) if echoes > 1 else ()
        return Layout(slices, coils, rows, columns, notes=notes)

    def slice(self, kspace: Any, number: int) -> NDArray[np.complexfloating]:
        """One slice of the first echo."""
        slice: NDArray[np.complexfloating] = values(kspace, number)[:, :, 0].transpose(2, 0, 1)
        return slice
