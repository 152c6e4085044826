"""ISMRMRD raw data: Cartesian, 2-D, with one readout line in each acquisition.

Source: Inati et al., ISMRM Raw data format, Magn Reson Med 2017, doi:10.1002/mrm.26089: a group with `xml` and with
`data`, a table of (head, traj, data), data the interleaved float32 samples of all coils.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..data.orientation import Directions, Vector
from ..data.scan import Header, Scan, within
from ..ground.errors import FileFormatError, InputError, dimensions
from ..ground.guard import check_memory
from ..ground.hdf5 import check_dataset, field_values, is_hdf5, open_hdf5, values
from .format import Format
from .ismrmrd_header import AcquisitionHeader

if TYPE_CHECKING:
    from torch import Tensor

# Bits of an acquisition's flags, counted from 1.
NOISE, CALIBRATION, REVERSED = 19, 20, 22
NO_IMAGING = (NOISE, 23, 24, 26, 27, 28, 29, 30, 31)
_MOST_PADDED = 16  # times that an encoded matrix may be larger than what was measured
_MOST_BEYOND = 0.01  # of the encoded readout: the centre may be a sample off, and the last one falls off the edge


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
            return _group(file) is not None

    def open(self, path: Path, axes: Sequence[str] | None = None) -> Scan:
        """Read the header and the acquisitions' heads; FileFormatError if they are not of a 2-D Cartesian scan."""
        self._refuse_axes(path, axes)
        file = open_hdf5(path)
        try:
            return ISMRMRDScan(path.name, file)
        except Exception:
            file.close()
            raise


class ISMRMRDScan(Scan):
    """An ISMRMRD file. The lines of a slice are read on demand, averaged and, if there is a noise scan, prewhitened."""

    def __init__(self, name: str, file: Any) -> None:
        self._file = file
        group = file[_group(file)]
        described = AcquisitionHeader.parse(values(group["xml"], 0), name)
        self._data = _acquisitions(group, name)
        self._heads = self._data.fields("head")[:]
        if described.trajectory is not None and described.trajectory.lower() != "cartesian":
            raise FileFormatError(
                f"{name} was sampled along a {described.trajectory} trajectory; Cartesian data are expected: "
                "grid them first."
            )
        self._lines, notes = _imaging_lines(self._heads, described.calibration)
        if not len(self._lines):
            raise FileFormatError(
                f"{name} has no imaging acquisitions in its first encoding space; export the scan with its data."
            )
        heads = self._heads[self._lines]
        _refuse_other_scans(heads, name)
        encoded = described.encoded
        steps = heads["idx"]["kspace_encode_step_1"]
        readout = encoded.matrix[0] if encoded else int(heads["number_of_samples"].max())
        phase = encoded.matrix[1] if encoded else int(steps.max()) + 1
        centre = phase // 2 if described.centre is None else described.centre
        _check_matrix((readout, phase), (int(heads["number_of_samples"].max()), int(steps.max()) + 1), name)
        notes += _samples_beyond(heads, readout, name) + _samples_lacking(heads, readout)
        self._rows = steps.astype(int) - centre + phase // 2
        if self._rows.min() < 0 or self._rows.max() >= phase:
            raise FileFormatError(
                f"{name} has phase-encoding steps up to {steps.max()} around {centre}, and its header says {phase} "
                "lines; export it again with the right header."
            )
        self._columns = described.measured_columns(phase)
        self._numbers = np.unique(heads["idx"]["slice"])
        self._whitening, told = self._noise_covariance(int(heads["active_channels"][0]))
        notes += told
        rows, columns = described.matrix or (readout, phase)
        matrix = min(rows, readout), min(columns, phase)
        directions, first_pixels = _directions(heads), None
        if directions is not None and described.voxel is not None:
            to_centre = np.multiply(_centre((readout, phase), matrix), described.voxel[:2])
            first_pixels = _first_pixels(heads, self._numbers, directions, to_centre)
        super().__init__(
            name,
            Header(
                format=ISMRMRD.label,
                slices=len(self._numbers),
                coils=int(heads["active_channels"][0]),
                readout=readout,
                phase=phase,
                matrix=matrix,
                voxel=described.voxel,
                contrast=described.protocol,
                field_strength=described.field_strength,
                directions=directions,
                first_pixels=first_pixels,
                notes=(*notes, *described.notes),
            ),
        )

    def _read(self, slice: int) -> NDArray[np.complexfloating]:
        header = self.header
        check_memory(f"slice {slice} of {self.name}", 16 * header.coils * header.readout * header.phase)
        kspace = np.zeros((header.coils, header.readout, header.phase), np.complex64)
        count = np.zeros(header.phase)
        here = np.flatnonzero(self._heads["idx"]["slice"][self._lines] == self._numbers[slice])
        samples = self._samples(self._lines[here])
        for line, place in zip(samples, here, strict=True):
            head = self._heads[self._lines[place]]
            column = self._rows[place]
            self._place(line, head, kspace[..., column])
            count[column] += 1
        kspace /= np.maximum(count, 1).astype(np.float32)
        if self._whitening is None:
            return kspace
        import torch

        from ..physics import noise

        return noise.prewhiten(torch.from_numpy(kspace), self._whitening).numpy()

    def _measured(self) -> "Tensor":
        """The lines that were acquired in every slice, partial echoes told by their zeros."""
        slices = self._heads["idx"]["slice"][self._lines]
        import torch

        lines = torch.ones(1, self.header.phase, dtype=torch.bool)
        for number in self._numbers:
            there = torch.zeros_like(lines)
            there[:, self._rows[slices == number]] = True
            lines &= there
        return super()._measured() & lines

    def _encoded(self) -> "Tensor":
        """The columns that the header's limits name."""
        return within(self._columns, self.header.phase)

    def _release(self) -> None:
        self._file.close()

    def _samples(self, acquisitions: NDArray[np.integer]) -> list[NDArray[np.complexfloating]]:
        """The samples of each of these acquisitions, complex (coils, samples)."""
        stored = field_values(self._data, "data", acquisitions.tolist())
        return [
            np.ascontiguousarray(values, np.float32).view(np.complex64).reshape(int(head["active_channels"]), -1)
            for values, head in zip(stored, self._heads[acquisitions], strict=True)
        ]

    def _place(self, line: NDArray[np.complexfloating], head: Any, column: NDArray[np.complexfloating]) -> None:
        """Add a line to its column, with its centre sample at readout // 2 and without the samples to be discarded."""
        first, last, offset = map(int, _extents(head, column.shape[1]))
        column[:, first + offset : last + offset] += line[:, first:last]

    def _noise_covariance(self, coils: int) -> "tuple[Tensor | None, list[str]]":
        """Psi of the noise acquisitions at the imaging lines' bandwidth, if it can be had, and a note on it.

        E|n|^2 goes with 1 / dwell time.
        """
        scans = np.flatnonzero(_any_flag(self._heads, (NOISE,)) & (self._heads["active_channels"] == coils))
        if not len(scans):
            return None, []
        import torch

        from ..physics import noise

        samples = torch.from_numpy(np.concatenate(self._samples(scans), axis=1))
        dwell, imaging = (float(self._heads["sample_time_us"][which]) for which in (scans[0], self._lines[0]))
        ratio = dwell / imaging if dwell > 0 and imaging > 0 else 1.0
        try:
            psi = noise.covariance(samples) * ratio
        except InputError:
            return None, ["The noise scan in the file is too short, or zero in a coil, so nothing is prewhitened."]
        return psi, ["Prewhitened with the noise scan in the file."]


