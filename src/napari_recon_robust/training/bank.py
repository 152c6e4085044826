"""The bank: multi-coil acquisitions to train on, simulated or real, kept in a folder, and examples drawn from it.

Reading or simulating a slice and calibrating it takes longer than a training step. So a few hundred cases are made
beforehand, and some of other people for validation. Every case is stored fully sampled, so that each step draws a new
mask. Sensitivities are estimated as at inference, only from the noisy ACS lines, and each mask samples at least these.
"""

import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, TypeVar
from zlib import crc32

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from pydantic import Field
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from ..data.foreground import foreground
from ..data.points import without_gaps
from ..ground.cached import cached_property
from ..ground.errors import InputError, ReconRobustError
from ..ground.guard import check_length, opening, read, shown
from ..ground.locks import locked
from ..ground.progress import Job, Progress
from ..ground.specification import Specification
from ..ground.writing import WritingError, write
from ..physics import coils, fourier
from ..physics.model import ForwardModel, root_sum_of_squares
from ..physics.sampling import Pattern, Sampling, outside_acs
from ..reconstructors.problem import LEAST_NOISE, Problem
from .sources import UNDERSAMPLED, Acquisition, BankSpecification, Origin, Range, Source, find_sources, log_uniform

VALIDATION_CASES = 24
_VALIDATION_SEED = 2**20
SPECIFICATION, _RECORD, LOCK = "bank.json", "sources.json", "making.lock"
FEWEST_OUTSIDE = 2
"""Of the sampled lines outside the ACS: of one none could be held out."""
_SUBSTITUTES = 4
_WAIT = 0.2  # seconds
_LARGEST_CHANGE = 0.03  # of the first case of a bank made again, relative norm; rounding may turn pixels of the support
_REDRAWN = 10  # times that a mask is drawn, at most; one in 2000 has too few lines outside the ACS

S = TypeVar("S", bound=Specification)


class MaskSpecification(Specification):
    """The masks drawn in training: one of the patterns, with R log-uniform, and smaller for fewer coils.

    "poisson-disc" undersamples the crop as if it were a whole slice, since its rows no longer decouple.
    Without patterns examples are fully sampled, for networks that choose their lines at these accelerations.
    Undersampled scans keep their own lines.
    padded: the share of the examples of whose fully sampled case the scanner measures no lines at one end or both.
    """

    patterns: tuple[Pattern, ...] = ("equispaced", "random", "equispaced-fraction", "magic")
    acceleration: Range = (2.0, 10.0)
    padded: Annotated[float, Field(ge=0, le=1)] = 0.0


@dataclass(frozen=True, eq=False)
class TrainingCase:
    """One acquisition; intensities relative to the truth's 99.5th percentile.

    coil_images: complex64 (coils, rows, columns), noisy, fully sampled. sensitivities: the same shape, by ESPIRiT
    from the ACS. truth: complex64 (rows, columns), sum conj(S_i) x_i of the coil images x_i as they should be
    (noise-free in simulations). magnitude: float32 (rows, columns), the root sum of squares of these. acquired: bool
    (columns,), the lines that exist: scans may be padded.
    """

    coil_images: Tensor
    sensitivities: Tensor
    truth: Tensor
    magnitude: Tensor
    noise: float
    centre_lines: int
    acquired: Tensor


@dataclass(frozen=True, eq=False)
class Example:
    """A problem for a network, everything relative to its scale, and its solution.

    truth: complex64 (rows, columns), combined by the problem's sensitivities; magnitude: float32 (rows, columns),
    root sum of squares. All tensors may have a batch axis in front (`batches.joined`).
    """

    problem: Problem
    truth: Tensor
    magnitude: Tensor

    @cached_property
    def inside(self) -> Tensor:
        """The foreground of the magnitude, bool of its shape, on its device."""
        images = self.magnitude.reshape(-1, *self.magnitude.shape[-2:])
        masks = torch.stack([foreground(image) for image in images])
        return masks.reshape(self.magnitude.shape).to(self.magnitude.device)


class Record(Specification):
    """Whom the cases of a bank show. validation: a sentence on how far validation shows other people than training."""

    sources: tuple[Origin, ...]
    validation: str


