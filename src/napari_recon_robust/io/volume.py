"""3-D scans as slices across their readout."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..data.scan import Header, Scan
from ..ground.errors import InputError
from ..ground.guard import check_memory, free_memory
from ..ground.progress import Job, Progress, run

_SMALLEST, _LARGEST = 2**28, 2**31  # bytes of a block, as many of them as `_SHARE` of the free memory allows
_SHARE = 1 / 4

Lines = tuple[NDArray[np.integer], NDArray[np.integer], NDArray[np.complexfloating]]


class Block(NamedTuple):
    """Neighbouring slices of a volume, complex64 (rows, columns, coils, slices)."""

    slices: range
    kspace: NDArray[np.complexfloating]


class Volume(Scan):
    """A 3-D scan as the slices across its readout.

    The readout is measured as a whole, so its Fourier transform splits the volume into slices without a word on what
    was sampled in the two phase encodings, (lines, partitions), which are a slice's rows and columns. One pass through
    the file gives a block of neighbouring slices, which is kept: as much of the volume as a quarter of the free memory
    holds, from 256 MB to 2 GB.
    """

    def __init__(self, name: str, header: Header, readout: int, lines: int) -> None:
        """header: its slices are the middle ones of those that `readout` samples give. lines: how many are measured."""
        super().__init__(name, header)
        self._first, self._count = (readout - header.slices) // 2, lines
        self._block: Block | None = None

    @abstractmethod
    def _lines(self) -> Iterator[Lines]:
        """All measured lines, some after the other: their places (lines,) in a slice's rows and in its columns.

        The lines themselves are complex64 (lines, coils, readout); those of one place are averaged.
        """

    def prepare(self, slice: int) -> Job[None]:
        """Read the block that holds a slice."""
        yield from super().prepare(slice)
        with self._reading(f"slice {slice}"):
            yield from self._block_of(slice)

    def _read(self, slice: int) -> NDArray[np.complexfloating]:
        block = run(self._block_of(slice))
        return np.ascontiguousarray(block.kspace[..., slice - block.slices.start].transpose(2, 0, 1))

    def _block_of(self, slice: int) -> Job[Block]:
        """The block that holds a slice, which is read unless it is the one that is kept."""
        block = self._block  # another thread may read another one meanwhile
        if block is None or slice not in block.slices:
            last = None if block is None else block.slices
            block = self._block = None  # its memory is for the next one
            block = self._block = yield from self._pass(self._beside(slice, last))
        return block

    def _beside(self, slice: int, last: range | None) -> range:
        """The slices to read for one: those that follow where it goes on from the last ones, else those around it."""
        header = self.header
        most = min(_LARGEST, max(_SMALLEST, int(_SHARE * free_memory())))
        together = min(header.slices, max(1, most // (8 * header.coils * header.readout * header.phase)))
        begin = slice - together // 2
        if last is not None and slice == last.stop:
            begin = slice
        elif last is not None and slice == last.start - 1:
            begin = slice - together + 1
        begin = min(max(begin, 0), header.slices - together)
        return range(begin, begin + together)

    def _pass(self, slices: range) -> Job[Block]:
        """Some slices, by one pass through the file."""
        import torch

        from ..physics import fourier

        header = self.header
        shape, done = (header.readout, header.phase, header.coils, len(slices)), 0
        check_memory(f"slices {slices.start} to {slices.stop - 1} of {self.name}", 8 * int(np.prod(shape)))
        kspace, count = np.zeros(shape, np.complex64), np.zeros(shape[:2])
        kept = slice(self._first + slices.start, self._first + slices.stop)
        for rows, columns, lines in self._lines():
            yield Progress(done / self._count, f"Reading slices {slices.start} to {slices.stop - 1}")
            self._check_finite(rows, columns, lines)
            planes = fourier.ifft(torch.from_numpy(lines), (-1,)).numpy()[..., kept]
            for row, column, plane in zip(rows, columns, planes, strict=True):
                kspace[row, column] += plane
                count[row, column] += 1
            done += len(lines)
        kspace /= np.maximum(count, 1).astype(np.float32)[..., None, None]
        return Block(slices, kspace)

    def _check_finite(
        self, rows: NDArray[np.integer], columns: NDArray[np.integer], lines: NDArray[np.complexfloating]
    ) -> None:
        """InputError for a line with NaN or infinity: its transform would have them in every slice."""
        bad = np.flatnonzero(~np.isfinite(lines).all((1, 2)))
        if len(bad):
            raise InputError(
                f"line {rows[bad[0]]} of partition {columns[bad[0]]} of {self.name} has NaN or infinity, and each line "
                "is a part of every slice; finite values are expected: export the file again."
            )

    def _release(self) -> None:
        self._block = None
