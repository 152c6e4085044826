"""Every HDF5 file is opened for reading here, and every value that a file declares is read here.

A file is looked through in another process first (`hdf5_tree`). A data set is read only if the file holds as much as
the data set declares, and only if that fits into memory: HDF5 makes up values that were never stored.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import FileFormatError, ReconRobustError, one_line
from .guard import PACKED, check_memory, check_stored, in_words, open_file
from .hdf5_tree import is_touched, open_tree, part, varies
from .inspection import Inspection

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_FIRST = 512  # bytes: the length of a user block is this, or twice, four times, ... as much
_TOGETHER = 256  # entries of a table that are read at once, since the other process has little memory
# Julia's structures have the last names; r and i are complex for h5py, unless they are of half precision.
_PAIRS = ("real", "imag"), ("r", "i"), ("re", "im")
_INSPECTION = Inspection(open_tree.__module__)


def is_hdf5(path: Path) -> bool:
    """Whether it is a file with an HDF5 signature; False, too, for what is no regular file."""
    try:
        with open_file(path) as file:
            size, place = file.seek(0, 2), 0
            while place < size:
                file.seek(place)
                if file.read(len(_SIGNATURE)) == _SIGNATURE:
                    return True
                place = max(_FIRST, 2 * place)
    except (OSError, ReconRobustError):
        pass
    return False


def open_hdf5(path: Path) -> Any:
    """An `h5py.File` for reading in which every name leads to data of this file.

    Raises FileFormatError for what is no regular file, for a truncated or damaged one, for one on which HDF5 hangs or
    crashes, and for whatever leads out of the file (`hdf5_tree.open_tree`).
    """
    _INSPECTION.check(path)
    return open_tree(path)


def values(dataset: Any, index: Any = ()) -> Any:
    """The values of an `h5py.Dataset`, or of one entry of its first axis (a number, or a tuple of numbers).

    Raises FileFormatError if it is no data set, was not stored as a whole, or does not fit into memory.
    """
    check_dataset(dataset)
    entries = dataset.shape[len(index) if isinstance(index, tuple) else 1 :]
    check_memory(_described(dataset), math.prod(entries) * dataset.dtype.itemsize)
    numbers = list(index) if isinstance(index, tuple) else [index]
    _try_part(dataset, [int(number) for number in numbers], "")
    return dataset[index]


def is_complex(dataset: Any) -> bool:
    """Whether a data set has complex numbers, or pairs that other programs write for them."""
    return dataset.dtype.kind == "c" or set(dataset.dtype.names or ()) in map(set, _PAIRS)


def is_from_matlab(dataset: Any) -> bool:
    """Whether MATLAB wrote a data set, whose first axis is its last one for MATLAB."""
    return "MATLAB_class" in dataset.attrs


def complex_values(dataset: Any, index: Any) -> Any:
    """`values` of a data set that `is_complex`, as complex numbers."""
    return _as_complex(values(dataset, index))


def _as_complex(found: Any) -> Any:
    for real, imaginary in _PAIRS if found.dtype.names else ():
        if real in found.dtype.names:
            return found[real] + 1j * found[imaginary]
    return found


class ComplexDataset:
    """A data set that `is_complex` in an open file, from which any part can be read; it is closed as a file is.

    shape, dtype: those of the array, whose axes are as MATLAB has them where it wrote the file. It is indexed by a
    tuple of whole numbers and slices with positive steps, one for each axis; what is read is an array in memory.
    Raises FileFormatError if the data set was not stored as a whole.
    """

    def __init__(self, dataset: Any) -> None:
        check_dataset(dataset)
        self._dataset, self._turned = dataset, is_from_matlab(dataset)
        self.shape: tuple[int, ...] = dataset.shape[::-1] if self._turned else dataset.shape
        self.dtype, self.ndim = np.dtype(np.complex64), len(self.shape)

    def close(self) -> None:
        """Close the file."""
        self._dataset.file.close()

    def __getitem__(self, index: tuple[Any, ...]) -> NDArray[np.complex64]:
        lengths = [
            len(range(size)[one]) if isinstance(one, slice) else 1 for one, size in zip(index, self.shape, strict=True)
        ]
        check_memory(_described(self._dataset), 2 * math.prod(lengths) * self._dataset.dtype.itemsize)
        found = _as_complex(self._dataset[index[::-1] if self._turned else index])
        return np.asarray(found.T if self._turned else found, np.complex64)


def field_values(dataset: Any, field: str, entries: Sequence[int]) -> list[Any]:
    """One field of some entries of a table, given by their numbers in rising order; values may vary in length.

    Raises FileFormatError where HDF5 hangs or crashes on them.
    """
    found = list[Any]()
    for begin in range(0, len(entries), _TOGETHER):
        some = [int(number) for number in entries[begin : begin + _TOGETHER]]
        _try_part(dataset, some, field)
        found.extend(part(dataset, some, field))
    return found


def _try_part(dataset: Any, index: list[int], field: str) -> None:
    """Read values in the other process first, if HDF5 could hang on them and looking through the file left them out."""
    if varies(dataset.id) and not is_touched(dataset.id):
        _INSPECTION.check(Path(dataset.file.filename), [dataset.name, index, field])


def check_dataset(dataset: Any) -> None:
    """Raise FileFormatError unless it is a data set, of a shape, whose values the file holds."""
    if getattr(dataset, "shape", None) is None:
        raise FileFormatError(f"{_described(dataset)} holds no values; numbers are expected: export the file again.")
    whole, chunk = (math.prod(shape) * dataset.dtype.itemsize for shape in (dataset.shape, dataset.chunks or ()))
    stored, size = dataset.id.get_storage_size(), dataset.file.id.get_filesize()
    if stored > size:  # HDF5 would allocate what the index of chunks says
        raise FileFormatError(
            f"{_described(dataset)} declares {in_words(stored)} in a file of {in_words(size)}; it is damaged: copy it "
            "again from its source."
        )
    packed = 1 if dataset.chunks is None else PACKED  # a chunk may be missing, as in a scan that was broken off
    check_stored(_described(dataset), max(whole, chunk), stored, packed)


def described(file: Any) -> str:
    """The keys of an HDF5 file and of its groups, in a few words."""
    names: list[str] = []
    for name, item in file.items():
        names += [f"{name}/{inner}" for inner in item] if hasattr(item, "items") else [f"{name}"]  # bytes, if not UTF-8
    return (
        ", ".join(one_line(name, 200) for name in names[:8]) + (", …" if len(names) > 8 else "") if names else "no keys"
    )


def _described(item: Any) -> str:
    return f"`{one_line(item.name.lstrip('/'), 60)}` in {one_line(Path(item.file.filename).name, 100)}"
