"""An opened file: multi-coil k-space, read slice by slice.

Torch is imported when a slice is read, so that the window and napari can ask for formats before that.
"""

import warnings
from abc import abstractmethod
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..ground.arguments import as_whole
from ..ground.cached_property import cached_property
from ..ground.errors import InputError, PackageWarning, ReconRobustError, dimensions, one_line
from ..ground.guard import opening
from ..ground.numbers import counted
from ..ground.specification import Specification
from .centre import check_centre
from .orientation import AS_STORED, Directions, Plane, Turn, Vector, aspect_of
from .points import are_lines, extent, measured_points, within, without_gaps
from .units import unit_of

if TYPE_CHECKING:
    from torch import Tensor

    from ..ground.progress import Job
    from ..physics.sampling import Sampling
    from .measurement import Measurement
    from .roi import Annotation

_APART = 16  # rows of samples between those in which lines are looked for that a slice lacks


class Header(Specification):
    """What a file says about itself.

    matrix: (rows, columns) of the output image. voxel: its (row, column, slice) size in mm, or None.
    field_strength: in tesla. upright: how the stored image is turned to be seen as radiologists look at it.
    directions: where rows and columns lead in the patient, or None where the file does not say. first_pixels: the
    centre of the output image's first pixel in mm for each slice, in DICOM's patient coordinates, or None.
    simulated: whether it was computed, and never was a patient. notes: what was guessed or left out, one sentence each.
    """

    format: str
    slices: int
    coils: int
    readout: int
    phase: int
    matrix: tuple[int, int]
    voxel: tuple[float, float, float] | None = None
    contrast: str | None = None
    field_strength: float | None = None
    upright: Turn = AS_STORED
    directions: Directions | None = None
    first_pixels: tuple[Vector, ...] | None = None
    simulated: bool = False
    notes: tuple[str, ...] = ()