class Cases(Sequence[TrainingCase]):
    """Cases in files, read one at a time."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self.paths = sorted(paths)
        self._columns: dict[Path, tuple[int, int]] = {}

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> TrainingCase:  # type: ignore[override]
        return _load(self.paths[index])

    def of_width(self, columns: int) -> list[int]:
        """The indices of the cases of so many columns, also of such as were replaced meanwhile."""
        return [index for index, path in enumerate(self.paths) if self._width(path) == columns]

    def _width(self, path: Path) -> int:
        """The number of a case's columns, which is read again where the file is another one."""
        written = path.stat().st_mtime_ns
        if self._columns.get(path, (0, 0))[0] != written:
            with _opened(path) as file:
                self._columns[path] = written, file.get_slice("coil_images").get_shape()[2]
        return self._columns[path][1]


class Bank(Cases):
    """The cases in a folder: those for training, and separately those for validation."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder.glob("case-*.safetensors"))
        self.validation = Cases(folder.glob("validation-*.safetensors"))
        record = folder / _RECORD
        described = os.path.lexists(record)
        self.record = read_description(Record, record) if described else Record(sources=(), validation="")

    @property
    def drawn(self) -> int:
        """How many training cases there have been: the present ones and those that they have replaced."""
        numbers = []
        for path in self.paths:
            with _opened(path) as file:
                numbers.append(int((file.metadata() or {}).get("number", -1)))  # earlier versions did not write it
        return max(numbers, default=-1) + 1

    @property
    def origins(self) -> dict[str, int]:
        """The number of sources of each kind that the cases were drawn from."""
        return dict(Counter(origin.kind for origin in self.record.sources))

    @property
    def simulated(self) -> bool:
        """Whether all cases are simulated."""
        return all(kind.startswith("simulated") for kind in self.origins)

    @property
    def undersampled(self) -> bool:
        """Whether any scan is undersampled."""
        return any(kind.endswith(UNDERSAMPLED) for kind in self.origins)

    def ranges(self) -> dict[str, tuple[float, float]]:
        """The range over all cases of coils, sides of the matrix, and noise, and of R for undersampled ones."""
        found, accelerations = [], []
        for path in (*self.paths, *self.validation.paths):
            with _opened(path) as file:
                coils, rows, columns = file.get_slice("coil_images").get_shape()[:3]
                scale = file.get_slice("numbers")[:1].item()
                acquired = file.get_tensor("acquired")
                if not without_gaps(acquired[None]):
                    accelerations.append(len(acquired) / int(acquired.sum()))
                found.append((coils, min(rows, columns), max(rows, columns), scale))
        coils, shorter, longer, noise = zip(*found, strict=True)
        return {
            "coils": (min(coils), max(coils)),
            "matrix": (min(shorter), max(longer)),
            "noise": (min(noise), max(noise)),
            **({"acceleration": (min(accelerations), max(accelerations))} if accelerations else {}),
        }


@dataclass(frozen=True, eq=False)
class Draw:
    """One random case of a bank: its file, the sources and ranges that it is drawn from, its seed, which ends in its
    number.
    """

    path: Path
    sources: Sequence[Source]
    specification: BankSpecification
    seed: tuple[int, int]

    def check(self) -> None:
        """Make the case again, and raise InputError where it is not the one in the file, which is left as it is."""
        kept, (anew, _) = _load(self.path), self._case()
        same = kept.sensitivities.shape == anew.sensitivities.shape
        if not same or (kept.sensitivities - anew.sensitivities).norm() > _LARGEST_CHANGE * anew.sensitivities.norm():
            raise InputError(
                f"{shown(self.path.parent)} was begun by another version, which simulates or calibrates otherwise; "
                "give another folder, or empty this one."
            )

    def save(self) -> None:
        """Make the case and write it, completely or not at all.

        Raises InputError if no slice can be used, and WritingError without room.
        """
        case, name = self._case()
        _save(self.path, case, {"number": str(self.seed[-1]), "source": name})

    def _case(self) -> tuple[TrainingCase, str]:
        """A case and its file's name; a draw that cannot be calibrated (an empty slice) is drawn again."""
        reason = ""
        for attempt in range(_SUBSTITUTES):
            rng = np.random.default_rng((*self.seed, attempt))
            source = self.sources[rng.choice(len(self.sources), p=shares(self.sources))]
            name = source.origin.name
            try:
                acquired = source.content.acquisition(self.specification, rng)
                return calibrated(acquired, self.specification, rng), name
            except ReconRobustError as error:
                reason = f"{name}: {str(error).rstrip('.')}"
        raise InputError(f"no usable slice could be drawn in {_SUBSTITUTES} attempts ({reason}); check the data.")


