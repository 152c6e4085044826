"""The sources of cases: anatomies whose acquisition is simulated, and scans that were really acquired.

A folder may mix them: NIfTI volumes and DICOM series of magnitudes, and fully sampled multi-coil k-space in HDF5
(fastMRI's layout, which M4Raw shares, and ISMRMRD). K-space may be undersampled if the training sees no truth.
"""

import filecmp
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, TypeVar

import numpy as np
import torch
from numpy.random import Generator
from pydantic import AfterValidator, Field, ValidationInfo
from torch import Tensor

from ..cases.record import file_hash
from ..data.measurement import Measurement, readout_share
from ..data.points import whole_lines
from ..ground.documents import read_json
from ..ground.errors import InputError, ReconRobustError
from ..ground.guard import is_file, opening, shown
from ..ground.hdf5 import is_hdf5, open_hdf5
from ..ground.progress import Job, Progress
from ..ground.specification import Specification
from ..io import open_scan
from ..io.fastmri import FastMRI
from ..physics import fourier, noise
from ..simulation import anatomy, dicom
from ..simulation.acquisition import simulate_slice
from ..simulation.anatomy import Volume
from .people import Split, Use, check_apart

_PHASE_DETAIL = 0.85  # share of the cases that have it
# The image is drawn on a grid finer by this factor than the acquired one: outer k-space is cut off, not faded out.
_FINER = 2
PACKED = "packed.json"  # in a folder that was unpacked
_FEWEST_COILS = 4
UNDERSAMPLED = ", undersampled"  # at the end of a kind
# M4Raw: one file for each repetition of a contrast, counted by the last two digits.
_REPETITION = re.compile(r"(.+_(?:T1|T2|FLAIR|GRE))\d\d")


_STRONG = 5  # one in so many training cases has strong noise
_FEW_SLICES = 8  # volumes and scans with fewer count less
_NAMED = 3  # files in a notice


N = TypeVar("N", int, float)


def _in_order(limits: tuple[N, N], info: ValidationInfo) -> tuple[N, N]:
    if not 0 < limits[0] <= limits[1] < np.inf:
        raise InputError(f"{info.field_name} is {list(limits)}; give the smallest and the largest value, both above 0.")
    return limits


Range = Annotated[tuple[float, float], AfterValidator(_in_order)]
WholeRange = Annotated[tuple[int, int], AfterValidator(_in_order)]


class BankSpecification(Split):
    """The content of a bank, and the people that it shows (`people.Split`). Ranges are (smallest, largest).

    cases: number of cases for training. coils, matrix and noise are those of simulated acquisitions; acquired ones have
    their own. strong_noise: the noise of every fifth simulated case for training, if given; those for validation remain
    as without it. other_contrast: share of the simulated ones whose contrast differs from the volume's.
    """

    cases: int = Field(gt=0)
    seed: int = Field(default=0, ge=0, lt=2**63)
    coils: WholeRange = (5, 16)
    matrix: WholeRange = (96, 320)
    noise: Range = (0.0015, 0.025)
    strong_noise: Range | None = None
    centre_fraction: Range = (0.04, 0.18)
    minimum_centre_lines: int = Field(default=10, ge=1)
    other_contrast: float = Field(default=0.8, ge=0, le=1)

    @property
    def all_noise(self) -> tuple[float, float]:
        """The range of the noise of all cases."""
        lows, highs = zip(self.noise, self.strong_noise or self.noise, strict=True)
        return min(lows), max(highs)

    def of_training_case(self, number: int) -> "BankSpecification":
        """The same with the noise of a case for training."""
        if self.strong_noise is None or number % _STRONG:
            return self
        return self.model_copy(update={"noise": self.strong_noise})


@dataclass(frozen=True, eq=False)
class Acquisition:
    """A slice in any units, fully sampled, or as far as it was acquired; then it has no truth.

    hybrid: complex64 (coils, rows, columns of k-space), with noise. wanted: complex64 (coils, rows, columns), the coil
    images as they should be. sigma: that of the noise of one sample. acquired: bool (columns,), the lines that exist.
    """

    hybrid: Tensor
    wanted: Tensor
    sigma: float
    acquired: Tensor


class Origin(Specification):
    """Where cases come from, as a bank records it.

    name: that of the file, or of the first file. sha256: that of the file, or of all files one after the other. person:
    whom it shows. licence: empty if the list of people does not give it.
    """

    name: str
    kind: str
    sha256: str
    person: str
    use: Use = "training"
    licence: str = ""


