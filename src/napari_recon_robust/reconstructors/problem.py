"""The reconstruction problem of one slice, in units of its scale, as networks and fits see it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import torch
from torch import Tensor

from ..data.measurement import Measurement
from ..ground.cached_property import cached_property
from ..ground.progress import Job, Progress, relayed
from ..networks.channels import local_phase
from ..physics.model import ForwardModel
from .classical import tv
from .classical.conjugate_gradients import conjugate_gradients, tikhonov

S = TypeVar("S")

_SENSE_WEIGHT, _SENSE_STEPS = 0.01, 8  # regularization of the SENSE image, and its conjugate gradient steps
LEAST_NOISE = 2e-3  # relative to the image's scale; networks that were given less did worse (benchmarks/beyond.py)
_LINEAR_START = 8  # conjugate gradient steps of the linear start


@dataclass(frozen=True, eq=False)
class Problem:
    """y = A x + n as a network sees it, relative to `Measurement.scale`.

    data: complex64 (coils, rows, columns) in the model's data space. noise: sigma, float32 (1, 1), positive.
    calibration: the data that learned sensitivities come from and where they were sampled, shaped as `data` and the
    mask, or None if they come from the samples themselves. There is no batch axis: a CPU gains nothing by a batch, and
    the inverses of one slice already fill its caches. Only in the training on a GPU all tensors may have one in front,
    for networks that take it (`training.batches`).
    """

    model: ForwardModel
    data: Tensor
    noise: Tensor
    calibration: tuple[Tensor, Tensor] | None = None

    @cached_property
    def right_hand_side(self) -> Tensor:
        """A^H y, complex64 (rows, columns)."""
        return self.model.adjoint(self.data)

    def tv(self, weight: float) -> Tensor:
        """The minimiser of total variation, at which networks start, complex64 (rows, columns); computed once."""
        if (weight,) not in self.starts:
            self.starts[weight,] = tv.minimiser(self.right_hand_side, self.model, weight)
        return self.starts[weight,]

    def tv_by_rule(self, noise: Tensor) -> Tensor:
        """`tv` at the weight of `tv.rule` for a noise level, (1, 1), or those of a batch; computed once."""
        weights = tuple(map(tv.rule, noise.flatten().tolist()))
        if len(weights) == 1:
            return self.tv(*weights)
        if weights not in self.starts:
            maps, masks, data = self.model.sensitivities, self.model.mask, self.data
            items = [
                Problem(ForwardModel(maps[n], masks[n], self.model.dims), data[n], noise[n]) for n in range(len(data))
            ]
            images = [item.tv(weight) for item, weight in zip(items, weights, strict=True)]
            self.starts[weights] = torch.stack(images)
        return self.starts[weights]

    @cached_property
    def starts(self) -> dict[tuple[float, ...], Tensor]:
        """The minimisers of total variation that were computed, by their weight or a batch's weights."""
        return {}

    @cached_property
    def aligned(self) -> "tuple[Problem, Tensor]":
        """`without_phase` of the TV image."""
        return self.without_phase(self.tv_by_rule(self.noise))

    @cached_property
    def aligned_linearly(self) -> "tuple[Problem, Tensor]":
        """`without_phase` of a regularized SENSE image, for networks that know nothing of TV."""
        return self.without_phase(tikhonov(self.model, self.right_hand_side.detach(), _SENSE_WEIGHT, _SENSE_STEPS))

    def without_phase(self, image: Tensor) -> "tuple[Problem, Tensor]":
        """The problem of x / u, and u, the local phase of an image near x: complex64 (rows, columns), |u| = 1.

        ESPIRiT folds the ACS's phase into the maps. Where the phase changes faster (beside air, in fat), most of the
        image would be imaginary, but a network has learned that images are nearly real. Gradients treat u as a
        constant: it is random where the image is dark, and attacks that used its gradient found half as much.
        """
        phase = local_phase(image.detach(), self.noise.detach())
        model = ForwardModel(self.model.sensitivities * phase.unsqueeze(-3), self.model.mask, self.model.dims)
        return replace(self, model=model), phase


def problems(measurement: Measurement) -> list[Problem]:
    """The problem of each slice of a batch, in order. Data with less noise than `LEAST_NOISE` are taken to have that.

    Methods divide by sigma and take its logarithm, and no network has seen less.
    """
    batch, model = measurement.kspace.shape[:-3], measurement.model
    size = (measurement.coils, *model.shape)
    data = (measurement.data / measurement.scale.unsqueeze(-3)).reshape(-1, *size)
    maps = model.sensitivities.expand(*batch, *size).reshape(-1, *size)
    noise = measurement.noise_level.clamp_min(LEAST_NOISE).expand(*batch, 1, 1).reshape(-1, 1, 1)
    return [Problem(ForwardModel(maps[n], model.mask, model.dims), data[n], noise[n]) for n in range(len(data))]


def assemble(images: Sequence[Tensor], measurement: Measurement) -> Tensor:
    """The solutions of `problems` as images of the measurement, in the scan's units, zero outside its support."""
    batch = measurement.kspace.shape[:-3]
    stacked = torch.stack(list(images)).reshape(*batch, *measurement.model.shape)
    return measurement.crop(stacked * measurement.model.support * measurement.scale)


def in_turn(measurement: Measurement, solve: Callable[[Problem], Job[Tensor]]) -> Job[list[Tensor]]:
    """The solutions of `problems`, one after the other; previews are of the whole batch (`one_by_one`)."""
    return (yield from one_by_one(problems(measurement), solve, lambda images: assemble(images, measurement)))


def one_by_one(
    slices: Sequence[S], solve: Callable[[S], Job[Tensor]], assembled: Callable[[list[Tensor]], Tensor]
) -> Job[list[Tensor]]:
    """The image of each slice of a batch, one after the other.

    A preview is assembled from the finished images, the preview of the present one, and zeros for those to come.
    """
    images: list[Tensor] = []

    def whole(step: Progress) -> Progress:
        missing = [torch.zeros_like(step.preview)] * (len(slices) - len(images) - 1)
        preview = assembled([*images, step.preview, *missing])
        return Progress((len(images) + step.fraction) / len(slices), step.message, preview)

    for one in slices:
        images.append((yield from relayed(solve(one), whole)))
    return images


def linear_start(problem: Problem) -> Tensor:
    """A few conjugate gradient steps on A^H A x = A^H y, complex64 (rows, columns); losses are relative to it."""
    b = problem.right_hand_side
    return conjugate_gradients(problem.model.normal, b, _LINEAR_START)
