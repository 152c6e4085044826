"""The bank: simulated multi-coil acquisitions to train on, kept in a folder, and examples drawn from it.

Simulating and calibrating a slice takes longer than a training step, so a few hundred are made once. Every
case is stored fully sampled, so that each step draws a new mask; the sensitivities are estimated as at
inference, from the noisy ACS lines alone, and each mask samples at least these.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.random import Generator
from pydantic import Field
from safetensors.torch import load_file, save_file
from torch import Tensor

from ..errors import InputError, ReconRobustError
from ..physics import anatomy, coils, fourier
from ..physics.anatomy import Volume
from ..physics.model import ForwardModel
from ..physics.sampling import Pattern, Sampling
from ..physics.simulate import simulate_slice
from ..progress import Job, Progress
from ..reconstructors.unrolled import Problem
from ..specification import Specification

# Shares of the cases: of another contrast, with phase detail, and drawn finer than acquired (Gibbs ringing).
_OTHER_CONTRAST, _PHASE_DETAIL, _DRAWN_FINER = 0.8, 0.85, 0.7
_SUBSTITUTES = 4


class BankSpecification(Specification):
    """What a bank holds. Ranges are (smallest, largest).

    exclude: names of files (their beginnings) that are held out of training.
    """

    cases: int = Field(gt=0)
    seed: int = 0
    exclude: tuple[str, ...] = ()
    coils: tuple[int, int] = (5, 16)
    matrix: tuple[int, int] = (96, 320)
    noise: tuple[float, float] = (0.0015, 0.025)
    centre_fraction: tuple[float, float] = (0.04, 0.18)
    minimum_centre_lines: int = 10


class MaskSpecification(Specification):
    """The masks drawn in training: one of the patterns, R log-uniform, less where there are fewer coils."""

    patterns: tuple[Pattern, ...] = ("equispaced", "random", "equispaced-fraction", "magic")
    acceleration: tuple[float, float] = (2.0, 10.0)


@dataclass(frozen=True, eq=False)
class Case:
    """One simulated acquisition; intensities relative to the truth's 99.5th percentile.

    coil_images: complex64 (coils, rows, columns), noisy, fully sampled. sensitivities: the same shape, by ESPIRiT
    from the ACS. truth: complex64 (rows, columns), sum conj(S_i) x_i of the noise-free coil images. magnitude:
    float32 (rows, columns), the root sum of squares of the noise-free coil images.
    """

    coil_images: Tensor
    sensitivities: Tensor
    truth: Tensor
    magnitude: Tensor
    noise: float
    centre_lines: int


@dataclass(frozen=True, eq=False)
class Example:
    """A problem for a network, everything relative to its scale, and its solution.

    truth: complex64 (rows, columns), combined by the problem's sensitivities; magnitude: float32 (rows, columns),
    root sum of squares.
    """

    problem: Problem
    truth: Tensor
    magnitude: Tensor


class Bank:
    """The cases in a folder, read one at a time."""

    def __init__(self, folder: Path) -> None:
        self.paths = sorted(folder.glob("case-*.safetensors"))

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Case:
        return _load(self.paths[index])


def build_bank(specification: BankSpecification, data: Path, folder: Path) -> Job[Bank]:
    """Simulate the cases that `folder` lacks from the NIfTI volumes in `data`.

    Every case has its own seed, so an interrupted bank is continued. Raises InputError for a folder without
    volumes and for a bank of another specification.
    """
    record = folder / "bank.json"
    text = specification.model_dump_json(indent=1)
    if record.exists() and record.read_text(encoding="utf-8") != text:
        raise InputError(f"{folder} holds simulated cases of another recipe; give another folder, or empty this one.")
    folder.mkdir(parents=True, exist_ok=True)
    missing = [n for n in range(specification.cases) if not _path(folder, n).exists()]
    if missing:
        volumes = load_volumes(data, specification.exclude)
        record.write_text(text, encoding="utf-8")
        for done, number in enumerate(missing):
            yield Progress(done / len(missing), f"simulating case {number + 1} of {specification.cases}")
            _save(_path(folder, number), _simulate(volumes, specification, number))
    return Bank(folder)


def load_volumes(data: Path, exclude: Sequence[str] = ()) -> list[Volume]:
    """The NIfTI volumes of a folder, without those whose names begin with one of `exclude`.

    Raises InputError where there is none, FileFormatError for one that cannot be read.
    """
    if not data.is_dir():
        raise InputError(f"there is no folder {data}; give one that holds NIfTI volumes to train on.")
    paths = sorted(path for path in data.iterdir() if path.name.endswith((".nii", ".nii.gz")))
    paths = [path for path in paths if not path.name.startswith(tuple(exclude))]
    if not paths:
        raise InputError(f"{data} holds no NIfTI volumes to train on; give a folder with .nii or .nii.gz files.")
    return [anatomy.load_volume(path) for path in paths]


def simulate_case(volumes: Sequence[Volume], specification: BankSpecification, rng: Generator) -> Case:
    """A random slice of a random volume, with random contrast, size, coils, phase, noise and ACS."""
    source = volumes[rng.choice(len(volumes), p=_shares(volumes))]
    matrix = _matrix(source, specification.matrix, rng)
    finer = 2 if rng.uniform() < _DRAWN_FINER else 1
    image = anatomy.random_slice(source, (finer * matrix[0], finer * matrix[1]), rng)
    if rng.uniform() < _OTHER_CONTRAST:
        image = anatomy.contrast(image, rng)
    image = anatomy.soften(image, rng.uniform(*anatomy.ROUGHNESS_RANGE))
    simulated = simulate_slice(
        image,
        rng,
        coils=int(rng.integers(specification.coils[0], specification.coils[1] + 1)),
        noise_level=_log_uniform(specification.noise, rng),
        detail=None if rng.uniform() < _PHASE_DETAIL else 0.0,
        matrix=matrix,
    )
    lines = round(rng.uniform(*specification.centre_fraction) * matrix[1])
    lines = max(lines, specification.minimum_centre_lines)
    hybrid = fourier.ifft(simulated.kspace, (-2,))
    maps = coils.espirit(hybrid, _centre(matrix[1], lines), (-1,))
    magnitude = simulated.image.abs()
    scale = float(torch.quantile(magnitude, 0.995))
    return Case(
        coil_images=fourier.ifft(hybrid, (-1,)) / scale,
        sensitivities=maps,
        truth=(maps.conj() * simulated.sensitivities).sum(-3) * simulated.image / scale,
        magnitude=magnitude / scale,
        noise=float(simulated.sigma.square().mean().sqrt()) / scale,
        centre_lines=lines,
    )


def draw_example(case: Case, masks: MaskSpecification, pixels: int, rng: Generator) -> Example:
    """A case under a random mask, cropped to rows of `pixels` together (which decouple), mirrored, with another phase
    of the maps.
    """
    mask = _mask(case, masks, rng)
    rows = min(round(pixels / case.magnitude.shape[1]), case.magnitude.shape[0])
    first = _first_row(case.truth.abs(), rows, rng)
    flip = (-2,) if rng.uniform() < 0.5 else ()

    def cut(x: Tensor) -> Tensor:
        return x[..., first : first + rows, :].flip(flip)

    data, maps = mask * fourier.fft(cut(case.coil_images), (-1,)), cut(case.sensitivities)
    # The crop's own scale, a little off the whole slice's: inference meets such differences between scans.
    scale = float(torch.quantile(ForwardModel(maps, mask, (-1,)).adjoint(data).abs(), 0.995))
    if not scale > 0:
        raise InputError("a training case is zero or not finite; check the volumes.")
    turn = torch.from_numpy(_map_phase((maps.shape[-2], maps.shape[-1]), rng))
    noise = torch.tensor(case.noise / scale * float(np.exp(rng.normal(0, 0.1)))).reshape(1, 1)
    problem = Problem(ForwardModel(maps * turn.conj(), mask, (-1,)), data / scale, noise)
    return Example(problem, cut(case.truth) * turn / scale, cut(case.magnitude) / scale)


def _simulate(volumes: Sequence[Volume], specification: BankSpecification, number: int) -> Case:
    """The case of that number; a draw that cannot be calibrated (an empty slice) is drawn again."""
    for attempt in range(_SUBSTITUTES):
        rng = np.random.default_rng((specification.seed, number, attempt))
        try:
            case = simulate_case(volumes, specification, rng)
        except ReconRobustError:
            continue
        if all(bool(torch.isfinite(x.abs()).all()) for x in (case.coil_images, case.sensitivities, case.truth)):
            return case
    raise InputError("no usable slice could be drawn from the volumes; check that they show a head and hold no NaN.")


def _shares(volumes: Sequence[Volume]) -> np.ndarray:
    """How often each volume is drawn: finer ones more often, as the root of their number of in-plane pixels."""
    sizes = np.array([np.prod(sorted(volume.data.shape)[1:]) for volume in volumes], float) ** 0.5
    shares: np.ndarray = sizes / sizes.sum()
    return shares


def _matrix(source: Volume, limits: tuple[int, int], rng: Generator) -> tuple[int, int]:
    """Random even sides, not much finer than the volume itself."""
    finest = sorted(source.data.shape)[1]
    largest = max(min(limits[1], round(1.15 * finest)), limits[0])
    side = rng.uniform(limits[0], largest, 2)
    if rng.uniform() < 0.5:
        side[1] = side[0]
    return 2 * round(side[0] / 2), 2 * round(side[1] / 2)


def _centre(columns: int, lines: int) -> Tensor:
    mask = torch.zeros(1, columns, dtype=torch.bool)
    first = (columns - lines + 1) // 2
    mask[:, first : first + lines] = True
    return mask


def _mask(case: Case, masks: MaskSpecification, rng: Generator) -> Tensor:
    """A random mask that samples the case's ACS; one that its pattern cannot give is replaced by "random"."""
    columns = case.coil_images.shape[-1]
    limits = masks.acceleration
    most = min(limits[1], case.coil_images.shape[0] - 1, 0.9 * columns / case.centre_lines)
    acceleration = _log_uniform((limits[0], max(most, limits[0])), rng)
    pattern, seed = str(rng.choice(masks.patterns)), int(rng.integers(2**31))
    sampling = Sampling(
        pattern=pattern,
        acceleration=acceleration,
        centre_fraction=case.centre_lines / columns,
        seed=seed,
    )
    return sampling.mask(1, columns) | _centre(columns, case.centre_lines)


