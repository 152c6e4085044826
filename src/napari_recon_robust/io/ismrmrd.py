"""ISMRMRD raw data: Cartesian, one readout line in each acquisition, as 2-D slices or as one 3-D volume.

Source: Inati et al., ISMRM Raw data format, Magn Reson Med 2017, doi:10.1002/mrm.26089: a group with `xml` and with
`data`, a table of (head, traj, data), data the interleaved float32 samples of all coils.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..data.orientation import Directions, Vector, upright, vector
from ..data.points import within, without_gaps
from ..data.scan import Header, Scan
from ..ground.guard import check_memory, closed_on_failure
from ..ground.hdf5 import is_hdf5, open_hdf5
from .format import Format
from .ismrmrd_acquisitions import Acquisitions, groups_of
from .volume import Lines, Volume

if TYPE_CHECKING:
    from torch import Tensor

_CALIBRATION = "the calibration lines of {}"


class ISMRMRD(Format):
    """The format of ISMRMRD raw data."""

    label = "ISMRMRD"
    suffixes = (".h5", ".mrd")
    expects = "an HDF5 file with `dataset/xml` and `dataset/data`"

    def recognises(self, path: Path) -> bool:
        """Whether it is an HDF5 file with a group that has `xml` and `data`."""
        if not is_hdf5(path):
            return False
        with open_hdf5(path) as file:
            return bool(groups_of(file))

    def open(self, path: Path, axes: Sequence[str] | None = None) -> Scan:
        """Read the header and the acquisitions' heads; FileFormatError if they are not of a Cartesian scan."""
        self._refuse_axes(path, axes)
        with closed_on_failure(open_hdf5(path)) as file:
            acquisitions = Acquisitions(file, path.name)
            kind = ISMRMRDScan if acquisitions.encoded[2] == 1 else ISMRMRDVolume
            return kind(path.name, acquisitions)


class ISMRMRDScan(Scan):
    """2-D slices. The lines of a slice are read on demand, averaged and, if there is a noise scan, prewhitened."""

    def __init__(self, name: str, acquisitions: Acquisitions) -> None:
        self._acquisitions = acquisitions
        described, heads = acquisitions.header, acquisitions.heads
        readout, phase, _ = acquisitions.encoded
        self._places = acquisitions.places(1)
        self._columns = described.measured(1, phase)
        self._numbers = acquisitions.slices
        rows, columns = described.matrix or (readout, phase)
        matrix = min(rows, readout), min(columns, phase)
        directions, first_pixels = _directions(heads, "read_dir", "phase_dir"), None
        if directions is not None and described.voxel is not None:
            to_centre = np.multiply(_centre((readout, phase), matrix), described.voxel[:2])
            first_pixels = _first_pixels(heads, self._numbers, directions, to_centre)
        super().__init__(
            name,
            Header(
                format=ISMRMRD.label,
                slices=len(self._numbers),
                coils=acquisitions.coils,
                readout=readout,
                phase=phase,
                matrix=matrix,
                voxel=described.voxel,
                contrast=described.protocol,
                field_strength=described.field_strength,
                directions=directions,
                upright=upright(directions),
                first_pixels=first_pixels,
                notes=(*acquisitions.notes, *acquisitions.noise_notes, *described.notes),
            ),
        )
        if acquisitions.calibration is not None:
            self.calibration = ISMRMRDScan(_CALIBRATION.format(name), acquisitions.calibration)

    def _read(self, slice: int) -> NDArray[np.complexfloating]:
        header = self.header
        check_memory(f"slice {slice} of {self.name}", 16 * header.coils * header.readout * header.phase)
        kspace = np.zeros((header.coils, header.readout, header.phase), np.complex64)
        count = np.zeros(header.phase)
        here = np.flatnonzero(self._acquisitions.heads["idx"]["slice"] == self._numbers[slice])
        for some, lines in self._acquisitions.readouts(here):
            for column, line in zip(self._places[some], lines, strict=True):
                kspace[..., column] += line
                count[column] += 1
        return self._acquisitions.whitened(kspace / np.maximum(count, 1).astype(np.float32))

    def _slices_to_ask(self) -> list[int]:
        """Those whose lines have gaps come first: each slice may have lines of its own."""
        return sorted(super()._slices_to_ask(), key=lambda slice: without_gaps(self._lines(slice)))

    def _measured_in(self, slice: int) -> "Tensor":
        """Those of `acquired` where the slice has the same lines; else its own."""
        same = bool((self._lines(slice) == self.acquired.any(0)).all())
        return self.acquired if same else self._points(slice)

    def _lines(self, slice: int) -> "Tensor":
        """The lines that were acquired of a slice, bool (1, phase)."""
        import torch

        lines = torch.zeros(1, self.header.phase, dtype=torch.bool)
        lines[:, self._places[self._acquisitions.heads["idx"]["slice"] == self._numbers[slice]]] = True
        return lines

    def _encoded(self) -> "Tensor":
        """The columns that the header's limits name."""
        return within(self._columns, self.header.phase)

    def _release(self) -> None:
        self._acquisitions.close()


