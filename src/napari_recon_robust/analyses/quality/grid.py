"""The cases that methods are compared on: slices of scans and of simulated acquisitions, each under a mask."""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field
from torch import Tensor

from ...cases import record
from ...data.cautions import cautions
from ...data.foreground import foreground
from ...data.measurement import Measurement
from ...data.scan import Scan
from ...evaluation import metrics
from ...evaluation.metrics import Metrics
from ...ground.arguments import as_list
from ...ground.cached_property import cached_property
from ...ground.errors import FileFormatError, InputError, ReconRobustError, one_line, whole_letters
from ...ground.guard import is_dangling, is_file, to_path
from ...ground.specification import Specification
from ...io import files_of, format_of, open_scan, suffixes, takes_axes
from ...physics.sampling import Pattern, Sampling, samplings
from ...physics.sampling_values import USUAL_CENTRE_LINES
from ...simulation.acquisition import NOISE_RANGE, simulate_slice
from ...simulation.anatomy import SUFFIXES, load_volume, slices
from .results import DIGITS

_UNNAMED = ("scans", "simulated")  # groups of files without a name


class Grid(Specification):
    """Which slices under which masks: all combinations.

    slices: of each scan or anatomy, evenly spaced. seeds: of the masks of the first of them, the next ones count on;
    "file" is each file's name, as fastMRI seeds. centre_fraction: by default 8% of the lines, 4% from R = 8 on.
    matrix, coils: of simulated acquisitions, whose coils and noise are drawn from the slice's number.
    """

    patterns: tuple[Pattern, ...] = Field(default=("equispaced",), min_length=1)
    accelerations: tuple[float, ...] = Field(default=(4.0,), min_length=1)
    seeds: tuple[int | Literal["file"], ...] = Field(default=(0,), min_length=1)
    slices: int = Field(default=1, ge=1)
    centre_fraction: float | None = Field(default=None, ge=0, lt=1)
    minimum_centre_lines: int = Field(default=USUAL_CENTRE_LINES, ge=0)
    matrix: int = Field(default=256, ge=32)
    coils: int = Field(default=8, ge=1)

    def samplings(self, name: str, position: int) -> list[Sampling]:
        """Each mask of a slice, by its position among those that are taken of the file of that name."""
        seeds = [name if seed == "file" else seed + position for seed in self.seeds]
        return samplings(self.patterns, self.accelerations, seeds, self.centre_fraction, self.minimum_centre_lines)


@dataclass(frozen=True, eq=False)
class UndersampledSlice:
    """One slice under one mask, and what it is judged against.

    group: of cases that belong into one table. scan: the first digits of the SHA-256 of its file, whose name stays out
    of results. name: of its file among those of the run, see `names`. truth: the noise-free magnitude of a simulation,
    or None. span: the share of the whole run, from and to.
    """

    group: str
    scan: str
    name: str
    slice: int
    sampling: Sampling
    measurement: Measurement
    truth: Tensor | None = None
    span: tuple[float, float] = (0.0, 1.0)

    @cached_property
    def reference(self) -> Tensor:
        """One for all methods: the truth, or the fully sampled coil-combined image, float32 (rows, columns)."""
        reference = self.measurement.reference("combined") if self.truth is None else self.truth
        assert reference is not None, "cases of undersampled scans are refused when they are made"
        return reference

    @cached_property
    def foreground(self) -> Tensor:
        """Where the reference shows tissue, bool (rows, columns)."""
        return self.measurement.foreground if self.truth is None else foreground(self.reference)

    @cached_property
    def cautions(self) -> tuple[str, ...]:
        """Reasons to doubt the image of any method."""
        return tuple(cautions(self.measurement).values())

    @cached_property
    def input(self) -> str:
        """SHA-256 of the samples, the mask, where a scanner measures, and what the reference is made from."""
        one = self.measurement
        arrays = (one.kspace, one.mask, one.full, one.acquired, self.truth)
        return record.array_hash(*(array.cpu().numpy() for array in arrays if array is not None))

    def score(self, image: Tensor) -> dict[str, Metrics]:
        """SSIM, PSNR and NMSE of an image on the foreground and the whole."""
        return metrics.measure(image.cpu(), self.reference.cpu(), tissue=self.foreground)


@dataclass(frozen=True, eq=False)
class FullSlice:
    """A slice before it is undersampled."""

    slice: int
    under: Callable[[Sampling], Measurement]
    truth: Tensor | None = None


