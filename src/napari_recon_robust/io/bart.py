"""BART's .cfl/.hdr pairs.

The header is text with up to 16 sizes; the first axis runs fastest. The data are complex64.
Source: https://github.com/mrirecon/bart, doc/README; dimensions 0 readout, 1 phase encoding, 2 partition, 3 coil,
13 slice.
"""

import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.scan import Header, Scan
from ..ground.arrays import StoredArray
from ..ground.errors import FileFormatError
from ..ground.guard import closed_on_failure, head, is_file, open_file, read, shown, status
from ..ground.numbers import counted
from .format import Format
from .third_axis import FEWEST_ENCODED, central
from .volume import Lines, Volume

READOUT, PHASE, PARTITION, COIL, SLICE = 0, 1, 2, 3, 13
NAMES = {4: "maps", 5: "echo times", 6: "coefficients", 10: "time frames", 12: "levels", 14: "averages"}
# Of the energy, in the central quarter of the partitions: 435 slices of 29 volumes have at least 0.55 there along the
# columns of their k-space, and of spokes through 87 of them, in linear order, 84% have less than 0.5.
_SPOKES = 0.5
_LONGEST_HEADER = 2**20  # bytes; BART writes the commands that made the data into it


class BART(Format):
    """The format of BART's .cfl/.hdr pairs."""

    label = "BART"
    suffixes = (".cfl", ".hdr")
    beside = (".hdr",)
    expects = "a .cfl file with its .hdr beside it"

    def recognises(self, path: Path) -> bool:
        """Whether it is a .cfl file, or a header that begins as BART's do (others use .hdr too)."""
        if path.suffix == ".cfl":
            return is_file(path)
        header = path if path.suffix == ".hdr" else path.parent / f"{path.name}.hdr"
        return head(header, 12) == b"# Dimensions"

    def files(self, path: Path) -> tuple[Path, Path]:
        """The header and the data, which also open by their common name."""
        base = path.with_suffix("") if path.suffix in self.suffixes else path
        return base.with_name(base.name + ".hdr"), base.with_name(base.name + ".cfl")

    def open(self, path: Path, axes: Sequence[str] | None = None) -> Scan:
        """Read the header; FileFormatError if one of the two files is missing or they do not fit."""
        self._refuse_axes(path, axes)
        header, data = self.files(path)
        for file in (header, data):
            if not os.path.exists(file):
                raise FileFormatError(
                    f"{shown(path)} came without {shown(file)}; BART's two files belong side by side."
                )
        sizes = _sizes(header)
        wanted, came = 8 * math.prod(sizes), status(data).st_size
        if wanted != came:
            raise FileFormatError(
                f"{data.name} has {came} bytes and its header asks for {wanted} ({' x '.join(map(str, sizes))} complex "
                "numbers); copy both files again."
            )
        for dimension, size in enumerate(sizes):
            if size > 1 and dimension not in (READOUT, PHASE, PARTITION, COIL, SLICE):
                raise FileFormatError(
                    f"{data.name} has {size} {NAMES.get(dimension, 'entries')} in BART's dimension {dimension}; "
                    "readout, phase encodings, coils and slices (dimensions 0 to 3, and 13) are read: choose one entry "
                    f"with `bart slice {dimension} 0`, or move slices with `bart transpose {dimension} {SLICE}`."
                )
        if min(sizes[PARTITION], sizes[SLICE]) > 1:
            raise FileFormatError(
                f"{data.name} has {sizes[PARTITION]} partitions and {sizes[SLICE]} slices; choose one slab with "
                f"`bart slice {SLICE} 0`."
            )
        with closed_on_failure(open_file(data)) as content:
            array = StoredArray(content, shown(data), np.dtype("<c8"), sizes, order="F")
            return (BARTScan if sizes[PARTITION] == 1 else BARTVolume)(path.name, array)


class BARTScan(Scan):
    """A .cfl file, whose slices are read on demand."""

    def __init__(self, name: str, array: StoredArray) -> None:
        """array: of 16 axes, those but readout, phase encoding, coil and slice of length 1."""
        self._array = array
        readout, phase, coils, slices = (array.shape[axis] for axis in (READOUT, PHASE, COIL, SLICE))
        super().__init__(
            name,
            Header(
                format=BART.label,
                slices=slices,
                coils=coils,
                readout=readout,
                phase=phase,
                matrix=(readout, phase),
            ),
        )

    def _read(self, slice: int) -> NDArray[np.complexfloating]:
        index: list[Any] = [0] * self._array.ndim
        index[SLICE] = slice
        index[READOUT] = index[PHASE] = index[COIL] = np.s_[:]
        return self._array[tuple(index)].transpose(2, 0, 1)

    def _release(self) -> None:
        self._array.close()


class BARTVolume(Volume):
    """A .cfl file with partitions, a 3-D scan."""

    def __init__(self, name: str, array: StoredArray) -> None:
        """array: of 16 axes, those but readout, phase encoding, partition and coil of length 1."""
        self._array = array
        readout, lines, partitions, coils = array.shape[:4]
        notes = (
            f"A 3-D scan of {partitions} partitions, as {counted(readout, 'slice')} across its readout. If they are "
            f"slices, move them with `bart transpose {PARTITION} {SLICE}`.",
            *_note_on_spokes(array),
        )
        header = Header(
            format=BART.label,
            slices=readout,
            coils=coils,
            readout=lines,
            phase=partitions,
            matrix=(lines, partitions),
            notes=notes,
        )
        super().__init__(name, header, readout, lines * partitions)

    def _lines(self) -> Iterator[Lines]:
        """The lines of one partition after the other."""
        rows = np.arange(self.header.readout)
        for partition in range(self.header.phase):
            index: list[Any] = [np.s_[:], np.s_[:], partition, np.s_[:], *[0] * (self._array.ndim - 4)]
            lines = np.ascontiguousarray(self._array[tuple(index)].transpose(1, 2, 0))
            yield rows, np.full(len(rows), partition), lines

    def _release(self) -> None:
        super()._release()
        self._array.close()


def _note_on_spokes(array: StoredArray) -> list[str]:
    """A sentence if the partitions of a single slice may be spokes, whose (1, samples, spokes, coils) are the same."""
    if array.shape[READOUT] > 1 or array.shape[PARTITION] < FEWEST_ENCODED:
        return []
    index: list[Any] = [0] * array.ndim
    index[PHASE] = index[PARTITION] = np.s_[:]
    profile = np.sum(np.abs(array[tuple(index)]).astype(float) ** 2, axis=0)
    if not (profile > 0).all() or central(profile) >= _SPOKES:  # no spoke is empty
        return []
    return [
        "The partitions have little of their energy in the centre of k-space: if they are the spokes of a radial scan, "
        "or other lines that are not Cartesian, the image is wrong; grid them first (`bart nufft -i`, then "
        "`bart fft -u 3`)."
    ]


def _sizes(header: Path) -> list[int]:
    """The 16 sizes; missing ones are 1."""
    try:
        lines = read(header, _LONGEST_HEADER).decode("utf-8", "replace").splitlines()
        place = next(index for index, line in enumerate(lines) if line.startswith("# Dimensions"))
        sizes = [int(size) for size in lines[place + 1].split()]
    except (StopIteration, IndexError, ValueError):
        sizes = []
    if not 0 < len(sizes) <= 16 or min(sizes) < 1:
        raise FileFormatError(f"{shown(header)} is no BART header; '# Dimensions' and a line of sizes are expected.")
    return sizes + [1] * (16 - len(sizes))
