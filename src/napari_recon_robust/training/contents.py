"""What cases are drawn from: an anatomy whose acquisition is simulated, or a scan that was really acquired."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import torch
from numpy.random import Generator
from torch import Tensor

from ..data.measurement import Measurement, readout_share
from ..data.points import whole_lines
from ..ground.errors import FileFormatError, InputError
from ..ground.guard import opening
from ..ground.hdf5 import open_hdf5
from ..io import open_scan
from ..physics import fourier, noise
from ..simulation import anatomy
from ..simulation.acquisition import CoilArray, simulate_slice
from ..simulation.anatomy import Volume
from .bank_specification import BankSpecification
from .ranges import log_uniform

_PHASE_DETAIL = 0.85  # share of the cases that have it
# The image is drawn on a grid finer by this factor than the acquired one: outer k-space is cut off, not faded out.
_FINER = 2
_FEWEST_COILS = 4
UNDERSAMPLED = ", undersampled"  # at the end of a kind


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


class Content(ABC):
    """The content of a file, or of several that belong together, from which slices are drawn.

    kind: for the card. pixels: those of its image plane, as far as they resolve anything. slices: how many differ.
    patient: the person's ID in the file, if there is one. values: a hash of a volume's voxels, however its file is
    packed.
    """

    patient: str = ""
    values: str = ""
    kind: str
    pixels: float
    slices: int

    @abstractmethod
    def acquisition(self, specification: BankSpecification, rng: Generator) -> Acquisition:
        """A random slice."""


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
        self.values = of_voxels(volume)
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
        coils = int(rng.integers(specification.coils[0], specification.coils[1] + 1))
        noise_level = log_uniform(specification.noise, rng)
        detail = None if rng.uniform() < _PHASE_DETAIL else 0.0
        # The array is drawn last, and its body's share after it: cases without one remain those of earlier banks.
        array = CoilArray.random(coils, rng)
        if specification.body_noise:
            array = array.with_body_noise(rng.uniform(*specification.body_noise))
        simulated = simulate_slice(image, rng, coils=array, noise_level=noise_level, detail=detail, matrix=matrix)
        return Acquisition(
            hybrid=fourier.ifft(simulated.kspace, (-2,)),
            wanted=fourier.ifft(simulated.kspace - simulated.noise),
            sigma=float(simulated.sigma.square().mean().sqrt()),
            acquired=torch.ones(matrix[1], dtype=torch.bool),
        )


def of_voxels(volume: Volume) -> str:
    """A hash of a volume's voxels."""
    return sha256(volume.data.tobytes()).hexdigest()


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
        self.patient = patient_of_scan(self.files[0])
        if len(set(shapes)) > 1:
            raise InputError(
                f"the repetitions {', '.join(file.name for file in files)} have different sizes; take the odd one out."
            )

    def acquisition(self, specification: BankSpecification, rng: Generator) -> Acquisition:
        """A random slice of a random repetition.

        Raises InputError for an empty slice, and FileFormatError for one that is damaged or not finite.
        """
        slice, chosen = int(rng.integers(self.slices)), int(rng.integers(len(self.files)))
        repetitions = [self._read(file, slice) for file in self.files]
        one = repetitions[chosen]
        images = [fourier.ifft(other.data, (-1,)) for other in repetitions]
        wanted = sum((_aligned(image, images[chosen]) for image in images), torch.zeros_like(images[0])) / len(images)
        sigma = noise.mean_level(noise.estimate(one.kspace, one.mask)) * readout_share(one) ** 0.5
        return Acquisition(one.data, wanted, float(sigma), one.sampled[0])

    def _read(self, file: Path, slice: int) -> Measurement:
        with open_scan(file) as scan:
            try:
                scan.kspace(slice)
            except InputError:  # of a slice that can be read it is said alone
                raise FileFormatError(
                    f"slice {slice} of {file.name} has NaN or infinity, and finite values are needed to train on; "
                    "export the file again, or take it out of the folder."
                ) from None
            return scan.measurement(slice)


def patient_of_scan(path: Path) -> str:
    """The person's ID in a file of HDF5; "" if there is none."""
    with opening(path), open_hdf5(path) as file:
        return str(file.attrs.get("patient_id", ""))  # fastMRI's


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
