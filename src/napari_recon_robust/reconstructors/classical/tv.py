"""Total variation."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from ...data.measurement import Measurement
from ...ground.knob import Knob
from ...physics.model import ForwardModel
from . import sparsity
from .conjugate_gradients import conjugate_gradients
from .sparsity import FISTA, DualSolver, SparseReconstructor, Transform


class TotalVariation(SparseReconstructor):
    """min_x 1/2 ||A x - y||^2 + w TV(x), data and image in units of `Measurement.scale`.

    TV(x) = sum_pixels sqrt(|x_down|^2 + |x_right|^2), the isotropic total variation of the complex image by
    forward differences (zero across the border). Outside every coil's sensitivity the data leave x open, and the
    result is zero there. The solver is FISTA (Beck, Teboulle 2009, doi:10.1137/080716542) with
    restarts (O'Donoghue, Candes 2015, doi:10.1007/s10208-013-9150-3) and a long step (Liang, Luo, Schoenlieb
    2022, doi:10.1137/21M1395685). TV's proximal map takes a few steps of fast gradient projection on its dual, which
    goes on from one FISTA step to the next.
    """

    id = "tv"
    label = "Total variation"
    summary = "Least squares with coil sensitivities and a sparse gradient; its weight turns live."
    sources = ("rudin1992", "lustig2007", "beck2009")
    knobs = (
        Knob(
            name="weight",
            label="TV weight",
            help="Weight of the total variation, relative to the image's scale; more is smoother.",
            default=2e-3,
            minimum=1e-4,
            maximum=5e-2,
            scale="log",
            live=True,
            more="smoother",
        ),
    )

    def rule(self, measurement: Measurement) -> dict[str, float]:
        """The weight of `auto_weight`."""
        return {"weight": auto_weight(measurement)}

    def solver(self, model: ForwardModel, b: Tensor) -> DualSolver[Any]:
        """The solver: fused kernels for sampled lines on a CPU, PyTorch for all else."""
        fits = b.dtype == torch.complex64 and model.sensitivities.shape[:-3] in ((), b.shape[:-2])
        if fits and model.fused is not None:
            return _FusedFISTA(model, b.shape[:-2])
        return FISTA(model, DIFFERENCES)


class Differences(Transform):
    """Forward differences (down, right), zero across the border; the two of a pixel are taken together."""

    bound = 8.0

    def forward(self, image: Tensor) -> Tensor:
        """D x, complex (..., 2, rows, columns)."""
        down = pad(image[..., 1:, :] - image[..., :-1, :], (0, 0, 0, 1))
        right = pad(image[..., :, 1:] - image[..., :, :-1], (0, 1))
        return torch.stack((down, right), dim=-3)

    def adjoint(self, p: Tensor) -> Tensor:
        """D^H p, complex (..., rows, columns)."""
        down, right = p[..., 0, :-1, :], p[..., 1, :, :-1]
        return pad(down, (0, 0, 1, 0)) - pad(down, (0, 0, 0, 1)) + pad(right, (1, 0)) - pad(right, (0, 1))

    def inner(self, a: Tensor, b: Tensor) -> Tensor:
        """Re <a, b> of the two differences of each pixel, real (..., 1, rows, columns)."""
        return (a.real * b.real + a.imag * b.imag).sum(-3, keepdim=True)

    def steps(self, weight: float) -> int:
        """The number of dual steps grows with the weight: the more is smoothed, the farther the dual must diffuse."""
        return round(min(max(9 * (weight / 2e-3) ** 0.5, 5), 40))


DIFFERENCES = Differences()


def auto_weight(measurement: Measurement) -> float:
    """The weight w = 0.7 sigma^1.5, sigma = `Measurement.noise_level`, within the knob's range; it needs no reference.

    The power is ours: where there is little noise, most of what is to be suppressed is aliasing, whose level does not
    depend on sigma, and small weights keep details; where there is much, a weight in proportion leaves noise
    (benchmarks/rules.py). For a batch the mean noise level counts.
    """
    return rule(float(measurement.noise_level.mean()))


def rule(noise: float) -> float:
    """The weight of `auto_weight` for a noise level relative to the scale."""
    return TotalVariation.knobs[0].nearest(0.7 * noise**1.5)


def minimiser(b: Tensor, model: ForwardModel, weight: float) -> Tensor:
    """argmin_x 1/2 <x, A^H A x> - Re <b, x> + w TV(x), complex (..., rows, columns); differentiable in b."""
    return sparsity.minimiser(TotalVariation().solver(model, b), b, weight)


class _FusedFISTA(DualSolver[list[Any]]):
    """The solver for sampled lines on the CPU: `kernels.tv`, item by item. A state is a list of (image, dual)."""

    def __init__(self, model: ForwardModel, batch: torch.Size) -> None:
        super().__init__(model, DIFFERENCES)
        from ...kernels import normal
        from ...kernels import tv as tv_kernels

        assert model.fused is not None
        self.layout, self.kernels, self.batch = normal, tv_kernels, batch
        self.rows, self.height = model.shape[0], normal.padded(model.shape[0])

    def start(self, b: Tensor) -> list[Any]:
        images = conjugate_gradients(self.model.normal, b.detach(), sparsity.START)
        return [(image, self._dual(image)) for image in self._columns(images)]

    def minimise(self, b: Tensor, weight: float, start: list[Any]) -> list[Any]:
        states = [(image.copy(), dual.copy()) for image, dual in start]
        for index, (item, (image, dual)) in enumerate(zip(self._columns(b), states, strict=True)):
            model, step = self._model(index), np.float32(self._step(index))
            radius, inner = np.float32(weight * step), self.transform.steps(weight)
            limits = inner, sparsity.OUTER, sparsity.TOLERANCE, sparsity.RECENT
            self.kernels.fista(item, image, dual, model, self._support(index), step, radius, self.rows, *limits)
        return states

    def image(self, state: list[Any]) -> Tensor:
        return self._tensor([self.layout.from_columns(image, self.rows) for image, _ in state])

    def dual(self, state: list[Any]) -> Tensor:
        pairs = [[dual[1:, :2], dual[1:, 2:]] for _, dual in state]
        return self._tensor([[self.layout.from_columns(part, self.rows) for part in pair] for pair in pairs])

    def between(self, one: list[Any], other: list[Any], share: float) -> list[Any]:
        pairs, part = zip(one, other, strict=True), np.float32(share)
        return [tuple(a + part * (b - a) for a, b in zip(state, last, strict=True)) for state, last in pairs]

    def _tensor(self, items: list[Any]) -> Tensor:
        stacked = torch.from_numpy(np.array(items))
        return stacked.reshape(*self.batch, *stacked.shape[1:])

    def _columns(self, images: Tensor) -> Iterator[Any]:
        items = images.detach().resolve_conj().reshape(-1, *self.model.shape).numpy()
        return (self.layout.to_columns(item, self.height) for item in items)

    def _dual(self, image: Any) -> Any:
        return np.zeros((image.shape[0] + 1, 4, self.height), np.float32)

    def _model(self, index: int) -> Any:
        models = self.model.fused or ()
        return models[index if len(models) > 1 else 0]

    def _support(self, index: int) -> Any:
        items = self.model.support.reshape(-1, *self.model.shape).numpy()
        item = items[index if len(items) > 1 else 0]
        padded = np.zeros((item.shape[1], self.height), np.float32)
        padded[:, : self.rows] = item.T
        return padded

    def _step(self, index: int) -> float:
        steps = self.step.reshape(-1)
        return float(steps[index if len(steps) > 1 else 0])
