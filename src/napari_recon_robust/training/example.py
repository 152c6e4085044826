"""An example to train on: a case under a mask that is drawn for it, cropped, mirrored, and with another phase."""

from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
import torch
from numpy.random import Generator
from pydantic import Field, field_validator
from torch import Tensor

from ..data.foreground import foreground
from ..data.points import without_gaps
from ..data.quantile import upper_quantile
from ..ground.cached_property import cached_property
from ..ground.errors import InputError
from ..ground.specification import Specification
from ..physics import fourier
from ..physics.acs import lines_outside_acs
from ..physics.model import ForwardModel, coil_combined, root_sum_of_squares
from ..physics.sampling import Pattern, Sampling
from ..reconstructors.problem import LEAST_NOISE, Problem
from .case import FEWEST_OUTSIDE, TrainingCase
from .ranges import Range, log_uniform

LARGEST_ACCELERATION = 100  # of a `Sampling`
_REDRAWN = 10  # times that a mask is drawn, at most; one in 2000 has too few lines outside the ACS


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

    @field_validator("acceleration")
    @classmethod
    def _possible(cls, limits: tuple[float, float]) -> tuple[float, float]:
        if not 1 <= limits[0] <= limits[1] <= LARGEST_ACCELERATION:
            raise InputError(f"acceleration is {list(limits)}; give values from 1 to {LARGEST_ACCELERATION}.")
        return limits

    def reached(self, coils: int) -> tuple[float, float]:
        """The smallest and the largest R that are drawn for so many coils: fewer than there are."""
        low, high = self.acceleration
        return low, max(low, min(high, coils - 1))


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


def draw_example(case: TrainingCase, masks: MaskSpecification, pixels: int, rng: Generator) -> Example:
    """A case under a random mask, cropped, mirrored, and with another phase of the maps.

    The crop has all columns and so many rows, which decouple, that it has about `pixels`.
    """
    if masks.padded and bool(case.acquired.all()) and rng.uniform() < masks.padded:
        case = padded(case, *_ends(case, rng))
    rows = min(max(round(pixels / case.magnitude.shape[1]), 1), case.magnitude.shape[0])
    mask = _mask(case, masks, rows, rng)
    dims = (-1,) if mask.shape[0] == 1 else (-2, -1)
    first = _first_row(case.truth.abs(), rows, rng)
    flip = (-2,) if rng.uniform() < 0.5 else ()

    def cut(x: Tensor) -> Tensor:
        return x[..., first : first + rows, :].flip(flip)

    data, maps = (mask & case.acquired) * fourier.fft(cut(case.coil_images), dims), cut(case.sensitivities)
    # The crop's own scale differs a little from the whole slice's; inference meets such differences between scans.
    scale = float(upper_quantile(ForwardModel(maps, mask, dims).adjoint(data).abs().flatten(), 0.995))
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
        truth=coil_combined(wanted, case.sensitivities),
        magnitude=root_sum_of_squares(wanted),
        acquired=acquired,
    )


def _ends(case: TrainingCase, rng: Generator) -> tuple[float, float]:
    """Shares of the lines at either end: as many at both, as of fastMRI's brains and knees, or partial Fourier.

    The latter leaves out up to 7/16 of the lines, which scanners do, but none of the ACS.
    """
    if rng.uniform() < 0.5:
        both = float(rng.uniform(0.02, 0.15))
        return both, both
    columns = case.magnitude.shape[-1]
    one = min(float(rng.uniform(0.1, 7 / 16)), 0.5 - (case.centre_lines / 2 + 1) / columns)
    return (one, 0.0) if rng.uniform() < 0.5 else (0.0, one)


def measured(problem: Problem) -> Tensor:
    """The samples of a drawn problem that are not padding, which is exactly zero in all coils; shaped as the mask."""
    mask = problem.model.mask  # of a batch one for each example, with an axis for the coils
    seen = (problem.data != 0).any((-3, -2) if mask.shape[-2] == 1 else -3)
    return mask & seen.reshape(mask.shape)


def _mask(case: TrainingCase, masks: MaskSpecification, rows: int, rng: Generator) -> Tensor:
    """A random mask that samples the case's ACS and, but for the rarest draws, some lines outside of it.

    Bool (1, columns) for lines, (rows, columns) for points. Padding, known to be zero, counts as sampled, as in use.
    """
    if not masks.patterns or not without_gaps(case.acquired[None]):
        return case.acquired[None]
    return _sampled(case, masks, rows, rng) | ~case.acquired


def _sampled(case: TrainingCase, masks: MaskSpecification, rows: int, rng: Generator) -> Tensor:
    columns = case.coil_images.shape[-1]
    low, high = masks.reached(case.coil_images.shape[0])
    most = min(high, 0.9 * columns / case.centre_lines)
    for _ in range(_REDRAWN):
        acceleration = log_uniform((low, max(most, low)), rng)
        pattern, seed = str(rng.choice(masks.patterns)), int(rng.integers(2**31))
        sampling = Sampling(
            pattern=pattern, acceleration=acceleration, centre_fraction=case.centre_lines / columns, seed=seed
        )
        if pattern == "poisson-disc":
            return sampling.mask(rows, columns) & case.acquired
        mask = (sampling.mask(1, columns) | fourier.central_lines(columns, case.centre_lines)) & case.acquired
        if len(lines_outside_acs(mask)) >= FEWEST_OUTSIDE:
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