def _first_row(magnitude: Tensor, rows: int, rng: Generator) -> int:
    """Where a crop begins that is centred on a row drawn in proportion to its intensity."""
    weights = np.nan_to_num(magnitude.sum(-1).double().numpy()) + 1e-12  # NaN is found where it is computed with
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


def _log_uniform(limits: tuple[float, float], rng: Generator) -> float:
    return float(np.exp(rng.uniform(*np.log(limits))))


def _path(folder: Path, number: int) -> Path:
    return folder / f"case-{number:05d}.safetensors"


def _save(path: Path, case: Case) -> None:
    """In half precision: the images are below a few, so it costs 1e-4 of them, far below the noise."""
    tensors = {
        name: torch.view_as_real(getattr(case, name)).half().contiguous()
        for name in ("coil_images", "sensitivities", "truth")
    }
    tensors["magnitude"] = case.magnitude.half().contiguous()
    partial = path.with_suffix(".partial")
    tensors["numbers"] = torch.tensor([case.noise, case.centre_lines], dtype=torch.float64)
    save_file(tensors, partial)
    partial.replace(path)


def _load(path: Path) -> Case:
    tensors = load_file(path)
    noise, lines = tensors["numbers"].tolist()
    images = {name: torch.view_as_complex(tensors[name].float()) for name in ("coil_images", "sensitivities", "truth")}
    return Case(**images, magnitude=tensors["magnitude"].float(), noise=noise, centre_lines=int(lines))