class Packed(Specification):
    """The origins of the volumes in an unpacked folder, by their places there."""

    origins: dict[str, Origin] = Field(default_factory=dict)


class Content(ABC):
    """The content of a file, or of several that belong together, from which slices are drawn.

    kind: for the card. pixels: those of its image plane, as far as they resolve anything. slices: how many differ.
    patient: the person's ID in the file, if there is one.
    """

    patient: str = ""
    kind: str
    pixels: float
    slices: int

    @abstractmethod
    def acquisition(self, specification: BankSpecification, rng: Generator) -> Acquisition:
        """A random slice."""


@dataclass(frozen=True, eq=False)
class Source:
    """A content that cases are drawn from, its origin, and its place: folders below that of the data, and the name."""

    content: Content
    origin: Origin
    parts: tuple[str, ...] = ()

    @property
    def weight(self) -> float:
        """How often it is drawn, relative to others: like the root of its pixels, and less if it has few slices."""
        return float(self.content.pixels**0.5 * min(1.0, self.content.slices / _FEW_SLICES))

    def kept_for(self, use: Use) -> "Source":
        """The same source for another use."""
        return replace(self, origin=self.origin.model_copy(update={"use": use}))


class Anatomy(Content):
    """A volume of magnitudes: random contrast, size, coils, phase and noise. wanted: the noise-free coil images."""

    def __init__(self, volume: Volume, kind: str, name: str) -> None:
        """name: that of its file. Raises InputError if no plane is fine enough."""
        if not volume.planes:
            size = " × ".join(f"{side:.3g}" for side in volume.voxel)
            raise InputError(
                f"{name} has voxels of {size} mm, and 1.6 mm or less in a plane are needed to train on; take it out of "
                "the folder."
            )
        self.volume, self.kind = volume, f"simulated from {kind}"
        # If the scanner has interpolated, only the lines that hold something are simulated.
        resolved = sorted(volume.resolved(axis) for axis in range(3))
        self.finest, self.pixels = resolved[1], float(resolved[1] * resolved[2])
        self.slices = max(len(anatomy.tissue_range(volume, plane)) for plane in volume.planes)

    def acquisition(self, specification: BankSpecification, rng: Generator) -> Acquisition:
        """A random slice whose acquisition is simulated."""
        matrix = _matrix(self.finest, specification.matrix, rng)
        image = anatomy.random_slice(self.volume, (_FINER * matrix[0], _FINER * matrix[1]), rng)
        if rng.uniform() < specification.other_contrast:
            image = anatomy.contrast(image, rng)
        image = anatomy.soften(image, rng.uniform(*anatomy.ROUGHNESS_RANGE))
        simulated = simulate_slice(
            image,
            rng,
            coils=int(rng.integers(specification.coils[0], specification.coils[1] + 1)),
            noise_level=log_uniform(specification.noise, rng),
            detail=None if rng.uniform() < _PHASE_DETAIL else 0.0,
            matrix=matrix,
        )
        return Acquisition(
            hybrid=fourier.ifft(simulated.kspace, (-2,)),
            wanted=fourier.ifft(simulated.kspace - simulated.noise),
            sigma=float(simulated.sigma.square().mean().sqrt()),
            acquired=torch.ones(matrix[1], dtype=torch.bool),
        )


