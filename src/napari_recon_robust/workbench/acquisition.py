"""The opened scan, one of its slices, and how that is undersampled: what is measured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psygnal import Signal

from ..data.orientation import Plane, turn_of
from ..former import names
from ..ground.errors import InputError, ReconRobustError
from ..ground.progress import Job, Progress
from ..physics.sampling_values import as_values, same_sampling
from ..simulation import packaged
from .preferences import usable
from .task import Task, part

if TYPE_CHECKING:
    from torch import Tensor

    from ..data.measurement import Measurement
    from ..data.orientation import Directions, Turn
    from ..data.scan import Scan
    from ..physics.sampling import Sampling


_NOTHING = "no scan is open; press Open k-space… or drop a file here."

if not TYPE_CHECKING:  # else every name would be found
    __getattr__ = names(__name__)


@dataclass(frozen=True, eq=False)
class Slice:
    """One slice, measured and calibrated. Images are real float32 (rows, columns) in the scan's units.

    Equal to the same slice of the same scan by the same sampling, measured again. scan: None for the slice of a saved
    case. reference: the fully sampled image, coil-combined, or None. zero_filled: what the samples alone give.
    foreground: bool, from the reference, else from `zero_filled`. snr: the foreground's mean over the noise of a pixel
    of a full scan; kspace_snr: of the whole acquired k-space, ‖k‖ / sqrt(Σ σᵢ² n). whole: the complex images,
    complex64, of "reference" (coil-combined) and "clean" (zero-filled). cautions: reasons to doubt any image.
    """

    scan: "Scan | None"
    index: int
    sampling: "Sampling | Tensor | None"
    measurement: "Measurement"
    reference: "Tensor | None"
    zero_filled: "Tensor"
    foreground: "Tensor"
    snr: float
    kspace_snr: float
    whole: "Mapping[str, Tensor]" = field(default_factory=dict)
    cautions: tuple[str, ...] = ()

    @property
    def noise(self) -> float:
        """Sigma of the thermal noise of one k-space sample, averaged over the coils, in the scan's units."""
        from ..physics import noise

        return float(noise.mean_level(self.measurement.calibration.noise))

    @property
    def target(self) -> "Tensor":
        """What is shown first: the reference, else the zero-filled image."""
        return self.zero_filled if self.reference is None else self.reference

    @property
    def target_name(self) -> str:
        """What `target` is, in words."""
        return "zero-filled image" if self.reference is None else "reference"

    def shows(self, other: "Slice") -> bool:
        """Whether both are the same slice of one scan, with any sampling."""
        return self is other or (self.scan is not None and self.scan is other.scan and self.index == other.index)

    def is_at(self, scan: "Scan | None", index: int, sampling: "Sampling | Tensor | None") -> bool:
        """Whether it is this slice of a scan by this sampling; that of a saved case is the only one it has."""
        return self.scan is scan and (scan is None or (self.index == index and same_sampling(self.sampling, sampling)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Slice):
            return NotImplemented
        return self is other or (self.shows(other) and same_sampling(self.sampling, other.sampling))

    def __hash__(self) -> int:
        return hash((id(self.scan), self.index))


@dataclass(frozen=True)
class Origin:
    """Where what is open was opened from. axes: those that were given for an array. is_case: a saved case's folder."""

    path: Path
    axes: tuple[str, ...] | None = None
    is_case: bool = False


class Acquisition:
    """Scan, slice and sampling.

    slice: the measured one; None before the first, and while another one is read. index, sampling: those of the slice,
    or of the one that is read. heading: 1 or -1 for the direction of the last step to another slice, 0 before one.
    asked: the index and the sampling that were asked for last; `sampling` is that one as soon as the slice is measured
    with it, and is asked for again where that is cancelled or fails. device: of torch, on which slices are measured
    from now on.

    Signals: `opened()`; `closing()`, while it is still open, and `closed()`; `previewed(image, measurement)`
    of the slice that was asked for, not calibrated yet; `measured()`; `left()` when another slice was asked for;
    `withdrawn()` when what was asked for last was cancelled or has failed.
    """

    opened = Signal()
    closing = Signal()
    closed = Signal()
    previewed = Signal(object, object)
    measured = Signal()
    left = Signal()
    withdrawn = Signal()

    def __init__(self) -> None:
        self.scan: Scan | None = None
        self.index = 0
        self.sampling: Sampling | Tensor | None = None
        self.asked: tuple[int, Sampling | Tensor | None] = 0, None
        self.slice: Slice | None = None
        self.device = "cpu"
        self.heading = 0
        self._kept: Slice | None = None
        self._given_up = False  # whether what was asked for last was cancelled or has failed
        self._case: Mapping[str, Any] = {}
        self.origin: Origin | None = None

    def open(self, path: Path, axes: Sequence[str] | None = None) -> Task["Scan"]:
        """Open a file; FileFormatError or InputError, one sentence, for what cannot be read."""

        def accept(scan: "Scan") -> None:
            self.use(scan, origin=Origin(path, tuple(axes) if axes else None))

        return Task(f"Opening {path.name}", open_file(path, axes), accept)

    def open_sample(self) -> Task["Scan"]:
        """Open the packaged sample."""

        def accept(scan: "Scan") -> None:
            self.use(scan, origin=Origin(packaged.sample_path()))

        return Task("Opening the sample", _open_sample(), accept)

    def use(self, scan: "Scan", index: int | None = None, sampling: Any = ..., *, origin: Origin | None = None) -> None:
        """Take an opened scan, by default at its middle slice, and undersampled 4x if it is fully sampled.

        origin: where it was opened from; what a scan of no file is set to cannot be kept.
        """
        self.close()
        self.scan, self.origin, self._case = scan, origin, {}
        self.index = len(scan) // 2 if index is None else index
        self.heading = 0
        first = _first_sampling(scan.header.phase) if scan.fully_sampled else None
        self.sampling = first if sampling is ... else sampling
        self.asked = self.index, self.sampling
        self.opened.emit()

    def use_measured(self, measured: Slice, source: Mapping[str, Any], case: Path) -> None:
        """Take one slice without its scan, as a saved case (a folder) holds it with the facts on its source."""
        self.close()
        self.origin = Origin(case, is_case=True)
        self.index, self.sampling, self._case = 0, None, source
        self.asked = 0, None
        self.slice = measured
        self.opened.emit()
        self.measured.emit()

    def close(self) -> None:
        """Close the file and forget its slice."""
        scan, had = self.scan, self.is_open
        if had:
            self.closing.emit()
        self.scan = self.slice = self.origin = None
        self._given_up = False
        if scan is not None:
            scan.close()
        if had:
            self.closed.emit()

    @property
    def is_open(self) -> bool:
        """Whether there is a scan, or the measurement of a saved case."""
        return self.scan is not None or self.slice is not None

    @property
    def facts(self) -> str:
        """What is open, in one line: no more of the file than its name."""
        if self.scan is None:
            return self._facts_of_case
        header = self.scan.header
        parts = [
            self.scan.name,
            f"{header.slices} slice{'s' * (header.slices > 1)} × {header.coils} coil{'s' * (header.coils > 1)}",
            f"{header.readout} × {header.phase} (readout × phase)",
            "voxel size unknown" if header.voxel is None else f"{' × '.join(f'{mm:.3g}' for mm in header.voxel)} mm",
            header.contrast or "contrast unknown",
            "fully sampled" if self.scan.fully_sampled else "undersampled by the scanner",
        ]
        if self.slice is not None:
            parts.append(f"SNR {self.slice.snr:.3g}")
        return " · ".join(parts)

    @property
    def _facts_of_case(self) -> str:
        if self.slice is None:
            return ""
        measurement, voxel, slice = self.slice.measurement, self._case.get("voxel"), self._case.get("slice")
        coils, (rows, columns) = len(measurement.kspace), measurement.matrix
        parts = [
            "" if self.origin is None else self.origin.path.name,
            "a saved case" if slice is None else f"a saved case of slice {slice} of its scan",
            f"{coils} coil{'s' * (coils > 1)}",
            f"{rows} × {columns} px",
            "voxel size unknown" if voxel is None else f"{' × '.join(f'{mm:.3g}' for mm in voxel)} mm",
            f"SNR {self.slice.snr:.3g}",
        ]
        return " · ".join(filter(None, parts))

    @property
    def shape(self) -> tuple[int, int, int]:
        """(slices, rows, columns) of what is open."""
        if self.scan is not None:
            return (len(self.scan), *self.scan.header.matrix)
        return (1, *self.current.measurement.matrix)

    @property
    def sampling_values(self) -> dict[str, Any] | None:
        """The sampling as plain values; None for a scan that is taken as it is, or sampled by a given mask."""
        return as_values(self.sampling)

    @property
    def source(self) -> dict[str, Any]:
        """Plain facts on the present slice for a record: no path, no identifier."""
        return self.source_of(self.index, self.sampling)

    def source_of(self, index: int, sampling: "Sampling | Tensor | None") -> dict[str, Any]:
        """The same facts on any slice with any sampling."""
        if self.scan is None:
            return dict(self._case)
        return {**self.scan.facts(index), "sampling": as_values(sampling)}

    def counted(self, index: int) -> int:
        """The number of a slice in its scan: the only one of a saved case may be any of that scan."""
        return index if self.scan is not None else int(self._case.get("slice", index))

    @property
    def voxel(self) -> tuple[float, float, float] | None:
        """(row, column, slice) in mm, or None where it is not known."""
        stored = self.source.get("voxel")
        return None if stored is None else (stored[0], stored[1], stored[2])

    @property
    def upright(self) -> "Turn":
        """How the stored image is turned to be seen as radiologists look at it."""
        return turn_of(self.source)

    @property
    def directions(self) -> "Directions | None":
        """Where rows and columns lead in the patient; None where the file does not say."""
        stored = self.source.get("plane")
        return None if stored is None else Plane.model_validate(stored).directions

    @property
    def simulated(self) -> bool:
        """Whether it was computed, and never was a patient."""
        return bool(self.source.get("simulated", False))

    @property
    def opened_scan(self) -> "Scan":
        """The scan; InputError while none is open."""
        if self.scan is None:
            raise InputError(_NOTHING)
        return self.scan

    @property
    def current(self) -> Slice:
        """The measured slice; InputError before there is one."""
        if self.slice is None:
            if not self.is_open:
                raise InputError(_NOTHING)
            if self._given_up:
                raise InputError(f"slice {self.index} was not read, so it has no image; choose another slice.")
            raise InputError("the slice is not measured yet; wait until it is shown.")
        return self.slice

    def keep(self, measured: Slice | None) -> None:
        """Keep one slice that was measured ahead, instead of the one before."""
        self._kept = measured

    def kept(self, index: int, sampling: Any) -> Slice | None:
        """The slice that is kept if it is this one by this sampling."""
        kept = self._kept
        there = (
            kept is not None
            and kept.scan is self.scan
            and kept.index == index
            and same_sampling(kept.sampling, sampling)
        )
        return kept if there else None

    def measure(self, index: int | None = None, sampling: Any = ...) -> Task[Slice]:
        """Measure a slice with a sampling and calibrate it; None and `...` keep what was asked for last.

        Another slice than the measured one takes its place at once, so that nothing of that one is said meanwhile.
        """
        scan = self.opened_scan
        index = self.asked[0] if index is None else index
        if not 0 <= index < len(scan):
            raise InputError(f"slice {index} does not exist; this scan has slices 0 to {len(scan) - 1}.")
        asked = self.asked = index, self.asked[1] if sampling is ... else sampling
        self._given_up = False
        kept = self.kept(*asked)
        if index != self.index:
            self.heading = 1 if index > self.index else -1
            self.index, self.slice = index, None
            self.left.emit()

        def job() -> Job[Slice]:
            return (yield from measured_slice(scan, *asked, self.device) if kept is None else _at_once(kept))

        def accept(measured: Slice) -> None:
            if self.scan is scan and self.asked is asked:
                self.index, self.sampling = asked
                self.slice = measured
                self.measured.emit()

        def preview(look: "tuple[Tensor, Measurement]") -> None:
            if self.scan is scan and self.asked is asked:
                self.previewed.emit(*look)

        def withdraw() -> None:
            if self.asked is asked:  # what was not measured is not kept for the next slice
                self.asked, self._given_up = (index, self.sampling), True
                self.withdrawn.emit()

        return Task(f"Reading slice {index}", job(), accept, preview, given_up=withdraw)


def _first_sampling(phase: int) -> "Sampling":
    """4x; where 8% of the lines are too few for coil sensitivities, the centre is as wide as in comparisons."""
    from ..physics.coils import FEWEST_LINES
    from ..physics.sampling import CENTRE_FRACTION, Sampling
    from ..physics.sampling_values import USUAL_CENTRE_LINES

    usual = Sampling()
    if round(usual.centre_fraction * phase) > FEWEST_LINES:
        return usual
    return Sampling(centre_fraction=min(round(USUAL_CENTRE_LINES / phase, 2), CENTRE_FRACTION.maximum))


def _at_once(measured: Slice) -> Job[Slice]:
    yield Progress(1.0, f"Reading slice {measured.index}")
    return measured


def open_file(path: Path, axes: Sequence[str] | None) -> Job["Scan"]:
    """Open a scan and load the methods; one of nothing but zeros is refused."""
    yield Progress(0.0, f"Opening {path.name}")
    from ..io import open_scan

    scan = open_scan(path, axes=tuple(axes) if axes else None)
    try:
        yield from part(load_methods(), 0.5, 0.9)
        yield Progress(0.9, "Looking for what was sampled")
        yield from _some_samples(scan)
        _ = scan.fully_sampled  # reads a slice
    except BaseException:  # a job that is cancelled, too
        scan.close()
        raise
    return scan


def load_methods() -> Job[None]:
    """Import the modules of all methods and perturbations here, in a job's thread, and not where they are listed."""
    yield Progress(0.0, "Loading the methods")
    from ..perturbations import registry as perturbations
    from ..reconstructors import registry as reconstructors

    for registry in (reconstructors.registry, perturbations.registry):
        for _ in registry.available():
            yield Progress(0.0, "Loading the methods")


def _some_samples(scan: "Scan") -> Job[None]:
    """Look for a slice that is not empty, from the middle on; InputError if there is none."""
    from ..data.scan import from_the_middle

    for index in from_the_middle(len(scan)):
        yield Progress(0.9, "Looking for what was sampled")
        try:
            yield from part(scan.prepare(index), 0.9, 1.0)
            if bool(scan.kspace(index).any()):
                return
        except ReconRobustError:  # NaN, say: no zeros, and told of when that slice is measured
            return
    raise InputError(f"{scan.name} holds only zeros: export the file again.")


def _open_sample() -> Job["Scan"]:
    yield Progress(0.0, "Opening the sample")
    return (yield from open_file(packaged.sample_path(), None))


def measured_slice(scan: "Scan", index: int, sampling: Any, device: str = "cpu") -> Job[Slice]:
    """Read a slice, sample it and calibrate it; the first preview is what it looks like, with its measurement.

    InputError for a slice of nothing but zeros, and for a device that this machine does not have.
    """
    yield Progress(0.0, f"Reading slice {index}")
    from ..data.measurement import coil_images_of, known_kspace
    from ..physics.model import root_sum_of_squares

    yield from part(scan.prepare(index), 0.0, 0.3)
    measurement = scan.measurement(index, sampling)
    if not bool(scan.kspace(index).any()):
        raise InputError(f"slice {index} of {scan.name} holds only zeros; choose another slice.")
    if device != "cpu":
        measurement = measurement.to(usable(device))
    look = measurement.crop(root_sum_of_squares(coil_images_of(measurement, known_kspace(measurement))))
    yield Progress(0.3, "Estimating sensitivities and noise", (look, measurement))
    return calibrate(scan, index, sampling, measurement)


def calibrate(scan: "Scan | None", index: int, sampling: Any, measurement: "Measurement") -> Slice:
    """Estimate sensitivities, noise, reference and foreground of a measurement."""
    from ..analyses.noise_map import reference_noise
    from ..data.cautions import cautions
    from ..data.measurement import known_kspace
    from ..evaluation.parts import whole_of
    from ..physics.model import coil_norms

    samples, known = measurement.crop(measurement.combined).cpu(), measurement.combined_reference
    known = None if known is None else known.cpu()
    zero_filled, reference = samples.abs(), None if known is None else known.abs()
    foreground = measurement.foreground
    of_pixel = float((2 * reference_noise(measurement)[foreground].square().mean()).sqrt())  # of complex values
    level = float((zero_filled if reference is None else reference)[foreground].mean())
    thermal = float((measurement.calibration.noise.square() * measurement.sampled_points).sum().sqrt())
    return Slice(
        scan=scan,
        index=index,
        sampling=sampling,
        measurement=measurement,
        reference=reference,
        zero_filled=zero_filled,
        foreground=foreground,
        snr=level / of_pixel if of_pixel != 0 else float("inf"),
        kspace_snr=float(coil_norms(known_kspace(measurement)).norm()) / thermal if thermal > 0 else float("inf"),
        whole=whole_of(reference=known, clean=samples),
        cautions=tuple(cautions(measurement).values()),
    )
