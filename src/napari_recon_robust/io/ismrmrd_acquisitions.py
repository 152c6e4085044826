"""The acquisitions of an ISMRMRD file: which of them make the image, which calibrate it, their samples and noise."""

import copy
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..ground.cached_property import cached_property
from ..ground.errors import FileFormatError, InputError, dimensions
from ..ground.hdf5 import check_dataset, field_values
from ..ground.numbers import counted
from .ismrmrd_header import AcquisitionHeader, stored_xml
from .ismrmrd_lines import (
    CALIBRATION_AND_IMAGING,
    NOISE,
    REVERSED,
    any_flag,
    beside,
    first_pass,
    image_and_calibration,
    refuse_missing_centre,
)

if TYPE_CHECKING:
    from torch import Tensor

_CUSTOM = "dataset"
_MOST_PADDED = 16  # times that an encoded matrix may be larger than what was measured
_MOST_BEYOND = 0.01  # of an encoded axis: the centre may be a sample or a step off, and the last falls off the edge
_OFF_GRID = 0.5  # steps between samples: what is farther from its place on a straight line is on no grid
_LOOK = 16  # acquisitions, at most, whose coordinates are looked at
_TOGETHER = 256  # acquisitions whose samples are read at once


class Acquisitions:
    """The acquisitions of an open file that make its image, in the order of the file.

    header: what the file says of the whole. heads: those of these acquisitions. encoded: (readout, phase, partitions),
    the encoded matrix; a 2-D scan has one partition. slices: the numbers of the image's slices. notes: what was left
    out, one sentence each. calibration: the acquisitions on the same matrix that were measured to calibrate the coils
    and are no part of the image, or None.
    """

    calibration: "Acquisitions | None" = None
    _counted_apart = False  # whether the steps may be counted otherwise than those of the image

    def __init__(self, file: Any, name: str) -> None:
        """Read the header and the heads; FileFormatError if they are not of a Cartesian scan."""
        self._file, self._name = file, name
        groups = groups_of(file)
        for group in groups:
            self._data = _table(file[group], name)
            if not len(self._data):  # a header without acquisitions may be unfinished
                continue
            self.header = AcquisitionHeader.parse(stored_xml(file[group]["xml"]), name)
            self._all_heads = _heads(self._data)
            imaging, apart, joined = image_and_calibration(self._all_heads, self.header.calibration)
            self._lines, notes = first_pass(self._all_heads, imaging)
            if len(self._lines):
                break
        else:
            raise FileFormatError(
                f"{name} has no imaging acquisitions in its first encoding space; export the scan with its data."
            )
        if self.header.trajectory is not None and self.header.trajectory.lower() != "cartesian":
            raise FileFormatError(
                f"{name} was sampled along the trajectory {self.header.trajectory!r}; Cartesian lines are expected: "
                "grid them, and say so in the header."
            )
        self.heads = self._all_heads[self._lines]
        self._refuse_curves()
        _refuse_other_scans(self.heads, name)
        readout, phase, partitions = (
            int(self.heads["number_of_samples"].max()),
            *(int(self._steps(axis).max()) + 1 for axis in (1, 2)),
        )
        declared = self.header.encoded.matrix if self.header.encoded else (readout, phase, partitions)
        # Headers of 2-D scans may count their slices as partitions.
        self.encoded = (*declared[:2], max(2, declared[2]) if partitions > 1 else 1)
        _check_matrix(self.encoded, (readout, phase, partitions), name)
        beyond = self._leave_out_beyond()
        self.slices = np.unique(self.heads["idx"]["slice"])
        self.notes = (
            *([f"Of {len(groups)} groups with acquisitions `{group}` is used."] if len(groups) > 1 else []),
            *notes,
            *joined,
            *beyond,
            *_samples_beyond(self.heads, self.encoded[0], name),
            *_samples_lacking(self.heads, self.encoded[0]),
        )
        if apart.any():
            refuse_missing_centre(self.heads, self._centre(1), name)
            self.calibration = self._calibration(apart)
            self.notes += (self._note_on_calibration(apart),)

    @property
    def coils(self) -> int:
        """The number of coils."""
        return int(self.heads["active_channels"][0])

    def places(self, axis: int) -> NDArray[np.integer]:
        """Where the acquisitions lie along the phase encoding (1) or the partitions (2): the index in the matrix.

        FileFormatError for steps beyond it.
        """
        steps, size, centre = self._steps(axis), self.encoded[axis], self._centre(axis)
        places = self._shifted(axis)
        if places.min() < 0 or places.max() >= size:
            kind, entry = ("phase-encoding steps", "line") if axis == 1 else ("partitions", "partition")
            said = size if self.header.encoded is None else self.header.encoded.matrix[axis]
            raise FileFormatError(
                f"{self._name} has {kind} up to {steps.max()} around {centre}, and its header says "
                f"{counted(said, entry)}; export it again with the right header."
            )
        return places

    def _shifted(self, axis: int) -> NDArray[np.integer]:
        """The steps along an axis with the centre of k-space at half its size, also those beyond the matrix."""
        return self._steps(axis) - self._centre(axis) + self.encoded[axis] // 2

    def _refuse_curves(self) -> None:
        """FileFormatError where stored coordinates are those of no grid, as of spokes and spirals.

        Headers may lack the trajectory, or name a Cartesian one all the same.
        """
        stored = self._lines[self.heads["trajectory_dimensions"] > 0]
        if not len(stored) or "traj" not in self._data.dtype.names:
            return
        some = stored[:: -(-len(stored) // _LOOK)]
        for number, coordinates in zip(some, field_values(self._data, "traj", some.tolist()), strict=True):
            head = self._all_heads[number]
            axes, samples = int(head["trajectory_dimensions"]), int(head["number_of_samples"])
            if len(coordinates) == axes * samples and _leaves_grid(
                np.reshape(coordinates, (samples, axes))[head["discard_pre"] : samples - head["discard_post"]]
            ):
                raise FileFormatError(
                    f"the coordinates of acquisition {number} of {self._name} lie on no Cartesian line, whatever its "
                    "header says; Cartesian lines are expected: grid them first."
                )

    def _leave_out_beyond(self) -> list[str]:
        """Leave out the lines of a few steps beyond the matrix, if all would fit into it, with a note for each axis.

        The others are where their distance from the centre says.
        """
        inside, notes = np.ones(len(self.heads), bool), []
        for axis, name in ((1, "phase-encoding step"), (2, "partition"))[: 1 if self.encoded[2] == 1 else 2]:
            size, places = self.encoded[axis], self._shifted(axis)
            beyond = max(-int(places.min()), 0) + max(int(places.max()) + 1 - size, 0)
            kept = inside & (places >= 0) & (places < size)
            if 0 < beyond <= _most_beyond(size) and np.ptp(places) < size and kept.any():
                inside = kept
                notes.append(f"The lines of {counted(beyond, name)} lie beyond the encoded matrix and are left out.")
        self._lines, self.heads = self._lines[inside], self.heads[inside]
        return notes

    def readouts(self, which: NDArray[np.integer]) -> Iterator[tuple[NDArray[np.integer], NDArray[np.complexfloating]]]:
        """Some of these acquisitions after the other, with their lines, complex64 (acquisitions, coils, readout).

        The lines lie on the encoded matrix, their centre sample at readout // 2; samples to be discarded are zero.
        """
        for begin in range(0, len(which), _TOGETHER):
            some = which[begin : begin + _TOGETHER]
            lines = np.zeros((len(some), self.coils, self.encoded[0]), np.complex64)
            extents = zip(*_extents(self.heads[some], self.encoded[0]), strict=True)
            for line, samples, (first, last, offset) in zip(
                lines, self._samples(self._lines[some]), extents, strict=True
            ):
                line[:, first + offset : last + offset] = samples[:, first:last]
            lines[self._inverted[some]] *= -1
            yield some, lines

    def whitened(self, kspace: NDArray[np.complexfloating]) -> NDArray[np.complexfloating]:
        """k-space (coils, rows, columns), prewhitened if the file has a noise scan."""
        if self._noise[0] is None:
            return kspace
        import torch

        from ..physics import noise

        return noise.prewhiten(torch.from_numpy(kspace), self._noise[0]).numpy()

    @property
    def noise_notes(self) -> tuple[str, ...]:
        """A note on the noise scan, if there is one."""
        return self._noise[1]

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _calibration(self, apart: NDArray[np.bool_]) -> "Acquisitions | None":
        """Those of the calibration lines that fit the image: the same coils and matrix, no reversed readouts.

        Between them lie those of the image's lines that are flagged for both.
        """
        fitting = (self._all_heads["active_channels"] == self.coils) & ~any_flag(self._all_heads, (REVERSED,))
        found = copy.copy(self)
        found._lines, _ = first_pass(self._all_heads, apart & fitting)
        found.heads, found.notes, found._counted_apart = self._all_heads[found._lines], (), True
        if not len(found.heads):
            return None
        both = any_flag(self.heads, (CALIBRATION_AND_IMAGING,)) & beside(self.heads, found.heads)
        if both.any() and all(found._centre(axis) == self._centre(axis) for axis in (1, 2)):
            found._lines, found._counted_apart = np.union1d(found._lines, self._lines[both]), False
            found.heads = self._all_heads[found._lines]
        found._leave_out_beyond()
        try:
            for axis in range(1, 2 if self.encoded[2] == 1 else 3):
                found.places(axis)  # raises the error
            _samples_beyond(found.heads, self.encoded[0], self._name)
        except FileFormatError:
            return None
        return found

    def _note_on_calibration(self, apart: NDArray[np.bool_]) -> str:
        """What becomes of the calibration lines that are no part of the image."""
        count, mode = int(apart.sum()), self.header.calibration
        if self.calibration is None:
            return f"The calibration lines ({count}) are not used: they {_misfit(self._all_heads[apart])}."
        said = "whose mode the header does not say" if mode is None else f"of mode {mode!r}"
        return (
            f"The calibration lines ({count}, {said}) are no part of the image; coil sensitivities and GRAPPA's "
            "kernels come from them where the image's own lines have no wide ACS."
        )

    @cached_property
    def _inverted(self) -> NDArray[np.bool_]:
        """Which lines have the other sign: every other one along the axes that the header names."""
        steps = sum(self._steps(axis) for axis in (1, 2) if self.header.alternating[axis - 1])
        return np.broadcast_to(np.asarray(steps) % 2 != 0, len(self.heads))

    def _centre(self, axis: int) -> int:
        """The step in the centre of k-space: of calibration lines that are counted by themselves the one in the middle.

        Siemens' reference lines may begin at step 0, or lie about the centre of the image's lines.
        """
        given = self.header.limits[axis - 1].centre
        centre = self.encoded[axis] // 2 if given is None else given
        first, last = int(self._steps(axis).min()), int(self._steps(axis).max())
        middle = (first + last + 1) // 2
        return middle if self._counted_apart and abs(middle - centre) > (last - first + 1) // 4 else centre

    def _steps(self, axis: int) -> NDArray[np.integer]:
        steps: NDArray[np.integer] = self.heads["idx"][f"kspace_encode_step_{axis}"].astype(int)
        return steps

    def _samples(self, entries: NDArray[np.integer]) -> list[NDArray[np.complexfloating]]:
        """The samples of some entries of the table, complex64 (coils, samples); FileFormatError if some are lacking."""
        found = []
        for number, stored in zip(entries, field_values(self._data, "data", entries.tolist()), strict=True):
            head = self._all_heads[number]
            shape = int(head["active_channels"]), int(head["number_of_samples"])
            if len(stored) != 2 * shape[0] * shape[1]:
                raise FileFormatError(
                    f"acquisition {number} of {self._name} has {len(stored)} numbers, and its head says "
                    f"{shape[0]} coils of {shape[1]} complex samples; the file is damaged: copy it again from its "
                    "source."
                )
            found.append(np.ascontiguousarray(stored, np.float32).view(np.complex64).reshape(shape))
        return found

    @cached_property
    def _noise(self) -> "tuple[Tensor | None, tuple[str, ...]]":
        """Psi of the noise acquisitions at the imaging lines' bandwidth, if it can be had, and a note on it.

        E|n|^2 goes with 1 / dwell time. Coils that are zero in the noise and in the image have 1 in Psi, and stay zero.
        """
        measured = any_flag(self._all_heads, (NOISE,))
        scans = np.flatnonzero(measured & (self._all_heads["active_channels"] == self.coils))
        if not measured.any():
            return None, ()
        if not len(scans):
            return None, ("The noise scan in the file has other coils than the image, so nothing is prewhitened.",)
        import torch

        from ..physics import noise

        kept = zip(self._samples(scans), *_kept(self._all_heads[scans]), strict=True)
        samples = torch.from_numpy(np.concatenate([some[:, first:last] for some, first, last in kept], axis=1))
        dwell, imaging = (float(heads["sample_time_us"][0]) for heads in (self._all_heads[scans], self.heads))
        ratio = dwell / imaging if dwell > 0 and imaging > 0 else 1.0
        live = (samples != 0).any(1)
        dead = (~live).nonzero().flatten().tolist()
        useless = None, ("The noise scan in the file is too short, or zero in a coil, so nothing is prewhitened.",)
        if dead and not self._are_zero(dead):
            return useless
        psi = torch.eye(self.coils, dtype=torch.complex128)
        try:
            psi[live.outer(live)] = (noise.covariance(samples[live]) * ratio).flatten()
        except InputError:
            return useless
        said = f", but for {counted(len(dead), 'coil')} with zeros in it and in the image" if dead else ""
        return psi, (f"Prewhitened with the noise scan in the file{said}.",)

    def _are_zero(self, coils: list[int]) -> bool:
        """Whether some coils are zero in the image, by as many of its acquisitions as are read at once."""
        some = self._lines[:: -(-len(self._lines) // _TOGETHER)]
        return not any(samples[coils].any() for samples in self._samples(some))


def groups_of(file: Any) -> list[str]:
    """The groups that hold the `xml` and `data` of a scan, by custom `dataset`, which comes first."""
    found = [str(name) for name, item in file.items() if hasattr(item, "items") and "xml" in item and "data" in item]
    return sorted(found, key=lambda name: name != _CUSTOM)


def _table(group: Any, name: str) -> Any:
    """The data set of all acquisitions; FileFormatError if it is none."""
    table = group["data"]
    check_dataset(table)
    if table.ndim != 1 or not {"head", "data"} <= set(table.dtype.names or ()):
        raise FileFormatError(
            f"`data` in {name} is no table of acquisitions with `head` and `data`; an ISMRMRD file is expected."
        )
    return table


def _heads(table: Any) -> Any:
    """The heads of all acquisitions.

    Whole entries are read, a few at a time: if only the heads are asked for, HDF5 reads the samples too, and never
    frees them (2.0.0, as large as the file).
    """
    begins = range(0, max(len(table), 1), _TOGETHER)
    return np.concatenate([table[begin : begin + _TOGETHER]["head"].copy() for begin in begins])


def _leaves_grid(points: NDArray[np.floating]) -> bool:
    """Whether samples at these points (samples, axes) do not lie evenly along one of the axes."""
    if len(points) < 2:
        return False
    along = int(np.ptp(points, axis=0).argmax())
    line = np.repeat(points[:1], len(points), axis=0)
    line[:, along] = np.linspace(points[0, along], points[-1, along], len(points))
    step = abs(line[1, along] - line[0, along])
    return bool(np.abs(points - line).max() > _OFF_GRID * step)


def _misfit(heads: Any) -> str:
    """Why calibration lines with these heads, none of which is used, do not fit the image."""
    if (heads["encoding_space_ref"] != 0).all():
        return "belong to another encoding space than the image"
    if any_flag(heads, (REVERSED,)).all():
        return "have reversed readouts (EPI)"
    return "have other coils or another matrix than the image"


def _refuse_other_scans(heads: Any, name: str) -> None:
    """FileFormatError for imaging lines of EPI, or of changing coils."""
    if any_flag(heads, (REVERSED,)).any():
        raise FileFormatError(
            f"{name} has reversed readouts (EPI), which need a ghost correction first; correct and export it again."
        )
    if len(np.unique(heads["active_channels"])) > 1 or heads["active_channels"].min() < 1:
        raise FileFormatError(
            f"the acquisitions of {name} have different numbers of coils, or none; one number is expected."
        )


def _check_matrix(matrix: tuple[int, ...], measured: tuple[int, ...], name: str) -> None:
    """FileFormatError for an encoded matrix that no padding of what was measured explains; it would be allocated."""
    if any(declared > _MOST_PADDED * there for declared, there in zip(matrix, measured, strict=True)):
        raise FileFormatError(
            f"the header of {name} says a matrix of {dimensions(matrix)}, and its acquisitions fill "
            f"{dimensions(measured)} of it; export it again with the right header."
        )


def _extents(heads: Any, readout: int) -> tuple[NDArray[np.integer], NDArray[np.integer], NDArray[np.integer]]:
    """The first sample of each line that lies in the encoded matrix, the one after its last, and their offset there."""
    samples, centre = (heads[name].astype(int) for name in ("number_of_samples", "center_sample"))
    kept, end = _kept(heads)
    offset = np.where((samples == readout) & (centre == 0), 0, readout // 2 - centre)
    first = np.maximum(kept, -offset)
    return first, np.maximum(np.minimum(end, readout - offset), first), offset


def _kept(heads: Any) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    """The first sample of each acquisition that is not to be discarded, and the one after its last."""
    samples, before, after = (heads[name].astype(int) for name in ("number_of_samples", "discard_pre", "discard_post"))
    return before, np.maximum(samples - after, before)


def _most_beyond(size: int) -> int:
    """How many samples, or steps, may lie beyond an encoded axis of this size."""
    return max(1, int(_MOST_BEYOND * size))


def _samples_beyond(heads: Any, readout: int, name: str) -> list[str]:
    """A note where the encoded matrix has no room for some samples of a line; FileFormatError for more than a few."""
    first, last, _ = _extents(heads, readout)
    kept = heads["number_of_samples"].astype(int) - heads["discard_pre"] - heads["discard_post"]
    beyond = int((kept - (last - first)).max())
    if beyond > _most_beyond(readout):
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
