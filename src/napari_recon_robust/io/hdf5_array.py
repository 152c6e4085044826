"""k-space in plain HDF5 files, such as MATLAB's, whose axes the user names; of MATLAB's they are guessed otherwise."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..data.points import extent
from ..data.scan import Scan
from ..ground.errors import FileFormatError, dimensions
from ..ground.guard import closed_on_failure
from ..ground.hdf5 import ComplexDataset, check_dataset, is_complex, is_from_matlab, is_hdf5, open_hdf5, values
from .fastmri_fields import KEY, MASK, is_bare
from .format import Format
from .numpy_array import NumpyScan, guess_axes
from .stored_mask import MaskedScan

if TYPE_CHECKING:
    from torch import Tensor

LABEL = "HDF5"
_UNUSED = "The file's `mask` {}, so it is not used: what is zero was not sampled."
_ROUNDED = 0.05  # of the points of the lines that a mask holds, at most, may be zero


class MATLABArray(Format):
    """The format of arrays that MATLAB has saved, which has its own order of axes."""

    label = "MATLAB 7.3"
    suffixes = (".mat",)
    names_axes = False
    expects = "`kspace`, complex, of 2 to 4 axes"

    def recognises(self, path: Path) -> bool:
        """Whether MATLAB wrote its `kspace`, without fastMRI's header and references."""
        if not is_hdf5(path):
            return False
        with open_hdf5(path) as file:
            return _holds_array(file) and is_from_matlab(file[KEY])

    def guessed_axes(self, path: Path) -> tuple[tuple[int, ...], tuple[str, ...]] | None:
        """As the base class; a part of the array is read."""
        with open_hdf5(path) as file:
            array = ComplexDataset(file[KEY])
            return array.shape, guess_axes(array)

    def open(self, path: Path, axes: Sequence[str] | None = None) -> Scan:
        """Read the size, and a part of the array to guess its axes; InputError for axes that do not fit."""
        scan = _opened(path, axes)
        if scan is None:  # it was there when the file was recognised
            raise FileFormatError(f"{path.name} has changed while it was opened; open it again.")
        return scan


class HDF5Array(MaskedScan, NumpyScan):
    """`kspace` of a plain HDF5 file, and the `mask` beside it, whose axes stand in the same order."""

    def __init__(self, name: str, file: Any, axes: Sequence[str] | None) -> None:
        super().__init__(name, ComplexDataset(file[KEY]), axes, LABEL)
        self._limits = slice(0, self.header.phase)
        self._mask = self._stored_mask(file[MASK]) if MASK in file else None
        self._compare_mask()
        if self._mask is not None and self._holds_empty_points(self._mask):
            self._drop_mask(_UNUSED.format("holds many points without samples"))

    def _holds_empty_points(self, mask: "Tensor") -> bool:
        """Whether lines of the mask are sampled in part, by more than the zeros to which samples may be rounded."""
        found = self._found
        wanted = (mask & found.any(0)).expand(found.shape) & extent(found)
        return bool(wanted.any()) and float((wanted & ~found).sum() / wanted.sum()) > _ROUNDED

    def _stored_mask(self, dataset: Any) -> "Tensor | None":
        """Bool (1, phase) or (readout, phase); None, with a note, for a mask of another size."""
        check_dataset(dataset)
        header, turned = self.header, is_from_matlab(dataset)
        points = tuple(getattr(header, axis) for axis in self._axes if axis in ("readout", "phase"))
        shape = tuple(size for size in dataset.shape[:: -1 if turned else 1] if size != 1)
        if shape not in ((header.phase,), points):
            self._drop_mask(_UNUSED.format(f"is of {dimensions(shape)}"))
            return None
        stored = np.asarray(values(dataset))
        if np.isnan(stored).any():
            self._drop_mask(_UNUSED.format("has NaN"))
            return None
        sampled = stored != 0
        sampled = (sampled.T if turned else sampled).reshape(shape)
        if sampled.ndim == 2 and self._axes.index("phase") < self._axes.index("readout"):
            sampled = sampled.T
        from torch import from_numpy

        return from_numpy(np.ascontiguousarray(sampled.reshape(-1, header.phase)))


def holds_array(path: Path) -> bool:
    """Whether a file is HDF5 with complex `kspace` of 2 to 4 axes, without fastMRI's header and references."""
    if not is_hdf5(path):
        return False
    with open_hdf5(path) as file:
        return _holds_array(file)


def open_array(path: Path, axes: Sequence[str]) -> Scan | None:
    """A file with complex `kspace` of 2 to 4 axes, with these names, and without fastMRI's header and references.

    None for any other file, which names its own axes. Raises InputError for axes that do not fit.
    """
    return _opened(path, axes) if is_hdf5(path) else None


def _opened(path: Path, axes: Sequence[str] | None) -> Scan | None:
    with closed_on_failure(open_hdf5(path)) as file:
        if not _holds_array(file):
            file.close()
            return None
        return HDF5Array(path.name, file, axes)


def _holds_array(file: Any) -> bool:
    kspace = file.get(KEY)
    return is_bare(file) and getattr(kspace, "ndim", 0) in (2, 3, 4) and is_complex(kspace) and min(kspace.shape) > 0