def groups(files: Sequence[str | Path] | Mapping[str, str | Path]) -> dict[str, list[Path]]:
    """The files of each group: a file, or all in a folder and in those within it that are scans or anatomies.

    Files without a name are one group, "simulated" (anatomies) or "scans", and so is a folder without a name that is
    given alone. Folders beside others are groups by their `names`. Raises InputError for what does not exist, and for a
    folder without any.
    """
    if isinstance(files, Mapping):
        found = {name: _within(to_path(path)) for name, path in files.items()}
    else:
        given = list(dict.fromkeys(map(to_path, as_list(files, "the files"))))
        called = names([path for path in given if os.path.isdir(path)])
        found = {}
        for path in given:
            paths = _within(path)
            kind = _UNNAMED[all(map(is_anatomy, paths))]
            if path in called and len(given) > 1:  # a / tells a folder that is called like files without a name
                kind = called[path] if called[path] not in _UNNAMED else f"{called[path]}/"
            found[kind] = [*found.get(kind, ()), *paths]
    if not found:
        raise InputError("there is nothing to compare on; give k-space, NIfTI volumes or folders of them.")
    return found


def has_free_axes(path: Path) -> bool:
    """Whether names may be given to its axes; False for a damaged file, which is told when it is opened."""
    try:
        return takes_axes(path)
    except FileFormatError:
        return False


def is_anatomy(path: Path) -> bool:
    """Whether acquisitions are to be simulated from it."""
    return path.name.lower().endswith(SUFFIXES)


def identity(path: Path) -> str:
    """What tells a scan from others, whatever its name and folder: the first digits of the SHA-256 of its files."""
    return record.file_hash(*files_of(path))[:DIGITS]


def names(paths: Sequence[Path]) -> dict[Path, str]:
    """What each file is called among the others: its name, or the shortest end of its path that no other one has.

    A file that is there twice is called the same.
    """
    parts = {path: Path(os.path.abspath(path)).parts[1:] for path in paths}
    found = dict.fromkeys(paths, "")
    for length in range(1, max(map(len, parts.values()), default=0) + 1):
        ends = {path: "/".join(parts[path][-length:]) for path in paths}
        counts = Counter({parts[path]: ends[path] for path in paths}.values())
        found |= {path: end for path, end in ends.items() if not found[path] and counts[end] == 1}
    return {path: _told(end) for path, end in found.items()}


def _told(name: str) -> str:
    """A name that can be written; one that is not in UTF-8 with its bytes, which tell it from others."""
    return name if name == whole_letters(name) else whole_letters(os.fsencode(name).decode("utf-8", "backslashreplace"))


def cases(
    files: Mapping[str, Sequence[Path]],
    grid: Grid,
    *,
    axes: Sequence[str] | None = None,
    device: str = "cpu",
    faults: dict[str, ReconRobustError] | None = None,
) -> Iterator[UndersampledSlice]:
    """Every case, read or simulated when it is asked for. axes: of raw arrays.

    faults: gets the errors of the files and slices that cannot be used, by name; the others go on. See `keep_faults`.
    Without it, raises InputError for an undersampled scan, a slice with NaN or a mask that does not suit its size,
    FileFormatError for a file that cannot be read.
    """
    every = [(group, path) for group, paths in files.items() for path in paths]
    called = names([path for _, path in every])
    for done, (group, path) in enumerate(every):
        name = called[path]
        with kept(faults, name), _opened(path, grid, axes) as (count, acquisitions):
            scan = identity(path)
            for position, acquired in enumerate(acquisitions):
                samplings = grid.samplings(path.name, position)
                failed = dict[Sampling, ReconRobustError]()
                for at, sampling in enumerate(samplings, start=position * len(samplings)):
                    begin, end = ((done + n / (count * len(samplings))) / len(every) for n in (at, at + 1))
                    try:
                        measurement = acquired.under(sampling).to(device)
                    except ReconRobustError as error:
                        if faults is None:
                            raise
                        failed[sampling] = error
                        continue
                    yield UndersampledSlice(
                        group, scan, name, acquired.slice, sampling, measurement, acquired.truth, (begin, end)
                    )
                if faults is not None:
                    keep_faults(
                        faults, f"slice {acquired.slice} of {name}", failed, whole=len(failed) == len(samplings)
                    )