def _acquisitions(group: Any, name: str) -> Any:
    """The data set of all acquisitions; FileFormatError if it is none."""
    table = group["data"]
    check_dataset(table)
    if table.ndim != 1 or not {"head", "data"} <= set(table.dtype.names or ()):
        raise FileFormatError(
            f"`data` in {name} is no table of acquisitions with `head` and `data`; an ISMRMRD file is expected."
        )
    return table


def _imaging_lines(heads: Any, calibration: str | None) -> tuple[NDArray[np.integer], list[str]]:
    """Which acquisitions make the image, and notes on what is left out: lines, all but the first pass of a loop."""
    lines, notes = ~_any_flag(heads, NO_IMAGING), []
    apart = lines & _any_flag(heads, (CALIBRATION,))
    if calibration != "embedded" and apart.any():
        lines &= ~apart
        notes.append(
            f"{apart.sum()} calibration lines are not used: the header does not say that they are embedded in the "
            "image."
        )
    index, spaces = heads["idx"], heads["encoding_space_ref"]
    if (count := len(np.unique(spaces[lines]))) > 1:
        notes.append(f"Of {count} encoding spaces the first is used.")
    lines &= spaces == 0  # which is the one that the header describes first
    for field in ("contrast", "phase", "repetition", "set"):
        if lines.any() and (count := len(np.unique(index[field][lines]))) > 1:
            lines &= index[field] == index[field][lines].min()
            notes.append(f"Of {count} {field}s the first is used.")
    return np.flatnonzero(lines), notes


def _directions(heads: Any) -> Directions | None:
    """Where rows (the readout) and columns (the phase encoding) lead; None unless all acquisitions agree."""
    if not {"read_dir", "phase_dir"} <= set(heads.dtype.names):
        return None
    row, column = heads["read_dir"], heads["phase_dir"]
    if not all(np.allclose(each, each[0], atol=1e-3) for each in (row, column)):
        return None
    return Directions.of(row[0], column[0])


