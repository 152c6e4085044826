"""BART's .cfl/.hdr pairs.

The header is text with up to 16 sizes; the first axis runs fastest. The data are complex64.
Source: https://github.com/mrirecon/bart, doc/README; dimensions 0 readout, 1 phase encoding, 2 partition, 3 coil,
13 slice.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.scan import Header, Scan
from ..ground.errors import FileFormatError
from .format import Format

READOUT, PHASE, PARTITION, COIL, SLICE = 0, 1, 2, 3, 13
NAMES = {2: "partitions", 4: "maps", 5: "echo times", 6: "coefficients", 10: "time", 12: "levels", 14: "averages"}


class BART(Format):
    """The format of BART's .cfl/.hdr pairs."""

    label = "BART"
    suffixes = (".cfl", ".hdr")
    beside = (".hdr",)
    expects = "a .cfl file with its .hdr beside it"

    def recognises(self, path: Path) -> bool:
        """Whether it is a .cfl file, or a header that begins as BART's do (others use .hdr too)."""
        if path.suffix == ".cfl":
            return path.is_file()
        header = path if path.suffix == ".hdr" else path.with_name(path.name + ".hdr")
        try:
            with header.open("rb") as file:
                return file.read(12) == b"# Dimensions"
        except OSError:
            return False

    def open(self, path: Path, axes: Sequence[str] | None = None) -> Scan:
        """Map the file into memory; FileFormatError if one of the two is missing or they do not fit."""
        self._refuse_axes(path, axes)
        base = path.with_suffix("") if path.suffix in self.suffixes else path
        header, data = base.with_name(base.name + ".hdr"), base.with_name(base.name + ".cfl")
        for file in (header, data):
            if not file.is_file():
                raise FileFormatError(f"{path.name} came without {file.name}; BART's two files belong side by side.")
        sizes = _sizes(header)
        wanted, came = 8 * math.prod(sizes), data.stat().st_size
        if wanted != came:
            raise FileFormatError(
                f"{data.name} has {came} bytes and its header asks for {wanted} ({' x '.join(map(str, sizes))} complex "
                "numbers); copy both files again."
            )
        for dimension, size in enumerate(sizes):
            if size > 1 and dimension not in (READOUT, PHASE, COIL, SLICE):
                raise FileFormatError(
                    f"{data.name} has {size} {NAMES.get(dimension, 'entries')} in BART's dimension {dimension}; "
                    "readout, phase encoding, coils and slices (dimensions 0, 1, 3, 13) are read: choose one entry "
                    f"with `bart slice {dimension} 0`, or move slices with `bart transpose {dimension} {SLICE}`."
                )
        return BARTScan(path.name, np.memmap(data, np.complex64, "r", shape=tuple(sizes[::-1])))


class BARTScan(Scan):
    """A .cfl file, mapped into memory."""

    def __init__(self, name: str, array: NDArray[np.complexfloating]) -> None:
        self._array: Any = array.reshape(array.shape[-1 - SLICE], array.shape[-1 - COIL], *array.shape[-2:])
        slices, coils, phase, readout = self._array.shape
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
        return self._array[slice].swapaxes(-1, -2)

    def _release(self) -> None:
        self._array = None


def _sizes(header: Path) -> list[int]:
    """The 16 sizes; missing ones are 1."""
    try:
        lines = header.read_text(encoding="utf-8", errors="replace").splitlines()
        place = next(index for index, line in enumerate(lines) if line.startswith("# Dimensions"))
        sizes = [int(size) for size in lines[place + 1].split()]
    except (StopIteration, IndexError, ValueError):
        sizes = []
    if not 0 < len(sizes) <= 16 or min(sizes) < 1:
        raise FileFormatError(f"{header.name} is no BART header; '# Dimensions' and a line of sizes are expected.")
    return sizes + [1] * (16 - len(sizes))