def keep_faults(
    faults: dict[str, ReconRobustError], name: str, failed: Mapping[Sampling, ReconRobustError], *, whole: bool
) -> None:
    """Keep why a volume or slice is left out: once, or of which masks where it can be used under others.

    failed: the errors by the masks. whole: whether there is no other mask.
    """
    for sampling, error in failed.items():
        of = "" if whole else f", {sampling.pattern} {sampling.acceleration:g}x"
        faults.setdefault(f"{name}{of}", error)


@contextmanager
def kept(faults: dict[str, ReconRobustError] | None, name: str) -> Iterator[None]:
    """Keep the first error of that name among the faults, where they are asked for."""
    try:
        yield
    except ReconRobustError as error:
        if faults is None:
            raise
        faults.setdefault(name, error)


@contextmanager
def _opened(path: Path, grid: Grid, axes: Sequence[str] | None) -> Iterator[tuple[int, Iterator[FullSlice]]]:
    """How many slices are taken of a file, and these, one at a time."""
    if is_anatomy(path):
        yield grid.slices, _simulated(path, grid)
        return
    with full_scan(path, axes) as scan:
        indices = _spaced(len(scan), grid.slices)
        yield len(indices), _acquired(scan, indices)


@contextmanager
def full_scan(path: Path, axes: Sequence[str] | None) -> Iterator[Scan]:
    """A scan that is fully sampled; InputError for another one. axes: of raw arrays."""
    with open_scan(path, axes if axes and takes_axes(path) else None) as scan:
        if not bool(scan.acquired.any()):
            raise InputError(f"{path.name} holds only zeros; leave it out, or export it again.")
        if not scan.fully_sampled:
            raise InputError(
                f"{path.name} is undersampled, so that no image is known to judge methods by; give fully sampled scans."
            )
        yield scan


def _acquired(scan: Scan, indices: Sequence[int]) -> Iterator[FullSlice]:
    for index in indices:
        yield FullSlice(index, partial(_full, scan, index))


def _full(scan: Scan, index: int, sampling: Sampling) -> Measurement:
    """A slice under a mask; InputError where it lacks lines that others of its scan have."""
    measurement = scan.measurement(index, sampling)
    if measurement.full is None:
        raise InputError(
            f"slice {index} of {scan.name} lacks lines that others have, so that no image is known to judge methods "
            "by; leave the file out, or export it again."
        )
    return measurement


def _simulated(path: Path, grid: Grid) -> Iterator[FullSlice]:
    """Axial slices, acquired with coils and noise by the slice's number."""
    shape = (grid.matrix, grid.matrix)
    for number, image in enumerate(slices(load_volume(path), "axial", grid.slices, shape)):
        rng = np.random.default_rng(number)
        level = float(np.exp(rng.uniform(*np.log(NOISE_RANGE))))
        acquired = simulate_slice(image, rng, coils=grid.coils, noise_level=level)
        yield FullSlice(number, partial(_undersampled, acquired.kspace), acquired.image.abs())


def _undersampled(kspace: Tensor, sampling: Sampling) -> Measurement:
    readout, phase = kspace.shape[-2:]
    mask = sampling.mask(readout, phase)
    return Measurement(kspace * mask, mask, (readout, phase), kspace)


def _spaced(length: int, count: int) -> list[int]:
    """`count` indices in the middles of equal parts; all if there are no more."""
    count = min(count, length)
    return [int((n + 0.5) * length / count) for n in range(count)]


def _within(path: Path) -> list[Path]:
    """The file itself, or what can be read of a folder (of BART's pairs the data)."""
    if not os.path.isdir(path):  # False for a name that none can have
        if not os.path.exists(path) and format_of(path) is None:
            raise InputError(f"there is no file or folder {one_line(str(path))}; check its name.")
        return [path]
    files = (file for file in sorted(path.rglob("*")) if is_file(file) or is_dangling(file))
    found = [file for file in files if is_anatomy(file) or _is_scan(file)]
    if not found:
        raise InputError(f"the folder {path.name} holds no k-space and no NIfTI volume; give another one.")
    return found


def _is_scan(path: Path) -> bool:
    """Whether it is read as one; a damaged file is, and one that is none by its content, so that it is named there."""
    try:
        format = format_of(path)
    except FileFormatError:
        return True
    if format is None:
        return path.suffix.lower() in suffixes()
    return path.suffix not in format.beside