class Scan(AbstractContextManager["Scan"]):
    """An opened file and a context manager. Each format says how a slice is read; the rest is the same for all.

    name: the file's name, for messages only. annotations: those that belong to the file. calibration: the same slices
    in the calibration lines that were measured apart from the image, where the file has some.
    """

    def __init__(self, name: str, header: Header) -> None:
        self.name = name
        self.header = header
        self.annotations: tuple[Annotation, ...] = ()
        self.calibration: Scan | None = None
        self._closed = False
        self._last: tuple[int, Tensor, float] | None = None
        self._centred = False  # as long as no slice has shown it

    @abstractmethod
    def _read(self, slice: int) -> NDArray[np.complexfloating]:
        """One slice, complex (coils, readout, phase), centred, zero where not measured."""

    @abstractmethod
    def _release(self) -> None:
        """Close the file."""

    def _measured(self) -> "Tensor":
        """Which points were measured, bool (1, phase) or (readout, phase): those of the first slice that has any.

        A slice that cannot be read is passed by; if none can, the error is that of the first one.
        """
        found, failures = None, list[ReconRobustError]()
        for slice in self._slices_to_ask():
            try:
                with self._reading(f"slice {slice}"):
                    found = self._points(slice)
            except ReconRobustError as error:
                failures.append(error)
                continue
            if bool(found.any()):
                break
        if found is None:
            raise failures[0]
        return found

    def _slices_to_ask(self) -> list[int]:
        """All slices, in the order in which measured points are looked for: from the middle, as ends may be empty."""
        return from_the_middle(len(self))

    def _points(self, slice: int) -> "Tensor":
        """The points of a slice that are not zero in all coils: bool (1, phase) or (readout, phase)."""
        return measured_points(self.kspace(slice).numpy())

    def _measured_in(self, slice: int) -> "Tensor":
        """Which points of one slice were measured: its own where it has others than `acquired`, or lacks whole lines.

        Scans whose lines were drawn anew for each slice are such. Lines that it lacks beyond its own may have been
        measured and be zero.
        """
        acquired, kspace = self.acquired, self.kspace(slice).numpy()
        if bool(acquired.all()) and (kspace[:, ::_APART] != 0).any(0).all():
            return acquired
        own = measured_points(kspace)
        lines = own.any(0)
        between = (lines.flip(0).cummax(0).values.flip(0)) & lines.cummax(0).values
        lacking = bool((acquired.any(0) & ~lines & between).any())
        return own if lacking or bool((own & ~acquired).any()) else acquired

    def _encoded(self) -> "Tensor":
        """What lies within the limits of the phase encoding: the others were never to be measured.

        Lines, bool (1, phase), or points of a 3-D scan's two phase encodings, (readout, phase).
        """
        return within(slice(None), self.header.phase)

    def _stored_reference(self, slice: int) -> NDArray[np.floating] | None:
        """The reference image of a slice, if the file has one."""
        return None

    def __len__(self) -> int:
        return self.header.slices

    def __repr__(self) -> str:
        header = self.header
        counts = f"{counted(header.slices, 'slice')}, {counted(header.coils, 'coil')}"
        size = f"k-space {dimensions((header.readout, header.phase))}, images {dimensions(header.matrix)}"
        return f"<{type(self).__name__} {self.name!r}, {header.format}: {counts}, {size}>"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; nothing can be read afterwards."""
        self._closed, self._last = True, None
        if self.calibration is not None:
            self.calibration.close()
        self._release()

    @cached_property
    def acquired(self) -> "Tensor":
        """The points that were really measured: bool (1, phase) or (readout, phase).

        They are those of one slice: of the first from the middle on that is not empty, or, where the file says which
        lines each slice has, of the first whose lines have gaps.
        """
        with self._reading("the middle slice"):
            return self._measured()

    @cached_property
    def fully_sampled(self) -> bool:
        """Whether the measured points have no gaps, as `without_gaps` tells it."""
        return without_gaps(self.acquired)

    def facts(self, slice: int) -> dict[str, Any]:
        """Plain facts on a slice for a record: no path, no identifier."""
        voxel, plane = self.header.voxel, self.plane(slice)
        facts = {"slice": slice, "voxel": voxel and list(voxel), "upright": self.header.upright.model_dump()}
        said = {"simulated": True} if self.header.simulated else {}
        return facts | said if plane is None else facts | said | {"plane": plane.model_dump(mode="json")}

    def plane(self, slice: int) -> Plane | None:
        """Where the output image of a slice lies in the patient; None where the file does not say."""
        directions, first_pixels = self.header.directions, self.header.first_pixels
        if directions is None:
            return None
        return Plane(directions=directions, first=None if first_pixels is None else first_pixels[slice])

    def prepare(self, slice: int) -> "Job[None]":
        """Do what takes long before a slice is read, in steps that tell their progress; `kspace` does the rest.

        For a 3-D scan that is a pass through the file; where each slice lies together in the file it is nothing.
        Without this call `kspace` does it all. Raises the errors of `kspace`.
        """
        self._check(slice)
        if self.calibration is not None:
            yield from self.calibration.prepare(slice)

    def kspace(self, slice: int) -> "Tensor":
        """One slice in units of `unit`, complex64 (coils, readout, phase); do not change it in place.

        Raises InputError for a slice that does not exist, for NaN, infinity or numbers beyond single precision in it;
        FileFormatError if it cannot be read.
        """
        return self._slice(slice)[0]

    def unit(self, slice: int) -> float:
        """The unit of a slice's k-space and images in those of the file, a power of two; 1 for ordinary numbers.

        A slice whose largest number is outside 2^-40 to 2^40 is multiplied by 2^80 or 2^-80 (`units`). Raises the
        errors of `kspace`.
        """
        return self._slice(slice)[1]

    def _slice(self, slice: int) -> "tuple[Tensor, float]":
        self._check(slice)
        last = self._last  # another thread may read another slice meanwhile
        if last is None or last[0] != slice:
            with self._reading(f"slice {slice}"):
                values = np.asarray(self._read(slice))
                parts = values.real, values.imag
                largest = float(max(bound for part in parts for bound in (part.max(), -part.min())))
            if not all(np.isfinite(part).all() for part in parts):
                bad = np.argwhere(~np.isfinite(values))
                coil, readout, phase = bad[0].tolist()
                points = counted(len(bad), "k-space point")
                raise InputError(
                    f"slice {slice} of {self.name} has NaN or infinity at {points} (the first: coil "
                    f"{coil}, readout {readout}, phase {phase}); finite values are expected: {_advice(len(self))}."
                )
            from torch import from_numpy

            unit = unit_of(largest, f"slice {slice} of {self.name}")
            values = values if unit == 1 else values / unit
            last = self._last = slice, from_numpy(np.require(values, np.complex64, ["C", "W"])), unit
        return last[1:]

    def reference(self, slice: int) -> "Tensor | None":
        """The stored reference image in units of `unit`, float32 (rows, columns), or None.

        Raises InputError for NaN or infinity in it, and the errors of `kspace`.
        """
        self._check(slice)
        with self._reading(f"the reference of slice {slice}"):
            stored = self._stored_reference(slice)
            if stored is None:
                return None
            from torch import from_numpy

            if bad := int(np.count_nonzero(~np.isfinite(stored))):
                raise InputError(
                    f"the reference of slice {slice} of {self.name} has NaN or infinity at {counted(bad, 'pixel')}; "
                    f"finite values are expected: {_advice(len(self))}."
                )
            unit = self.unit(slice)
            return from_numpy(np.asarray(stored if unit == 1 else stored / unit, dtype=np.float32))

    def measurement(self, slice: int, sampling: "Sampling | Tensor | None" = None) -> "Measurement":
        """One slice as a reconstructor sees it; without `sampling` it is as it was acquired.

        sampling: how to undersample, or a mask (phase,), (1, phase) or (readout, phase); lines may have further axes of
        length 1, as fastMRI's code gives them, (1, 1, phase, 1). Only acquired points are kept. The measurement's
        `source` has `facts` and the sampling, of which a mask tells nothing. Raises InputError for a mask that does not
        fit or keeps nothing, and for k-space that is not centred. A PackageWarning tells of a mask that seems
        transposed.
        """
        from ..physics.sampling import Sampling
        from ..physics.sampling_values import as_values
        from .measurement import Measurement

        header = self.header
        mask = measured = self._measured_in(slice)
        if isinstance(sampling, Sampling):
            mask = mask & sampling.mask(header.readout, header.phase)
        elif sampling is not None:
            mask = mask & _checked_mask(sampling, header)
        if not bool(measured.any()):
            raise InputError(f"slice {slice} of {self.name} holds only zeros: {_advice(len(self))}.")
        if not bool(mask.any()):
            raise InputError(f"the sampling mask keeps no measured point of {self.name}; choose another mask.")
        kspace, unit = self._slice(slice)
        if not self._centred:
            self._centred = check_centre(kspace, self.name)
        whole = without_gaps(measured)
        return Measurement(
            kspace=kspace,
            mask=mask,
            matrix=header.matrix,
            full=kspace if whole else None,
            acquired=measured if whole else _possible(measured, self._encoded()),
            unit=unit,
            aspect=aspect_of(header.voxel),
            acs=None if self.calibration is None else self.calibration.kspace(slice),
            source={**self.facts(slice), "sampling": as_values(sampling)},
        )

    def _reading(self, part: str) -> AbstractContextManager[None]:
        return opening(
            f"{part} of {self.name}", advice="the file is damaged or was moved: copy it again from its source"
        )

    def _check(self, slice: int) -> None:
        if self._closed:
            raise InputError(f"{self.name} was closed; open it again.")
        if not 0 <= as_whole(slice, "the slice") < len(self):
            raise InputError(f"slice {slice} does not exist; {self.name} has slices 0 to {len(self) - 1}.")


def _advice(slices: int) -> str:
    """What to do about a slice that cannot be used, of so many."""
    return "choose another slice, or export the file again" if slices > 1 else "export the file again"


def _checked_mask(given: Any, header: Header) -> "Tensor":
    """A mask as it comes from scripts, bool (1, phase) or (readout, phase); InputError for one that does not fit."""
    from torch import as_tensor

    try:
        # A copy, as torch warns of arrays that are not to be written; in the only byte order that it takes.
        mask = as_tensor(given.astype(given.dtype.newbyteorder("=")) if isinstance(given, np.ndarray) else given)
    except (TypeError, ValueError, RuntimeError):
        raise InputError(
            f"the sampling is {one_line(repr(given), 60)}; give a Sampling, or an array of what is sampled."
        ) from None
    shape, phase, points = tuple(mask.shape), header.phase, (header.readout, header.phase)
    lines = mask.ndim not in (0, 2) and mask.numel() == max(shape) == phase
    if not lines and shape not in ((1, phase), points):
        raise InputError(
            f"the sampling mask has shape {dimensions(shape)}; this scan needs {phase} lines, "
            f"or {dimensions(points)} points (readout, phase)."
        )
    if bool(mask.isnan().any()):
        raise InputError("the sampling mask has NaN; give True, or a number that is not 0, for what is sampled.")
    sampled = (mask != 0).reshape(-1, phase)
    if _leaves_out_rows(sampled):
        warnings.warn(
            f"the sampling mask leaves out {int((~sampled[:, 0]).sum())} of {len(sampled)} rows, as if lines ran "
            "across the readout; transpose it, unless rows are phase encodings, too, as in a scan of three dimensions.",
            PackageWarning,
            stacklevel=3,
        )
    return sampled


def _leaves_out_rows(sampled: "Tensor") -> bool:
    """Whether points, bool (readout, phase), are whole rows with gaps between them, as no readout has."""
    rows = sampled.any(1, keepdim=True)
    return sampled.shape[1] > 1 and bool((sampled == rows).all()) and not are_lines(sampled)


def from_the_middle(slices: int) -> list[int]:
    """All slices of a stack, the one in its middle first and those at its ends last."""
    middle = slices // 2
    return sorted(range(slices), key=lambda slice: abs(slice - middle))


def _possible(measured: "Tensor", encoded: "Tensor") -> "Tensor":
    """Where an undersampled slice can have points; limits that leave out measured ones are wrong, and ignored."""
    possible = extent(measured)
    return possible if bool((measured & ~encoded).any()) else possible & encoded