@dataclass(frozen=True, eq=False)
class Division:
    """Sources for training and for validation; `statement` says how far these show other people."""

    training: Sequence[Source]
    validation: Sequence[Source]
    statement: str

    @classmethod
    def of(cls, sources: Sequence[Source], seed: int) -> "Division":
        """Divide by the sources' uses; if none is for validation, a tenth of the people, at least one, is held out."""
        validation = [source for source in sources if source.origin.use == "validation"]
        training = [source for source in sources if source.origin.use == "training"]
        people = _people(training)
        if not people:
            raise InputError("all of the data are kept for validation; give some to train on too.")
        if validation:
            return cls(training, validation, f"of other people: {', '.join(_people(validation))}")
        if len(people) == 1:
            return cls(training, training, "of the same person as the training, since there is one alone")
        count = max(1, round(len(people) / 10))
        chosen = {str(person) for person in np.random.default_rng(seed).choice(people, count, replace=False)}
        return cls(
            [source for source in training if source.origin.person not in chosen],
            [source.kept_for("validation") for source in training if source.origin.person in chosen],
            f"of sources that were drawn from the data, since the recipe names none: {', '.join(sorted(chosen))}",
        )

    def record(self) -> Record:
        """What a bank records of the division."""
        sources = {id(source): source.origin for source in (*self.training, *self.validation)}
        return Record(sources=tuple(sources.values()), validation=self.statement)

    def training_draw(self, folder: Path, specification: BankSpecification, number: int) -> Draw:
        """The draw with that number; draws from `specification.cases` on replace cases, beginning with the first."""
        path = folder / f"case-{number % specification.cases:05d}.safetensors"
        return Draw(path, self.training, specification.of_training_case(number), (specification.seed, number))

    def validation_draw(self, folder: Path, specification: BankSpecification, number: int) -> Draw:
        """A draw of the people in turn; it does not depend on the bank's seed, so that banks can be compared."""
        people = _people(self.validation)
        sources = [source for source in self.validation if source.origin.person == people[number % len(people)]]
        path = folder / f"validation-{number:05d}.safetensors"
        return Draw(path, sources, specification, (_VALIDATION_SEED, number))

    def check(self, folder: Path, specification: BankSpecification) -> None:
        """Raise InputError where another version began the cases: those for training may have been replaced since."""
        first = self.validation_draw(folder, specification, 0)
        if _is_whole(first.path):
            first.check()


def build_bank(specification: BankSpecification, data: Path, folder: Path, undersampled: bool = False) -> Job[Bank]:
    """Make the cases that `folder` lacks from what `data` holds (`sources.find_sources`).

    undersampled: whether scans may be undersampled; they have no truth, and `TrainingCase.truth` is their
    zero-filled image. Every case has its own seed, so an interrupted bank is continued. Raises InputError for a folder
    without volumes or scans, a person who is in both training and validation, a bank of another specification, of other
    data or of another version, whose first case would now be another one, a bank that another run is making, and
    WritingError for a full disk, which loses no case. A case that is not whole is made again.
    """
    specified, recorded = folder / SPECIFICATION, folder / _RECORD
    if os.path.lexists(specified):
        if not os.path.lexists(recorded):
            raise InputError(
                f"{shown(folder)} was made by an earlier version, which trained and validated on the same people; "
                "give another folder, or empty this one."
            )
        if read_description(BankSpecification, specified) != specification:
            raise InputError(f"{shown(folder)} holds cases of another recipe; give another folder, or empty this one.")
    validation = min(VALIDATION_CASES, specification.cases)
    if _missing(folder, "validation", validation) or _missing(folder, "case", specification.cases):
        with locked(folder / LOCK, f"another run is making the cases in {shown(folder)}; wait for it, or stop it."):
            division = yield from find_division(specification, data, undersampled)
            record = division.record()
            if os.path.lexists(recorded) and Bank(folder).record != record:
                raise InputError(
                    f"{shown(folder)} was made from other files than {shown(data)} holds now; give another folder, or "
                    "empty this one."
                )
            _write(specified, specification.model_dump_json(indent=1).encode())
            _write(recorded, record.model_dump_json(indent=1).encode())
            division.check(folder, specification)
            draws = [
                division.validation_draw(folder, specification, n) for n in _missing(folder, "validation", validation)
            ]
            draws += [
                division.training_draw(folder, specification, n) for n in _missing(folder, "case", specification.cases)
            ]
            for done, draw in enumerate(draws):
                yield Progress(done / len(draws), f"making case {done + 1} of {len(draws)}")
                if not _is_whole(draw.path):  # processes that help begin at the other end
                    draw.save()
    return Bank(folder)