class Acquired(Content):
    """A scan, in one file for each repetition. wanted: the coil images themselves, the mean over repetitions.

    A single scan has noise in its wanted images too. On the sampled lines it is the noise of the input, which the
    network then learns to keep; only that of the other lines averages out over cases. Repetitions are drawn one at a
    time and averaged up to a constant phase. For a scan with gaps between its lines `wanted` is the zero-filled image.
    """

    def __init__(self, files: Sequence[Path], undersampled: bool = False) -> None:
        """undersampled: whether lines may be missing. Raises FileFormatError or InputError for a file that cannot be
        trained on.
        """
        self.files = tuple(files)
        shapes = []
        for file in files:
            with open_scan(file) as scan:
                header = scan.header
                if header.coils < _FEWEST_COILS:
                    raise InputError(
                        f"{file.name} has {header.coils} coil(s), and at least {_FEWEST_COILS} are needed to train on; "
                        "take it out of the folder."
                    )
                if not (scan.fully_sampled or (undersampled and whole_lines(scan.acquired) is not None)):
                    needed = "whole lines" if undersampled else "fully sampled lines"
                    other = "" if undersampled else ", or train hqs-self-supervised, which needs no full k-space"
                    raise InputError(
                        f"{file.name} is undersampled, and {needed} are needed to train on; take it out of the folder"
                        f"{other}."
                    )
                shapes.append((header.slices, header.coils, header.readout, header.phase))
                self.kind = header.format if scan.fully_sampled else f"{header.format}{UNDERSAMPLED}"
                self.slices = header.slices
                self.pixels = float(header.matrix[0] * header.phase)
        self.patient = _patient_of_scan(self.files[0])
        if len(set(shapes)) > 1:
            raise InputError(
                f"the repetitions {', '.join(file.name for file in files)} have different sizes; take the odd one out."
            )

    def acquisition(self, specification: BankSpecification, rng: Generator) -> Acquisition:
        """A random slice of a random repetition."""
        slice, chosen = int(rng.integers(self.slices)), int(rng.integers(len(self.files)))
        repetitions = [self._read(file, slice) for file in self.files]
        one = repetitions[chosen]
        images = [fourier.ifft(other.data, (-1,)) for other in repetitions]
        wanted = sum((_aligned(image, images[chosen]) for image in images), torch.zeros_like(images[0])) / len(images)
        sigma = noise.mean_level(noise.estimate(one.kspace, one.mask)) * readout_share(one) ** 0.5
        return Acquisition(one.data, wanted, float(sigma), one.sampled[0])

    def _read(self, file: Path, slice: int) -> Measurement:
        with open_scan(file) as scan:
            return scan.measurement(slice)


@dataclass(frozen=True, eq=False)
class Found:
    """The files of one source: a volume, the images of a series, or the repetitions of a scan.

    parts: the folders below that of the data, and the name, of the first one. read: it takes whether scans may be
    undersampled.
    """

    files: Sequence[Path]
    parts: tuple[str, ...]
    use: Use
    read: Callable[[bool], Content]


def find_files(data: Path, split: Split) -> Job[tuple[list[Found], list[Path]]]:
    """What a folder and its subfolders hold for training or validation, and the files that are held out.

    No content is read but the headers of DICOM. Raises InputError if there is no such folder, and if the names say that
    a person has files of two uses.
    """
    if not os.path.isdir(data):  # False for a name that none can have
        raise InputError(
            f"there is no folder {shown(data)} at that place; give one that holds volumes or scans to train on."
        )
    paths = [path for path in sorted(data.rglob("*")) if is_file(path)]
    parts = {path: path.relative_to(data).parts for path in paths}
    uses = {path: split.use(parts[path]) for path in paths if not any(part.startswith(".") for part in parts[path])}
    check_apart((split.person(parts[path]).id, path.name, use) for path, use in uses.items())

    groups: list[tuple[Sequence[Path], Callable[[bool], Content]]] = []
    scans: dict[str, list[Path]] = {}
    images = []
    files = [path for path, use in uses.items() if use != "test"]
    for number, path in enumerate(files):
        yield Progress(number / len(files), f"looking at file {number + 1} of {len(files)}")
        if path.name.endswith(anatomy.SUFFIXES):
            groups.append(([path], partial(_nifti, path)))
        elif _is_scan(path):
            repetition = _REPETITION.fullmatch(path.stem)
            scans.setdefault(str(path.with_name(repetition[1] if repetition else path.name)), []).append(path)
        elif dicom.is_dicom(path):
            images.append(path)
    groups += [(series, partial(_series, series)) for series in dicom.find_series(images)]
    groups += [(repetitions, partial(Acquired, repetitions)) for repetitions in scans.values()]
    found = [Found(group, parts[group[0]], uses[group[0]], read) for group, read in groups]
    return found, [path for path, use in uses.items() if use == "test"]


