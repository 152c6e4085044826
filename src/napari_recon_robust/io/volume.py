"""3-D scans as slices across their readout."""

from abc import abstractmethod
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..data.scan import Header, Scan
from ..ground.guard import check_memory

_BLOCK = 2**28  # bytes of neighbouring slices that are kept, as each pass through the file gives all

Lines = tuple[NDArray[np.integer], NDArray[np.integer], NDArray[np.complexfloating]]


class Volume(Scan):
    """A 3-D scan as the slices across its readout.

    The readout is measured as a whole, so its Fourier transform splits the volume into slices without a word on what
    was sampled in the two phase encodings, (lines, partitions), which are a slice's rows and columns. One pass through
    the file gives a block of neighbouring slices, which is kept.
    """

    def __init__(self, name: str, header: Header, readout: int) -> None:
        """header: its slices are the middle ones of those that `readout` samples give."""
        super().__init__(name, header)
        self._first = (readout - header.slices) // 2
        self._block: tuple[int, NDArray[np.complexfloating]] | None = None

    @abstractmethod
    def _lines(self) -> Iterator[Lines]:
        """All measured lines, some after the other: their places (lines,) in a slice's rows and in its columns.

        The lines themselves are complex64 (lines, coils, readout); those of one place are averaged.
        """

    def _read(self, slice: int) -> NDArray[np.complexfloating]:
        header = self.header
        together = max(1, _BLOCK // (8 * header.coils * header.readout * header.phase))
        begin = slice - slice % together
        block = self._block  # another thread may read another one meanwhile
        if block is None or block[0] != begin:
            block = self._block = begin, self._slices(begin, min(begin + together, header.slices))
        return np.ascontiguousarray(block[1][..., slice - begin].transpose(2, 0, 1))

    def _slices(self, begin: int, end: int) -> NDArray[np.complexfloating]:
        """Some slices, complex64 (rows, columns, coils, slices)."""
        import torch

        from ..physics import fourier

        header = self.header
        shape = (header.readout, header.phase, header.coils, end - begin)
        check_memory(f"slices {begin} to {end - 1} of {self.name}", 8 * int(np.prod(shape)))
        block, count = np.zeros(shape, np.complex64), np.zeros(shape[:2])
        kept = slice(self._first + begin, self._first + end)
        for rows, columns, lines in self._lines():
            planes = fourier.ifft(torch.from_numpy(lines), (-1,)).numpy()[..., kept]
            for row, column, plane in zip(rows, columns, planes, strict=True):
                block[row, column] += plane
                count[row, column] += 1
        block /= np.maximum(count, 1).astype(np.float32)[..., None, None]
        return block

    def _release(self) -> None:
        self._block = None