def fill_bank(folder: Path, data: Path, undersampled: bool, part: int, parts: int) -> Job[None]:
    """Help `build_bank`, which works in another process: make every `parts`-th missing case, from the last one on.

    It waits until the folder says what the bank is, and ends when no case is missing. Raises InputError for a bank of
    another version.
    """
    while not os.path.lexists(folder / _RECORD):
        yield Progress(0.0, "waiting for the bank")
        time.sleep(_WAIT)
    specification = read_description(BankSpecification, folder / SPECIFICATION)
    division = yield from find_division(specification, data, undersampled)
    division.check(folder, specification)
    for number in range(specification.cases - 1 - part, -1, -parts):
        draw = division.training_draw(folder, specification, number)
        if not _is_whole(draw.path):
            yield Progress(0.0, f"case {number + 1}")
            draw.save()


def read_description(kind: type[S], path: Path) -> S:
    """What a bank says of itself in a JSON file; InputError if the file is damaged."""
    content = read(path, error=InputError)
    try:
        return kind.model_validate_json(content)
    except InputError:
        raise InputError(
            f"{path.name} in {shown(path.parent)} is damaged; delete {SPECIFICATION} and {_RECORD} there and start "
            "again with the same recipe and data: the cases are kept."
        ) from None


def find_division(specification: BankSpecification, data: Path, undersampled: bool) -> Job[Division]:
    """The sources in `data`, divided into training and validation."""
    sources = yield from find_sources(data, specification, undersampled)
    return Division.of(sources, specification.seed)


def shares(sources: Sequence[Source]) -> NDArray[np.float64]:
    """How often each source is drawn: a person by its sources' mean weight, then one of these by its own weight."""
    people: dict[str, list[float]] = {}
    for source in sources:
        people.setdefault(source.origin.person, []).append(source.weight)
    weights = np.array([source.weight / len(people[source.origin.person]) for source in sources])
    return weights / weights.sum()


def _people(sources: Iterable[Source]) -> list[str]:
    return sorted({source.origin.person for source in sources})


def _missing(folder: Path, kind: str, count: int) -> list[int]:
    return [n for n in range(count) if not _is_whole(folder / f"{kind}-{n:05d}.safetensors")]