def _centre(encoded: tuple[int, int], matrix: tuple[int, int]) -> list[int]:
    """The pixel of the cropped image at the origin of the Fourier transform of the whole one."""
    return [whole // 2 - (whole - side) // 2 for whole, side in zip(encoded, matrix, strict=True)]


def _first_pixels(
    heads: Any, slices: NDArray[np.integer], directions: Directions, to_centre: NDArray[np.floating]
) -> tuple[Vector, ...] | None:
    """The centre of each slice's first pixel in mm, from the position of its centre.

    to_centre: mm from the first pixel to the origin of the Fourier transform, along (rows, columns). None unless the
    acquisitions of each slice agree and no two slices lie at one place; positions that nobody filled in are zero.
    """
    if "position" not in heads.dtype.names:
        return None
    found: list[Vector] = []
    for number in slices:
        positions = heads["position"][heads["idx"]["slice"] == number].astype(float)
        if not (np.isfinite(positions).all() and np.allclose(positions, positions[0], atol=1e-3) and positions.any()):
            return None
        corner = positions[0] - to_centre @ np.array([directions.row, directions.column])
        found.append((float(corner[0]), float(corner[1]), float(corner[2])))
    return tuple(found) if len(set(found)) == len(found) else None


def _refuse_other_scans(heads: Any, name: str) -> None:
    """FileFormatError for imaging lines of a 3-D scan, of EPI, or of changing coils."""
    partitions = int(heads["idx"]["kspace_encode_step_2"].max()) + 1
    if partitions > 1:
        raise FileFormatError(
            f"{name} is a 3-D scan with {partitions} partitions; 2-D slices are expected: transform it along the "
            "partitions and export the slices."
        )
    if _any_flag(heads, (REVERSED,)).any():
        raise FileFormatError(
            f"{name} has reversed readouts (EPI), which need a ghost correction first; correct and export it again."
        )
    if len(np.unique(heads["active_channels"])) > 1 or heads["active_channels"].min() < 1:
        raise FileFormatError(
            f"the acquisitions of {name} have different numbers of coils, or none; one number is expected."
        )


def _check_matrix(matrix: tuple[int, int], measured: tuple[int, int], name: str) -> None:
    """FileFormatError for an encoded matrix that no padding of what was measured explains; it would be allocated."""
    if any(declared > _MOST_PADDED * there for declared, there in zip(matrix, measured, strict=True)):
        raise FileFormatError(
            f"the header of {name} says a matrix of {dimensions(matrix)}, and its acquisitions fill "
            f"{dimensions(measured)} of it; export it again with the right header."
        )


def _extents(heads: Any, readout: int) -> tuple[NDArray[np.integer], NDArray[np.integer], NDArray[np.integer]]:
    """The first sample of each line that lies in the encoded matrix, the one after its last, and their offset there."""
    names = ("number_of_samples", "center_sample", "discard_pre", "discard_post")
    samples, centre, before, after = (np.asarray(heads[name], int) for name in names)
    offset = np.where((samples == readout) & (centre == 0), 0, readout // 2 - centre)
    first = np.maximum(before, -offset)
    return first, np.maximum(np.minimum(samples - after, readout - offset), first), offset


def _samples_beyond(heads: Any, readout: int, name: str) -> list[str]:
    """A note where the encoded matrix has no room for some samples of a line; FileFormatError for more than a few."""
    first, last, _ = _extents(heads, readout)
    kept = heads["number_of_samples"].astype(int) - heads["discard_pre"] - heads["discard_post"]
    beyond = int((kept - (last - first)).max())
    if beyond > _MOST_BEYOND * readout:
        raise FileFormatError(
            f"the lines of {name} have {kept.max()} samples, {beyond} of them beyond the {readout} of the encoded "
            "matrix; export it again with a header that counts all samples, and with the lines' centre samples."
        )
    if beyond <= 0:
        return []
    return [f"Of the samples of a line up to {beyond} lie beyond the encoded matrix and are left out."]


def _samples_lacking(heads: Any, readout: int) -> list[str]:
    """A note where all lines end before the encoded matrix on both sides, as no partial echo does."""
    samples, centre = heads["number_of_samples"].astype(int), heads["center_sample"]
    if not ((samples < readout) & (centre == samples // 2)).all():
        return []
    return [
        f"The lines have {samples.max()} samples in the middle of the {readout} of the encoded matrix, and the others "
        "count as zero; if the oversampling was removed, the header is wrong, and the image is stretched and cut off."
    ]


def _group(file: Any) -> str | None:
    """The group that holds the `xml` and `data` of a scan, by custom `dataset`."""
    for name, item in file.items():
        if hasattr(item, "items") and "xml" in item and "data" in item:
            return str(name)
    return None


def _any_flag(heads: Any, bits: Sequence[int]) -> Any:
    """Whether any of these bits is set."""
    return heads["flags"] & np.uint64(sum(1 << (bit - 1) for bit in bits)) != 0
