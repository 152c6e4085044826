"""Arrays in files, read by reading the file: a memory map would end the process if the file became shorter."""

import math
import zipfile
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO, Literal

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from .errors import FileFormatError, one_line
from .guard import check_memory, check_packed, closed_on_failure, open_file, opening, shown

_BLOCK = 2**16  # bytes: values that lie this close together are read at once
_MOST_AXES = 32

Order = Literal["C", "F"]


class StoredArray:
    """An array in an open file, from which any part can be read; it is closed as a file is.

    shape, dtype: those of the array. It is indexed like one by whole numbers and slices with positive steps; what is
    read is an array in memory.
    """

    def __init__(
        self, file: BinaryIO, name: str, dtype: np.dtype[Any], shape: Sequence[int], offset: int = 0, order: Order = "C"
    ) -> None:
        """offset: of the values in the file, in bytes; order: "C" or "F". FileFormatError if the file is too short."""
        self.name, self.dtype, self.shape, self.ndim = name, dtype, tuple(shape), len(shape)
        self._file, self._offset, self._turned, self._lock = file, offset, order == "F", Lock()
        needed, there = math.prod(self.shape) * dtype.itemsize, file.seek(0, 2) - offset
        if needed > there:
            raise FileFormatError(
                f"{name} has {max(there, 0):,} bytes for an array of {needed:,} bytes, so it is truncated; copy or "
                "save it again."
            )

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __getitem__(self, index: Any) -> NDArray[Any]:
        given = index if isinstance(index, tuple) else (index,)
        whole = [*given, *[slice(None)] * (self.ndim - len(given))]
        ranges = [
            range(size)[one] if isinstance(one, slice) else range(one, one + 1)
            for one, size in zip(whole, self.shape, strict=True)
        ]
        lengths = [len(one) for one in ranges]
        check_memory(self.name, 2 * math.prod(lengths) * self.dtype.itemsize)
        if self._turned:  # in the file the first axis runs fastest
            found = np.empty(lengths[::-1], self.dtype)
            self._fill(found, ranges[::-1], self.shape[::-1], self._offset)
            found = found.T
        else:
            found = np.empty(lengths, self.dtype)
            self._fill(found, ranges, self.shape, self._offset)
        return found[tuple(slice(None) if isinstance(one, slice) else 0 for one in whole)]

    def _fill(self, found: NDArray[Any], ranges: list[range], shape: Sequence[int], place: int) -> None:
        """Read the part of the array that begins at `place` in the file."""
        if not found.size:
            return
        first, rest = ranges[0], ranges[1:]
        stride = math.prod(shape[1:]) * self.dtype.itemsize
        entries = first[-1] - first[0] + 1
        dense = first.step == 1 and all(len(one) == size for one, size in zip(rest, shape[1:], strict=True))
        if dense or entries * stride <= _BLOCK:
            read = self._read(place + first[0] * stride, entries * stride).reshape(entries, *shape[1:])
            found[...] = read[(slice(None, None, first.step), *(slice(one[0], one[-1] + 1, one.step) for one in rest))]
            return
        for number, entry in enumerate(first):
            if rest:
                self._fill(found[number], rest, shape[1:], place + entry * stride)
            else:
                found[number] = self._read(place + entry * stride, stride)[0]

    def _read(self, place: int, count: int) -> NDArray[Any]:
        with self._lock:
            self._file.seek(place)
            content = self._file.read(count)
        if len(content) < count:
            raise FileFormatError(
                f"{self.name} has become shorter since it was opened; copy it again and open it anew."
            )
        return np.frombuffer(content, self.dtype)


def open_npy(path: Path) -> StoredArray:
    """The array of a .npy file; FileFormatError if it is none, is truncated, or holds Python objects."""
    with closed_on_failure(open_file(path)) as file, opening(path, "a NumPy array", "save it again"):
        dtype, shape, order = _header(file)
        return StoredArray(file, shown(path), dtype, shape, file.tell(), order)


def read_npy(path: Path) -> NDArray[Any]:
    """The whole array of a .npy file, as `open_npy` takes it."""
    array = open_npy(path)
    try:
        return array[()]
    finally:
        array.close()


def read_npz(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a .npz file by their names; FileFormatError if it is none, or declares more than it holds."""
    name, arrays = shown(path), {}
    with open_file(path) as file, opening(path, "NumPy arrays", "save it again"), zipfile.ZipFile(file) as archive:
        check_packed(archive, name, file.seek(0, 2))
        for member in archive.infolist():
            with archive.open(member) as stored:
                dtype, shape, order = _header(stored)
                count = math.prod(shape) * dtype.itemsize
                if count > member.file_size:
                    raise ValueError(f"{one_line(member.filename, 40)} is truncated")
                content = stored.read(count)
            values = np.frombuffer(bytearray(content), dtype)
            arrays[member.filename.removesuffix(".npy")] = values.reshape(shape, order=order)
    return arrays


def _header(file: Any) -> tuple[np.dtype[Any], tuple[int, ...], Order]:
    """The type, shape and order of the array that begins here; ValueError if none does, or one of Python objects."""
    version = npy.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"it is of version {version[0]}.{version[1]}")
    reader = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, turned, dtype = reader(file)
    if dtype.hasobject:
        raise ValueError("it holds Python objects, whose loading could run code")
    if min(shape, default=0) < 0 or len(shape) > _MOST_AXES or not dtype.itemsize:
        raise ValueError("its header declares no array")
    return dtype, shape, "F" if turned else "C"