def _is_whole(path: Path) -> bool:
    """Whether a case is there, and of the length that its header says."""
    try:
        with _opened(path):
            return True
    except InputError:
        return False


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The file of a case; InputError if it is damaged, also for what goes wrong with its content."""
    with opening(path, "a training case", "delete it and start the training again: it is made again", InputError):
        check_length(path, error=InputError)
        with safe_open(path, "pt") as file:
            yield file


def calibrated(acquired: Acquisition, specification: BankSpecification, rng: Generator) -> TrainingCase:
    """An acquisition with a random ACS and the sensitivities that follow from it.

    Raises InputError if fewer central lines were acquired than the smallest ACS has, and for a slice that is zero or
    not finite.
    """
    magnitude = root_sum_of_squares(acquired.wanted)
    scale = float(torch.quantile(magnitude, 0.995))
    if not 0 < scale < np.inf or not bool(torch.isfinite(acquired.hybrid.abs()).all()):
        raise InputError("a slice is zero or not finite.")
    columns = acquired.hybrid.shape[-1]
    lines = round(rng.uniform(*specification.centre_fraction) * columns)
    lines = max(lines, specification.minimum_centre_lines)
    while not bool(acquired.acquired[_centre(columns, lines)[0]].all()):
        lines -= 1
    if lines < specification.minimum_centre_lines:
        raise InputError(
            f"a scan has {lines} adjacent lines in the centre; {specification.minimum_centre_lines} are needed."
        )
    outside = len(outside_acs(acquired.acquired[None]))
    if not without_gaps(acquired.acquired[None]) and outside < FEWEST_OUTSIDE:
        raise InputError(
            f"an undersampled scan has {outside} sampled line(s) outside its ACS; {FEWEST_OUTSIDE} are needed."
        )
    sigma = acquired.hybrid.real.new_full(acquired.hybrid.shape[:1], acquired.sigma)
    maps = coils.espirit(acquired.hybrid, _centre(columns, lines), (-1,), sigma)
    return TrainingCase(
        coil_images=fourier.ifft(acquired.hybrid, (-1,)) / scale,
        sensitivities=maps,
        truth=(maps.conj() * acquired.wanted).sum(-3) / scale,
        magnitude=magnitude / scale,
        noise=acquired.sigma / scale,
        centre_lines=lines,
        acquired=acquired.acquired,
    )


def draw_example(case: TrainingCase, masks: MaskSpecification, pixels: int, rng: Generator) -> Example:
    """A case under a random mask, cropped to rows (which decouple) of `pixels` in all, mirrored, with another phase of
    the maps.
    """
    if masks.padded and bool(case.acquired.all()) and rng.uniform() < masks.padded:
        case = padded(case, *_ends(rng))
    rows = min(max(round(pixels / case.magnitude.shape[1]), 1), case.magnitude.shape[0])
    mask = _mask(case, masks, rows, rng)
    dims = (-1,) if mask.shape[0] == 1 else (-2, -1)
    first = _first_row(case.truth.abs(), rows, rng)
    flip = (-2,) if rng.uniform() < 0.5 else ()

    def cut(x: Tensor) -> Tensor:
        return x[..., first : first + rows, :].flip(flip)

    data, maps = (mask & case.acquired) * fourier.fft(cut(case.coil_images), dims), cut(case.sensitivities)
    # The crop's own scale differs a little from the whole slice's; inference meets such differences between scans.
    scale = float(torch.quantile(ForwardModel(maps, mask, dims).adjoint(data).abs(), 0.995))
    if not scale > 0:
        raise InputError("a training case is zero or not finite; check the volumes.")
    turn = torch.from_numpy(_map_phase((maps.shape[-2], maps.shape[-1]), rng))
    noise = torch.tensor(case.noise / scale * float(np.exp(rng.normal(0, 0.1)))).reshape(1, 1)
    problem = Problem(ForwardModel(maps * turn.conj(), mask, dims), data / scale, noise.clamp_min(LEAST_NOISE))
    return Example(problem, cut(case.truth) * turn / scale, cut(case.magnitude) / scale)


def padded(case: TrainingCase, before: float, after: float) -> TrainingCase:
    """A case of which the scanner measures no lines at the ends of the phase encoding, given as shares of all.

    What it should be has no more than these lines either, as the reference of a scan that is padded with zeros.
    """
    columns = case.magnitude.shape[-1]
    acquired = torch.zeros(columns, dtype=torch.bool)
    acquired[round(before * columns) : columns - round(after * columns)] = True

    def of_lines(images: Tensor) -> Tensor:
        return fourier.ifft(acquired * fourier.fft(images, (-1,)), (-1,))

    wanted = of_lines(case.sensitivities * case.truth)
    return replace(
        case,
        coil_images=of_lines(case.coil_images),
        truth=(case.sensitivities.conj() * wanted).sum(0),
        magnitude=root_sum_of_squares(wanted),
        acquired=acquired,
    )


def _ends(rng: Generator) -> tuple[float, float]:
    """Shares of the lines at either end: as many at both, as of fastMRI's brains and knees, or partial Fourier."""
    if rng.uniform() < 0.5:
        both = float(rng.uniform(0.02, 0.15))
        return both, both
    one = float(rng.uniform(0.1, 0.25))
    return (one, 0.0) if rng.uniform() < 0.5 else (0.0, one)


def measured(problem: Problem) -> Tensor:
    """The samples of a drawn problem that are not padding, which is exactly zero in all coils; shaped as the mask."""
    axes = (0, 1) if problem.model.mask.shape[0] == 1 else (0,)
    return problem.model.mask & (problem.data != 0).any(axes)


def _centre(columns: int, lines: int) -> Tensor:
    mask = torch.zeros(1, columns, dtype=torch.bool)
    mask[:, fourier.centre_lines(columns, lines)] = True
    return mask


def _mask(case: TrainingCase, masks: MaskSpecification, rows: int, rng: Generator) -> Tensor:
    """A random mask that samples the case's ACS and, but for the rarest draws, some lines outside of it.

    Bool (1, columns) for lines, (rows, columns) for points. Padding, known to be zero, counts as sampled, as in use.
    """
    if not masks.patterns or not without_gaps(case.acquired[None]):
        return case.acquired[None]
    return _sampled(case, masks, rows, rng) | ~case.acquired


