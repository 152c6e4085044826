"""What cases are drawn from: anatomies whose acquisition is simulated, and scans that were really acquired.

A folder may mix them: NIfTI volumes and DICOM series of magnitudes, and fully sampled multi-coil k-space in HDF5
(fastMRI's layout, which M4Raw shares, and ISMRMRD); undersampled k-space where the training sees no truth.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.random import Generator
from pydantic import Field
from torch import Tensor

from ..errors import InputError
from ..hdf5 import is_hdf5
from ..io import dicom, open_scan
from ..measurement import Measurement
from ..physics import anatomy, fourier, noise
from ..physics.anatomy import Volume
from ..physics.simulate import simulate_slice
from ..progress import Job, Progress
from ..specification import Specification

# Shares of the cases: with phase detail, and drawn finer than acquired (Gibbs ringing).
_PHASE_DETAIL, _DRAWN_FINER = 0.85, 0.7
_FEWEST_COILS = 4
UNDERSAMPLED = ", undersampled"  # at the end of a kind
# M4Raw: one file for each repetition of a contrast, counted by the last two digits.
_REPETITION = re.compile(r"(.+_(?:T1|T2|FLAIR|GRE))\d\d")


class BankSpecification(Specification):
    """What a bank holds. Ranges are (smallest, largest).

    exclude: names of files or folders (their beginnings) that are held out of training. coils, matrix and noise are of
    simulated acquisitions; acquired ones have their own. other_contrast: share of the simulated ones whose contrast is
    another than the volume's.
    """

    cases: int = Field(gt=0)
    seed: int = 0
    exclude: tuple[str, ...] = ()
    coils: tuple[int, int] = (5, 16)
    matrix: tuple[int, int] = (96, 320)
    noise: tuple[float, float] = (0.0015, 0.025)
    centre_fraction: tuple[float, float] = (0.04, 0.18)
    minimum_centre_lines: int = 10
    other_contrast: float = Field(default=0.8, ge=0, le=1)


@dataclass(frozen=True, eq=False)
class Acquisition:
    """A slice, fully sampled or (then nothing is wanted of it) as far as it was acquired; in any units.

    hybrid: complex64 (coils, rows, columns of k-space), with noise. wanted: complex64 (coils, rows, columns), the coil
    images as they should be. sigma: of the noise of one sample. acquired: bool (columns,), the lines that exist.
    """

    hybrid: Tensor
    wanted: Tensor
    sigma: float
    acquired: Tensor


class Source(ABC):
    """pixels: of its image plane; finer sources are drawn more often, as the root of it. kind: for the card."""

    pixels: float
    kind: str

    @abstractmethod
    def acquisition(self, specification: BankSpecification, rng: Generator) -> Acquisition:
        """A random slice."""


class Anatomy(Source):
    """A volume of magnitudes: random contrast, size, coils, phase and noise. wanted: the noise-free coil images."""

    def __init__(self, volume: Volume, kind: str, name: str) -> None:
        """name: of its file. Raises InputError where no plane is fine enough."""
        if not volume.planes:
            size = " × ".join(f"{side:.3g}" for side in volume.voxel)
            raise InputError(
                f"{name} has voxels of {size} mm, and 1.6 mm or less in a plane are needed to train on; take it out of "
                "the folder."
            )
        self.volume, self.kind = volume, f"simulated from {kind}"
        self.pixels = float(np.prod(sorted(volume.data.shape)[1:]))

    def acquisition(self, specification: BankSpecification, rng: Generator) -> Acquisition:
        """Simulated."""
        matrix = _matrix(self.volume, specification.matrix, rng)
        finer = 2 if rng.uniform() < _DRAWN_FINER else 1
        image = anatomy.random_slice(self.volume, (finer * matrix[0], finer * matrix[1]), rng)
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
            wanted=simulated.sensitivities * simulated.image,
            sigma=float(simulated.sigma.square().mean().sqrt()),
            acquired=torch.ones(matrix[1], dtype=torch.bool),
        )


class Acquired(Source):
    """A scan, in one file for each repetition. wanted: the coil images themselves, the mean over repetitions.

    A single scan has its noise in what is wanted too; the network then learns the mean over the noise, as from clean
    images but slower. Repetitions are drawn one at a time and averaged up to a constant phase. Of a scan with gaps
    between its lines the zero-filled image stands there.
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
                if len(scan.acquired) != 1 or not (scan.fully_sampled or undersampled):
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
        sigma = noise.estimate(one.kspace, one.mask).square().mean().sqrt()
        return Acquisition(one.data, wanted, float(sigma), one.mask[0])

    def _read(self, file: Path, slice: int) -> Measurement:
        with open_scan(file) as scan:
            return scan.measurement(slice)


def find_sources(data: Path, exclude: Sequence[str] = (), undersampled: bool = False) -> Job[list[Source]]:
    """Everything in a folder and those within that can be trained on, less what begins with one of `exclude`.

    undersampled: whether scans may be.

    Raises InputError where there is nothing, and for what is there and cannot be trained on; FileFormatError for a file
    that cannot be read.
    """
    if not data.is_dir():
        raise InputError(f"there is no folder {data}; give one that holds volumes or scans to train on.")
    files = [path for path in sorted(data.rglob("*")) if path.is_file()]
    held_out = tuple(exclude)
    files = [path for path in files if not any(p.startswith((*held_out, ".")) for p in path.relative_to(data).parts)]
    sources: list[Source] = []
    scans: dict[str, list[Path]] = {}
    images = []
    for number, path in enumerate(files):
        yield Progress(number / len(files), f"looking at file {number + 1} of {len(files)}")
        if path.name.endswith((".nii", ".nii.gz")):
            sources.append(Anatomy(anatomy.load_volume(path), "NIfTI", path.name))
        elif path.suffix.lower() in (".h5", ".hdf5") or is_hdf5(path):
            repetition = _REPETITION.fullmatch(path.stem)
            scans.setdefault(str(path.with_name(repetition[1] if repetition else path.name)), []).append(path)
        elif dicom.is_dicom(path):
            images.append(path)
    sources += [Anatomy(dicom.load_series(series), "DICOM", series[0].name) for series in dicom.find_series(images)]
    for number, repetitions in enumerate(scans.values()):
        yield Progress(number / len(scans), f"looking at scan {number + 1} of {len(scans)}")
        sources.append(Acquired(repetitions, undersampled))
    if not sources:
        raise InputError(
            f"{data} holds nothing to train on; give a folder with NIfTI volumes, DICOM series of {dicom.FEWEST} or "
            "more images, or fully sampled multi-coil k-space in HDF5 (fastMRI, M4Raw, ISMRMRD)."
        )
    return sources


def log_uniform(limits: tuple[float, float], rng: Generator) -> float:
    """A number from a range, uniform in its logarithm."""
    return float(np.exp(rng.uniform(*np.log(limits))))


def _aligned(image: Tensor, to: Tensor) -> Tensor:
    """The image turned by the constant phase that brings it nearest to the other: the frequency drifts."""
    return image * torch.sgn((image.conj() * to).sum())


def _matrix(source: Volume, limits: tuple[int, int], rng: Generator) -> tuple[int, int]:
    """Random even sides, not much finer than the volume itself."""
    finest = sorted(source.data.shape)[1]
    largest = max(min(limits[1], round(1.15 * finest)), limits[0])
    side = rng.uniform(limits[0], largest, 2)
    if rng.uniform() < 0.5:
        side[1] = side[0]
    return 2 * round(side[0] / 2), 2 * round(side[1] / 2)
