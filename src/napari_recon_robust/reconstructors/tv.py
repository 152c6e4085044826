"""Total variation: a fast solver, its gradient, and families along the weight."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from ..knob import Knob, resolve
from ..measurement import Measurement
from ..physics.model import ForwardModel
from .base import Reconstructor
from .cg_sense import conjugate_gradients

START = 8  # conjugate gradient steps that give the first image
STEP = 1.3  # of the FISTA steps, times the largest eigenvalue; above 1 restarts keep it stable
OUTER = 200  # FISTA steps at most
TOLERANCE = 2e-4  # they end when the image changes by less, relative to its norm
SPACING = 0.2  # of the logarithms of weights whose solutions a family keeps to start from, which bounds their number
WARM_TOLERANCE = 8e-5  # from a start that is near already, steps are small
GRADIENT = 60  # conjugate gradient steps of the implicit gradient
STIFFNESS = 10.0  # the weight that keeps flat regions flat in it; more is exacter and slower


class TotalVariation(Reconstructor):
    """min_x 1/2 ||A x - y||^2 + w TV(x), data and image in units of `Measurement.scale`.

    TV(x) = sum_pixels sqrt(|x_down|^2 + |x_right|^2), the isotropic total variation of the complex image by
    forward differences (zero across the border). Where no coil sees anything the data leave x open, and it is
    handed out as zero. FISTA (Beck, Teboulle 2009, doi:10.1137/080716542) with
    restarts (O'Donoghue, Candes 2015, doi:10.1007/s10208-013-9150-3) and a long step (Liang, Luo, Schoenlieb
    2022, doi:10.1137/21M1395685); TV's proximal map by a few steps of fast gradient projection on its dual, which
    goes on from one FISTA step to the next.
    """

    id = "tv"
    label = "Total variation"
    summary = "Least squares with coil sensitivities and a sparse gradient; its weight turns live."
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
        ),
    )

    def reconstruct(self, measurement: Measurement, **knobs: Any) -> Tensor:
        """The image for `weight`."""
        image = minimiser(_right_hand_side(measurement), measurement.model, knobs["weight"])
        return _in_units(measurement, image)

    @torch.no_grad()
    def family(self, measurement: Measurement, points: Iterable[Mapping[str, Any]]) -> Iterator[Tensor]:
        """Each starts between the solutions with the next smaller and larger weights so far, else from the nearest."""
        b = _right_hand_side(measurement)
        solver = _solver(measurement.model, b)
        solved: dict[float, Any] = {}
        for point in points:
            weight = resolve(self.knobs, point)["weight"]
            below, above = [w for w in solved if w <= weight], [w for w in solved if w > weight]
            solver.tolerance = WARM_TOLERANCE if below and above else TOLERANCE
            if below and above:
                smaller, larger = max(below), min(above)
                share = math.log(weight / smaller) / math.log(larger / smaller)
                start = solver.between(solved[smaller], solved[larger], share)
            elif solved:
                start = solved[min(above) if above else max(below)]
            else:
                start = solver.start(b)
            state = solver.minimise(b, weight, start)
            if all(abs(math.log(weight / w)) > SPACING for w in solved):
                solved[weight] = state
            yield _in_units(measurement, solver.image(state))


def auto_weight(measurement: Measurement) -> float:
    """W = 0.15 sigma, sigma = `Measurement.noise_level`, within the knob's range: a rule without a reference.

    The rule was found on real brain scans, where it costs 7% of NMSE against the best weight. A batch gets its mean.
    """
    return rule(float(measurement.noise_level.mean()))


def rule(noise: float) -> float:
    """The weight for a noise level relative to the scale."""
    knob = TotalVariation.knobs[0]
    return min(max(0.15 * noise, knob.minimum), knob.maximum)


def minimiser(b: Tensor, model: ForwardModel, weight: float, tolerance: float | None = None) -> Tensor:
    """argmin_x 1/2 <x, A^H A x> - Re <b, x> + w TV(x), complex (..., rows, columns); differentiable in b.

    tolerance: when to stop, as `TOLERANCE`, which is the default.
    """
    image: Tensor = _Minimise.apply(b, model, weight, tolerance)
    return image


def total_variation(image: Tensor) -> Tensor:
    """sum_pixels sqrt(|x_down|^2 + |x_right|^2), real (...) of a complex image (..., rows, columns)."""
    return _length(_differences(image)).sum((-3, -2, -1))


def _right_hand_side(measurement: Measurement) -> Tensor:
    """A^H y / scale."""
    if not measurement.kspace.requires_grad:
        return measurement.combined / measurement.scale
    return measurement.model.adjoint(measurement.data) / measurement.scale


def _in_units(measurement: Measurement, image: Tensor) -> Tensor:
    """The image as it is handed out."""
    return measurement.crop(image * measurement.model.support * measurement.scale)


def _inner(weight: float) -> int:
    """Dual steps in each FISTA step: the more is smoothed, the farther the dual has to diffuse."""
    return round(min(max(9 * math.sqrt(weight / 2e-3), 5), 40))


class _Minimise(torch.autograd.Function):
    """A^H y -> x, with the implicit gradient at the solution.

    x = argmin 1/2 <x, A^H A x> - Re <b, x> + w sum |D x|. Where D x is not zero TV has a Hessian, w / |D x| across
    the direction of D x; elsewhere D x stays zero to first order, as if under a large weight. So dx/db is the
    inverse of A^H A + D^H W D, which is symmetric: conjugate gradients.
    """

    @staticmethod
    def forward(ctx: Any, b: Tensor, model: ForwardModel, weight: float, tolerance: float | None = None) -> Tensor:
        solver = _solver(model, b)
        solver.tolerance = TOLERANCE if tolerance is None else tolerance
        state = solver.minimise(b, weight, solver.start(b))
        ctx.solver, ctx.weight, ctx.state = solver, weight, state
        return solver.image(state)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        return ctx.solver.derivative(gradients[0], ctx.weight, ctx.state), None, None, None


S = TypeVar("S")


class _Solver(ABC, Generic[S]):
    """The solver for one model; a state S is an image and a dual of a whole batch."""

    def __init__(self, model: ForwardModel) -> None:
        self.model = model
        self.step = STEP / model.largest_eigenvalue
        self.tolerance = TOLERANCE

    @abstractmethod
    def start(self, b: Tensor) -> S:
        """The image after a few conjugate gradient steps, the dual zero."""

    @abstractmethod
    def minimise(self, b: Tensor, weight: float, start: S) -> S:
        """The solution from a start, which is kept as it is."""

    @abstractmethod
    def between(self, one: S, other: S, share: float) -> S:
        """One state plus a share of the way to the other."""

    @abstractmethod
    def image(self, state: S) -> Tensor:
        """The image of a state, complex (..., rows, columns)."""

    @abstractmethod
    def dual(self, state: S) -> Tensor:
        """The dual of a state, complex (..., 2, rows, columns), times the step."""

    def derivative(self, direction: Tensor, weight: float, state: S) -> Tensor:
        """dx/db at a solution, applied to a direction like b."""
        step = self.step.unsqueeze(-3)
        at = self.dual(state) + _differences(self.image(state)) / 8
        # At the solution |at| = step w + |D x| / 8 where D x is not zero, and at points along D x.
        excess = _length(at) / (step * weight) - 1
        stiffness = (8 * step * excess.clamp_min(0)).reciprocal().clamp_max(STIFFNESS)
        along = torch.where(excess > 0, at / _length(at), torch.zeros_like(at))

        def hessian(u: Tensor) -> Tensor:
            e = _differences(u)
            e = stiffness * (e - (along.conj() * e).real.sum(-3, keepdim=True) * along)
            return self.model.normal(u) + _divergence(e)

        return conjugate_gradients(hessian, direction, GRADIENT)


def _solver(model: ForwardModel, b: Tensor) -> _Solver[Any]:
    fits = b.dtype == torch.complex64 and model.sensitivities.shape[:-3] in ((), b.shape[:-2])
    return _FusedSolver(model, b.shape[:-2]) if fits and model.fused is not None else _TorchSolver(model)


@dataclass(frozen=True)
class _State:
    """Image (..., rows, columns) and dual (..., 2, rows, columns), the latter times the step."""

    image: Tensor
    dual: Tensor


class _TorchSolver(_Solver[_State]):
    """For every device, pattern and precision."""

    def start(self, b: Tensor) -> _State:
        image = conjugate_gradients(self.model.normal, b, START)
        return _State(image, torch.zeros_like(_differences(b)))

    def minimise(self, b: Tensor, weight: float, start: _State) -> _State:
        """FISTA; an item of the batch that has converged stays as it is."""
        x, p, inner = start.image, start.dual, _inner(weight)
        radius = weight * self.step.unsqueeze(-3)
        z, t = x, torch.ones_like(self.step)
        going = torch.ones((*b.shape[:-2], 1, 1), dtype=torch.bool, device=b.device)
        for _ in range(OUTER):
            v = z - self.step * (self.model.normal(z) - b)
            q, s, u = p, p, 1.0
            for _ in range(inner):
                following = _following(u)
                q, last_q = s + _differences(v - _divergence(s)) / 8, q
                q = q * (radius / torch.maximum(_length(q), radius))
                s = q + (u - 1) / following * (q - last_q)
                u = following
            new = v - _divergence(q)
            uphill = ((z - new).conj() * (new - x)).real.sum((-2, -1), keepdim=True) > 0
            t = torch.where(uphill, torch.ones_like(t), t)
            following_t = _following(t)
            z = new + (t - 1) / following_t * (new - x)
            t = following_t
            change, size = (torch.linalg.vector_norm(a, dim=(-2, -1), keepdim=True) for a in (new - x, new))
            x, p = torch.where(going, new, x), torch.where(going.unsqueeze(-3), q, p)
            going = going & (change > self.tolerance * size)
            if not going.any():
                break
        return _State(x, p)

    def between(self, one: _State, other: _State, share: float) -> _State:
        return _State(torch.lerp(one.image, other.image, share), torch.lerp(one.dual, other.dual, share))

    def image(self, state: _State) -> Tensor:
        return state.image

    def dual(self, state: _State) -> Tensor:
        return state.dual


class _FusedSolver(_Solver[list[Any]]):
    """For sampled lines on the CPU: item by item in the kernels of `tv_kernels`; a state is a list of (image, dual)."""

    def __init__(self, model: ForwardModel, batch: torch.Size) -> None:
        super().__init__(model)
        from ..physics import kernels
        from . import tv_kernels

        assert model.fused is not None
        self.layout, self.kernels, self.batch = kernels, tv_kernels, batch
        self.rows, self.height = model.shape[0], kernels.padded(model.shape[0])

    def start(self, b: Tensor) -> list[Any]:
        states = []
        for index, item in enumerate(self._columns(b)):
            image = np.zeros_like(item)
            self.kernels.conjugate_gradients(item, image, self._model(index), START)
            states.append((image, self._dual(item)))
        return states

    def minimise(self, b: Tensor, weight: float, start: list[Any]) -> list[Any]:
        states = [(image.copy(), dual.copy()) for image, dual in start]
        for index, (item, (image, dual)) in enumerate(zip(self._columns(b), states, strict=True)):
            model, step = self._model(index), np.float32(self._step(index))
            radius, inner = np.float32(weight * step), _inner(weight)
            self.kernels.fista(item, image, dual, model, step, radius, self.rows, inner, OUTER, self.tolerance)
        return states

    def between(self, one: list[Any], other: list[Any], share: float) -> list[Any]:
        part = np.float32(share)
        pairs = zip(one, other, strict=True)
        return [tuple(a + part * (b - a) for a, b in zip(state, last, strict=True)) for state, last in pairs]

    def image(self, state: list[Any]) -> Tensor:
        return self._tensor([self.layout.from_columns(image, self.rows) for image, _ in state])

    def dual(self, state: list[Any]) -> Tensor:
        pairs = [[dual[1:, :2], dual[1:, 2:]] for _, dual in state]
        return self._tensor([[self.layout.from_columns(part, self.rows) for part in pair] for pair in pairs])

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

    def _step(self, index: int) -> float:
        steps = self.step.reshape(-1)
        return float(steps[index if len(steps) > 1 else 0])


def _following(t: Any) -> Any:
    """Nesterov's sequence."""
    return (1 + (1 + 4 * t * t) ** 0.5) / 2


def _differences(image: Tensor) -> Tensor:
    """D x: forward differences (down, right), complex (..., 2, rows, columns), zero across the border."""
    down = pad(image[..., 1:, :] - image[..., :-1, :], (0, 0, 0, 1))
    right = pad(image[..., :, 1:] - image[..., :, :-1], (0, 1))
    return torch.stack((down, right), dim=-3)


def _divergence(p: Tensor) -> Tensor:
    """D^H p, the adjoint of `_differences`."""
    down, right = p[..., 0, :-1, :], p[..., 1, :, :-1]
    return pad(down, (0, 0, 1, 0)) - pad(down, (0, 0, 0, 1)) + pad(right, (1, 0)) - pad(right, (0, 1))


def _length(p: Tensor) -> Tensor:
    """sqrt(|p_down|^2 + |p_right|^2), real (..., 1, rows, columns)."""
    return (p.real.square() + p.imag.square()).sum(-3, keepdim=True).sqrt()