def _sampled(case: TrainingCase, masks: MaskSpecification, rows: int, rng: Generator) -> Tensor:
    columns = case.coil_images.shape[-1]
    limits = masks.acceleration
    most = min(limits[1], case.coil_images.shape[0] - 1, 0.9 * columns / case.centre_lines)
    for _ in range(_REDRAWN):
        acceleration = log_uniform((limits[0], max(most, limits[0])), rng)
        pattern, seed = str(rng.choice(masks.patterns)), int(rng.integers(2**31))
        sampling = Sampling(
            pattern=pattern, acceleration=acceleration, centre_fraction=case.centre_lines / columns, seed=seed
        )
        if pattern == "poisson-disc":
            return sampling.mask(rows, columns) & case.acquired
        mask = (sampling.mask(1, columns) | _centre(columns, case.centre_lines)) & case.acquired
        if len(outside_acs(mask)) >= FEWEST_OUTSIDE:
            break
    return mask


def _first_row(magnitude: Tensor, rows: int, rng: Generator) -> int:
    """The first row of a crop centred on a row that is drawn in proportion to its intensity."""
    # NaN and infinity are reported by a later computation
    weights = np.nan_to_num(magnitude.sum(-1).double().numpy(), posinf=0.0, neginf=0.0).clip(min=0.0) + 1e-12
    centre = int(rng.choice(len(weights), p=weights / weights.sum()))
    return min(max(centre - rows // 2, 0), max(len(weights) - rows, 0))


def _map_phase(shape: tuple[int, int], rng: Generator) -> np.ndarray:
    """exp(i phi) with phi a random wave of a few periods, in a third of the cases; else one."""
    if rng.uniform() > 0.3:
        return np.ones(shape, np.complex64)
    row, column = np.linspace(-1, 1, shape[0])[:, None], np.linspace(-1, 1, shape[1])
    phase = rng.normal(0, 0.5) * np.sin(rng.normal(0, 2) * row + rng.normal(0, 2) * column + rng.uniform(0, 6))
    turn: np.ndarray = np.exp(1j * (phase + rng.uniform(-np.pi, np.pi))).astype(np.complex64)
    return turn


def _save(path: Path, case: TrainingCase, metadata: dict[str, str]) -> None:
    """Save a case in half precision. Images are below a few, so this costs 1e-4 of them, far below the noise."""
    tensors = {
        name: torch.view_as_real(getattr(case, name)).half().contiguous()
        for name in ("coil_images", "sensitivities", "truth")
    }
    tensors["magnitude"] = case.magnitude.half().contiguous()
    tensors["acquired"] = case.acquired
    tensors["numbers"] = torch.tensor([case.noise, case.centre_lines], dtype=torch.float64)
    _write(path, save(tensors, metadata | {"checksum": _checksum(tensors)}))


def _checksum(tensors: Mapping[str, Tensor]) -> str:
    """A CRC-32, by which chance damage is noticed at a few milliseconds a case."""
    value = 0
    for name in sorted(tensors):
        value = crc32(tensors[name].numpy().data, value)
    return f"{value:08x}"


def _write(path: Path, content: bytes) -> None:
    """Write a file completely or keep the old one; WritingError if that fails."""
    try:
        write(path, content)
    except WritingError as error:
        raise WritingError(
            f"{path.name} cannot be written to {path.parent} ({error.reason}); make room there and start again: what "
            "has been made is kept.",
            error.reason,
        ) from None


def _load(path: Path) -> TrainingCase:
    """Read a case; InputError for one that is damaged. Banks of earlier versions have no checksums to tell by."""
    with _opened(path) as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no mapping)
        if (file.metadata() or {}).get("checksum") not in (None, _checksum(tensors)):
            raise ValueError("it is damaged")
        noise, lines = tensors["numbers"].tolist()
        images = {
            name: torch.view_as_complex(tensors[name].float()) for name in ("coil_images", "sensitivities", "truth")
        }
        everywhere = torch.ones(images["truth"].shape[-1], dtype=torch.bool)
        case = TrainingCase(
            **images,
            magnitude=tensors["magnitude"].float(),
            noise=noise,
            centre_lines=int(lines),
            acquired=tensors.get("acquired", everywhere),  # banks with only simulations used to lack it
        )
        _check_sizes(case)
        return case


def _check_sizes(case: TrainingCase) -> None:
    """Raise ValueError for arrays that do not fit each other, or hold nothing."""
    coils, rows, columns = case.coil_images.shape
    sizes = (case.sensitivities.shape, case.truth.shape, case.magnitude.shape, case.acquired.shape)
    fitting = sizes == ((coils, rows, columns), (rows, columns), (rows, columns), (columns,))
    if not (fitting and case.coil_images.numel() and 0 < case.centre_lines <= columns and case.acquired.any()):
        raise ValueError("its arrays do not fit each other")
