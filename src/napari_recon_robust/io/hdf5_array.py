"""k-space in plain HDF5 files, such as MATLAB's, whose axes the user names."""

from collections.abc import Sequence
from pathlib import Path

from ..data.scan import Scan
from ..ground.hdf5 import ComplexDataset, is_complex, is_hdf5, open_hdf5
from .fastmri_fields import HEADER, REFERENCES
from .numpy_array import NumpyScan

LABEL, KEY = "HDF5", "kspace"


def open_array(path: Path, axes: Sequence[str]) -> Scan | None:
    """A file with complex `kspace` of 2 to 4 axes, with these names, and without fastMRI's header and references.

    None for any other file, which names its own axes. Raises InputError for axes that do not fit.
    """
    if not is_hdf5(path):
        return None
    file = open_hdf5(path)
    try:
        kspace = file.get(KEY)
        if (
            {HEADER, *REFERENCES} & set(file)
            or getattr(kspace, "ndim", 0) not in (2, 3, 4)
            or not is_complex(kspace)
            or not min(kspace.shape)
        ):
            file.close()
            return None
        return NumpyScan(path.name, ComplexDataset(kspace), axes, LABEL)
    except BaseException:
        file.close()
        raise
