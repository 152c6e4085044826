"""Reading sampling masks from files."""

import warnings
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..ground import hdf5
from ..ground.arrays import read_npy
from ..ground.errors import FileFormatError, PackageWarning, dimensions
from ..ground.guard import opening, shown, status
from ..ground.hdf5 import is_hdf5, open_hdf5
from .fastmri_fields import MASK

_USUAL = (0, 1, 255)  # of masks, also of those that were pictures


def read_mask(path: Path) -> Tensor:
    """A sampling mask, bool (1, phase) or (readout, phase), from .npy or from `mask` in an HDF5 file.

    The array is 1-D, for phase-encoding lines, or 2-D, for points; any value but zero is sampled, and a PackageWarning
    says so of values that no mask has, such as probabilities. Lines may have further axes of length 1, as fastMRI's
    code gives them, (1, 1, phase, 1).
    Raises FileFormatError for another file or shape, and for NaN and infinity.
    """
    status(path)
    with opening(path, "a sampling mask", "give a .npy array or an HDF5 file with `mask`"):
        if path.suffix.lower() == ".npy":
            values = read_npy(path)
        elif is_hdf5(path):
            with open_hdf5(path) as file:
                if MASK not in file:
                    raise ValueError(f"it has {hdf5.described(file)}")
                values = np.asarray(hdf5.values(file[MASK]))
                if hdf5.is_from_matlab(file[MASK]):
                    values = values.T.ravel() if values.size == max(values.shape) else values.T
        else:
            raise ValueError("it is neither .npy nor HDF5")
    if values.ndim > 2 and values.size == max(values.shape):
        values = values.ravel()
    if values.ndim not in (1, 2) or values.dtype.kind not in "biuf":
        raise FileFormatError(
            f"the mask in {shown(path)} is {values.dtype} of shape {dimensions(values.shape)}; one value for each "
            "line, or one for each point (readout, phase), is expected."
        )
    if not np.isfinite(values).all():
        raise FileFormatError(f"the mask in {shown(path)} has NaN or infinity; 0 is expected where nothing is sampled.")
    sampled = torch.from_numpy(values != 0)
    if (strange := values[~np.isin(values, _USUAL)]).size:
        warnings.warn(
            f"the mask in {shown(path)} has values such as {strange[0]:.3g}, and every value but 0 counts as sampled: "
            f"{int(sampled.sum()):,} of {sampled.numel():,}; write 1 where something is sampled and 0 elsewhere.",
            PackageWarning,
            stacklevel=2,
        )
    return sampled[None] if sampled.ndim == 1 else sampled