class ISMRMRDVolume(Volume):
    """A 3-D scan. Its lines are averaged and, if there is a noise scan, prewhitened."""

    def __init__(self, name: str, acquisitions: Acquisitions) -> None:
        self._acquisitions = acquisitions
        described, heads = acquisitions.header, acquisitions.heads
        readout, lines, partitions = acquisitions.encoded
        self._places = acquisitions.places(1), acquisitions.places(2)
        slabs = acquisitions.slices
        self._here = np.flatnonzero(heads["idx"]["slice"] == slabs[0])
        slices, rows, columns = map(min, described.volume or acquisitions.encoded, acquisitions.encoded)
        directions, first_pixels, voxel = _directions(heads, "phase_dir", "slice_dir"), None, described.volume_voxel
        if directions is not None and voxel is not None:
            to_centre = np.multiply(_centre((lines, partitions), (rows, columns)), voxel[:2])
            middle = _first_pixels(heads, slabs[:1], directions, to_centre)
            steps = (np.arange(slices) + (readout - slices) // 2 - readout // 2) * voxel[2]
            first_pixels = middle and _along(middle[0], heads["read_dir"][0], steps)
        notes = [f"A 3-D scan of {partitions} partitions, as {slices} slices across its readout."]
        if len(slabs) > 1:
            notes.append(f"Of {len(slabs)} slabs the first is used.")
        header = Header(
            format=ISMRMRD.label,
            slices=slices,
            coils=acquisitions.coils,
            readout=lines,
            phase=partitions,
            matrix=(rows, columns),
            voxel=voxel,
            contrast=described.protocol,
            field_strength=described.field_strength,
            directions=directions,
            upright=upright(directions),
            first_pixels=first_pixels,
            notes=(*notes, *acquisitions.notes, *acquisitions.noise_notes, *described.notes_on(3)),
        )
        super().__init__(name, header, readout, len(self._here))
        if acquisitions.calibration is not None:
            self.calibration = ISMRMRDVolume(_CALIBRATION.format(name), acquisitions.calibration)

    def _read(self, slice: int) -> NDArray[np.complexfloating]:
        return self._acquisitions.whitened(super()._read(slice))

    def _lines(self) -> Iterator[Lines]:
        rows, columns = self._places
        for some, lines in self._acquisitions.readouts(self._here):
            yield rows[some], columns[some], lines

    def _measured(self) -> "Tensor":
        """The (lines, partitions) that have an acquisition."""
        import torch

        points = torch.zeros(self.header.readout, self.header.phase, dtype=torch.bool)
        points[tuple(torch.from_numpy(axis[self._here]) for axis in self._places)] = True
        lines = points.any(0, keepdim=True)
        return lines if bool((points == lines).all()) else points

    def _measured_in(self, slice: int) -> "Tensor":
        """The same in all slices."""
        return self.acquired

    def _encoded(self) -> "Tensor":
        """The (lines, partitions) that the header's limits name."""
        sizes, described = (self.header.readout, self.header.phase), self._acquisitions.header
        lines, partitions = (within(described.measured(axis, size), size) for axis, size in enumerate(sizes, 1))
        return lines.mT & partitions

    def _release(self) -> None:
        super()._release()
        self._acquisitions.close()


def _directions(heads: Any, row: str, column: str) -> Directions | None:
    """Where rows and columns lead, by these fields; None unless all acquisitions agree."""
    if not {row, column} <= set(heads.dtype.names):
        return None
    if not all(np.allclose(each, each[0], atol=1e-3) for each in (heads[row], heads[column])):
        return None
    return Directions.of(heads[row][0], heads[column][0])


def _centre(encoded: tuple[int, int], matrix: tuple[int, int]) -> list[int]:
    """The pixel of the cropped image at the origin of the Fourier transform of the whole one."""
    return [whole // 2 - (whole - side) // 2 for whole, side in zip(encoded, matrix, strict=True)]


def _first_pixels(
    heads: Any, slices: NDArray[np.integer], directions: Directions, to_centre: NDArray[np.floating]
) -> tuple[Vector, ...] | None:
    """The centre of each slice's first pixel in mm, from the position of its centre.

    to_centre: mm from the first pixel to the origin of the Fourier transform, along (rows, columns). None unless the
    acquisitions of each slice agree and no two slices lie at one place; positions that nobody filled in are zero in
    all slices.
    """
    if "position" not in heads.dtype.names or not heads["position"].any():
        return None
    found: list[Vector] = []
    for number in slices:
        positions = heads["position"][heads["idx"]["slice"] == number].astype(float)
        known = len(positions) > 0 and np.isfinite(positions).all()
        if not (known and np.allclose(positions, positions[0], atol=1e-3)):
            return None
        found.append(vector(positions[0] - to_centre @ np.array([directions.row, directions.column])))
    return tuple(found) if len(set(found)) == len(found) else None


def _along(start: Vector, direction: NDArray[np.floating], steps: NDArray[np.floating]) -> tuple[Vector, ...]:
    """The points that lie so many mm from a start along a direction."""
    return tuple(vector(np.array(start) + step * direction) for step in steps)