def find_sources(data: Path, split: Split | None = None, undersampled: bool = False) -> Job[list[Source]]:
    """All sources for training or validation in a folder and its subfolders; a notice names files that are held out.

    undersampled: whether scans may be undersampled.

    Raises InputError if there are none, if a file cannot be used for training, and if a person has files of two uses,
    by a file's name, by the patient in it, or by its content, held-out files included; FileFormatError for a file that
    cannot be read.
    """
    split = split or Split()
    found, held_out = yield from find_files(data, split)
    if held_out:
        yield Progress(0.0, f"left out, as the recipe says: {named(path.name for path in held_out)}", notice=True)
    if not found:
        raise InputError(
            f"{shown(data)} holds nothing to train on; give a folder with NIfTI volumes, DICOM series of "
            f"{dicom.FEWEST} or more images, or fully sampled multi-coil k-space in HDF5 (fastMRI, M4Raw, ISMRMRD)."
        )
    packed = packed_origins(data)
    sources = []
    shown_by: dict[str, str] = {}
    people: dict[Path, str] = {}
    for number, one in enumerate(found):
        first = one.files[0]
        yield Progress(number / len(found), f"reading {first.name}, {number + 1} of {len(found)}")
        content = one.read(undersampled)
        person, digest = split.person(one.parts, content.patient), file_hash(*one.files)
        origin = Origin(
            name=first.name,
            kind=content.kind,
            sha256=digest,
            person=shown_by.setdefault(digest, person.id),  # the same file twice shows one person
            use=one.use,
            licence=person.licence,
        )
        if (place := "/".join(one.parts)) in packed:
            origin = packed[place].model_copy(update={"use": origin.use})
        sources.append(Source(content, origin, one.parts))
        people |= dict.fromkeys(one.files, origin.person)
    origins = [source.origin for source in sources]
    check_apart((origin.sha256, origin.name, origin.use) for origin in origins)
    check_apart(
        [
            *((origin.person, origin.name, origin.use) for origin in origins),
            *_people_of(held_out, data, split, people),
        ]
    )
    return sources


def named(names: Iterable[str]) -> str:
    """The first of some names, and how many others there are."""
    names = list(names)
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} other{'s' if more > 1 else ''}" if more > 0 else "")


def _people_of(
    held_out: Iterable[Path], data: Path, split: Split, people: Mapping[Path, str]
) -> Iterator[tuple[str, str, Use]]:
    """The person, name and use of held-out files, by the patient in them, or as that of a file with the same bytes."""
    by_size: dict[int, list[Path]] = {}
    for path in people:
        by_size.setdefault(path.stat().st_size, []).append(path)
    for path in held_out:
        yield split.person(path.relative_to(data).parts, _patient(path)).id, path.name, "test"
        for other in by_size.get(path.stat().st_size, ()):
            if filecmp.cmp(path, other, shallow=False):
                yield people[other], path.name, "test"


def _patient(path: Path) -> str:
    """The patient in a file; "" if it has none or cannot be read, since a file that is held out may be anything."""
    with suppress(ReconRobustError):
        if _is_scan(path):
            return _patient_of_scan(path)
        if dicom.is_dicom(path):
            return dicom.patient(path)
    return ""


def _patient_of_scan(path: Path) -> str:
    with opening(path), open_hdf5(path) as file:
        return str(file.attrs.get("patient_id", ""))  # fastMRI's


def _is_scan(path: Path) -> bool:
    return path.suffix.lower() in FastMRI.suffixes or is_hdf5(path)


def packed_origins(data: Path) -> dict[str, Origin]:
    """The origins of the volumes by their places, if a folder was unpacked; FileFormatError for a damaged list."""
    file = data / PACKED
    if not is_file(file):
        return {}
    with opening(file, "a list of origins", "unpack the volumes again"):
        return Packed.model_validate(read_json(file)).origins


def _series(images: Sequence[Path], undersampled: bool) -> Content:
    content = Anatomy(dicom.load_series(images), "DICOM", images[0].name)
    content.patient = dicom.patient(images[0])
    return content


def _nifti(path: Path, undersampled: bool) -> Content:
    return Anatomy(anatomy.load_volume(path), "NIfTI", path.name)


def log_uniform(limits: tuple[float, float], rng: Generator) -> float:
    """A number from a range, uniform in its logarithm."""
    return float(np.exp(rng.uniform(*np.log(limits))))


def _aligned(image: Tensor, to: Tensor) -> Tensor:
    """The image times the constant phase that brings it nearest to the other image, since the frequency drifts."""
    return image * torch.sgn((image.conj() * to).sum())


def _matrix(finest: int, limits: tuple[int, int], rng: Generator) -> tuple[int, int]:
    """Random even sides, not much finer than a volume of that many voxels."""
    largest = max(min(limits[1], round(1.15 * finest)), limits[0])
    side = rng.uniform(limits[0], largest, 2)
    if rng.uniform() < 0.5:
        side[1] = side[0]
    return 2 * round(side[0] / 2), 2 * round(side[1] / 2)
