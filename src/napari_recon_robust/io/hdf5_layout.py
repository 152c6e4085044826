"""Files of public data sets whose whole k-space is one HDF5 data set, each with axes of its own."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..data.points import within
from ..data.scan import Header, Scan
from ..ground.errors import FileFormatError, dimensions
from ..ground.guard import closed_on_failure
from ..ground.hdf5 import check_dataset, is_hdf5, open_hdf5
from .format import Format

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Layout:
    """What a data set holds.

    measured: how many columns were to be measured, from the first on; None for all. notes: what was left out or taken
    for granted, one sentence each.
    """

    slices: int
    coils: int
    rows: int
    columns: int
    measured: int | None = None
    notes: tuple[str, ...] = ()


class HDF5Layout(Format):
    """A format that is known by the axes and the numbers of its k-space. Files have no header and no reference.

    keys: how the name of the data set begins.
    """

    keys: ClassVar[tuple[str, ...]] = ("kspace",)
    suffixes: ClassVar[tuple[str, ...]] = (".h5", ".hdf5")

    @abstractmethod
    def layout(self, kspace: Any) -> Layout | None:
        """What a data set holds; None if it is not of this format."""

    @abstractmethod
    def slice(self, kspace: Any, number: int) -> NDArray[np.complexfloating]:
        """One slice, complex (coils, rows, columns), centred, zero where not measured."""

    def recognises(self, path: Path) -> bool:
        """Whether it is an HDF5 file with k-space of this layout."""
        if not is_hdf5(path):
            return False
        with open_hdf5(path) as file:
            return self._found(file) is not None

    def open(self, path: Path, axes: Sequence[str] | None = None) -> Scan:
        """Read all but the k-space; FileFormatError if it is empty or damaged."""
        self._refuse_axes(path, axes)
        with closed_on_failure(open_hdf5(path)) as file:
            return _LayoutScan(path.name, file, self, *_checked(self._found(file), path.name))

    def _found(self, file: Any) -> tuple[Any, Layout] | None:
        """The k-space of a file, and its layout."""
        for key in file:
            item = file[key]
            if isinstance(key, str) and key.startswith(self.keys) and getattr(item, "shape", None):
                layout = self.layout(item)
                if layout is not None:
                    return item, layout
        return None


class _LayoutScan(Scan):
    """A file whose slices are read on demand."""

    def __init__(self, name: str, file: Any, format: HDF5Layout, kspace: Any, layout: Layout) -> None:
        self._file, self._format, self._kspace, self._columns = file, format, kspace, slice(layout.measured)
        super().__init__(
            name,
            Header(
                format=format.label,
                slices=layout.slices,
                coils=layout.coils,
                readout=layout.rows,
                phase=layout.columns,
                matrix=(layout.rows, layout.columns),
                notes=layout.notes,
            ),
        )

    def _read(self, slice: int) -> NDArray[np.complexfloating]:
        return self._format.slice(self._kspace, slice)

    def _encoded(self) -> "Tensor":
        """The columns that were to be measured."""
        return within(self._columns, self.header.phase)

    def _release(self) -> None:
        self._file.close()


def _checked(found: tuple[Any, Layout] | None, name: str) -> tuple[Any, Layout]:
    """FileFormatError for k-space that is empty, or larger than what the file holds."""
    if found is None:  # it was there when the file was recognised
        raise FileFormatError(f"{name} has changed while it was opened; open it again.")
    kspace, layout = found
    check_dataset(kspace)
    if min(kspace.shape) < 1:
        raise FileFormatError(
            f"`{kspace.name.lstrip('/')}` in {name} is empty, of shape {dimensions(kspace.shape)}; export it again."
        )
    return kspace, layout
