"""Least squares with a sparse transform of the image: the solver, its gradient, and families along the weight."""

import math
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

from ...data.measurement import Measurement, adjoint_image
from ...physics.model import ForwardModel
from ..base import Reconstructor
from .conjugate_gradients import conjugate_gradients

START = 8  # conjugate gradient steps that give the first image
STEP = 1.3  # length of the FISTA steps, times the bound of the eigenvalues; above 1 restarts keep it stable
OUTER = 200  # FISTA steps at most
TOLERANCE = 1e-4  # steps end when the recent changes of the image are smaller, relative to its norm
RECENT = 0.8  # weight of the previous change: after a restart steps are small, also far from the solution
SPACING = 0.2  # least distance of log weights whose solutions a family keeps to start from; it bounds their number
GRADIENT = 60  # conjugate gradient steps of the implicit gradient
STIFFNESS = 10.0  # in the implicit gradient, the weight that keeps zeros of D x at zero; a larger one is exact but slow


class Transform(ABC):
    """The linear D of R(x) = sum_k l_k |(D x)_k|, from (..., rows, columns) to (..., bands, rows, columns), complex.

    bound: no eigenvalue of D D^H exceeds it. limits: l_k, a number or broadcastable to D x.
    """

    bound: float
    limits: float | Tensor = 1.0

    @abstractmethod
    def forward(self, image: Tensor) -> Tensor:
        """D x."""

    @abstractmethod
    def adjoint(self, p: Tensor) -> Tensor:
        """D^H p."""

    @abstractmethod
    def inner(self, a: Tensor, b: Tensor) -> Tensor:
        """Re <a_k, b_k>, real, broadcastable to D x; k is one entry, or several that are taken together."""

    def length(self, p: Tensor) -> Tensor:
        """|p_k| of each k."""
        return self.inner(p, p).sqrt()

    def value(self, image: Tensor) -> Tensor:
        """R(x), real (...)."""
        return (self.limits * self.length(self.forward(image))).sum((-3, -2, -1))

    @abstractmethod
    def steps(self, weight: float) -> int:
        """How many dual steps a proximal map takes when it starts from the dual before."""

    def proximal(self, v: Tensor, p: Tensor, radius: float | Tensor, steps: int) -> Tensor:
        """The dual p of argmin_x 1/2 ||x - v||^2 + sum_k r_k |(D x)_k|, x = v - D^H p, |p_k| <= r_k.

        It is found by fast gradient projection from p on. Beck, Teboulle 2009, doi:10.1109/TIP.2009.2028250.
        """
        q, before, ahead, u = p, p, 0.0, 1.0
        for _ in range(steps):
            s = q + ahead * (q - before) if ahead else q
            ahead, u = (u - 1) / momentum(u), momentum(u)
            before = q
            q = s + self.forward(v - self.adjoint(s)) / self.bound
            q = q * (radius / torch.maximum(self.length(q), torch.as_tensor(radius)))
        return q


@dataclass(frozen=True)
class State:
    """The image (..., rows, columns), and the dual (..., bands, rows, columns) times the step."""

    image: Tensor
    dual: Tensor


S = TypeVar("S")


class Solver(ABC, Generic[S]):
    """Solves min_x 1/2 <x, A^H A x> - Re <b, x> + w R(x) for one model; iterations go on from a state S."""

    def __init__(self, model: ForwardModel) -> None:
        self.model = model

    @abstractmethod
    def start(self, b: Tensor) -> S:
        """The first state, which does not depend on the weight."""

    @abstractmethod
    def minimise(self, b: Tensor, weight: float, start: S) -> S:
        """The state at the solution, found from a start; the start is not changed."""

    def iterates(self, b: Tensor, weight: float, start: S) -> Iterator[S]:
        """The states on the way of `minimise`, the last one at the solution; by default there is no other."""
        yield self.minimise(b, weight, start)

    @abstractmethod
    def image(self, state: S) -> Tensor:
        """The image of a state, complex (..., rows, columns)."""

    @abstractmethod
    def derivative(self, direction: Tensor, weight: float, state: S) -> Tensor:
        """dx/db at a solution, applied to a direction like b."""


class DualSolver(Solver[S]):
    """A solver for one transform; its state holds the image and the dual of a whole batch."""

    def __init__(self, model: ForwardModel, transform: Transform) -> None:
        super().__init__(model)
        self.transform = transform
        self.step = STEP / model.eigenvalue_bound

    @abstractmethod
    def dual(self, state: S) -> Tensor:
        """The dual of a state, complex (..., bands, rows, columns), times the step."""

    @abstractmethod
    def between(self, one: S, other: S, share: float) -> S:
        """One state plus a share of the way to the other."""

    def derivative(self, direction: Tensor, weight: float, state: S) -> Tensor:
        """dx/db at a solution, applied to a direction like b."""
        transform, step = self.transform, self.step.unsqueeze(-3)
        at = self.dual(state) + transform.forward(self.image(state)) / transform.bound
        length = transform.length(at)
        # At the solution |at| = step w l + |D x| / bound where D x is not zero, and at points along D x.
        excess = length / (step * weight * transform.limits) - 1
        stiffness = (transform.bound * step * excess.clamp_min(0)).reciprocal().clamp_max(STIFFNESS)
        along = torch.where(excess > 0, at / length, torch.zeros_like(at))

        def hessian(u: Tensor) -> Tensor:
            e = transform.forward(u)
            e = stiffness * (e - transform.inner(along, e) * along)
            return self.model.normal(u) + transform.adjoint(e)

        return conjugate_gradients(hessian, direction, GRADIENT)


class TensorSolver(DualSolver[State]):
    """A solver whose state is a `State`, for every device, pattern and precision."""

    def start(self, b: Tensor) -> State:
        """The image after a few conjugate gradient steps, the dual zero."""
        image = conjugate_gradients(self.model.normal, b, START)
        return State(image, torch.zeros_like(self.transform.forward(b)))

    def image(self, state: State) -> Tensor:
        """The image of a state, complex (..., rows, columns)."""
        return state.image

    def dual(self, state: State) -> Tensor:
        """The dual of a state, complex (..., bands, rows, columns), times the step."""
        return state.dual

    def between(self, one: State, other: State, share: float) -> State:
        """A state whose image and dual are interpolated linearly."""
        return State(torch.lerp(one.image, other.image, share), torch.lerp(one.dual, other.dual, share))


class FISTA(TensorSolver):
    """FISTA (Beck, Teboulle 2009, doi:10.1137/080716542) with restarts and a long step.

    O'Donoghue, Candes 2015, doi:10.1007/s10208-013-9150-3 (restarts); Liang, Luo, Schoenlieb 2022,
    doi:10.1137/21M1395685 (step). The proximal map's dual goes on from one step to the next. Pixels outside every
    coil's sensitivity have no momentum and do not count for restarts and the end: no data pull the image back there,
    and with momentum it would not come to rest, nor, through the differences, would the image beside it.
    """

    def minimise(self, b: Tensor, weight: float, start: State) -> State:
        """The state at the solution; an item of the batch that has converged does not change any more."""
        return deque(self.iterates(b, weight, start), maxlen=1).pop()

    def iterates(self, b: Tensor, weight: float, start: State) -> Iterator[State]:
        """The state after each step."""
        x, p, inner = start.image, start.dual, self.transform.steps(weight)
        radius = weight * self.step.unsqueeze(-3) * self.transform.limits
        z, t, recent = x, torch.ones_like(self.step), torch.zeros_like(self.step)
        going = torch.ones((*b.shape[:-2], 1, 1), dtype=torch.bool, device=b.device)
        seen = self.model.support
        for _ in range(OUTER):
            v = z - self.step * (self.model.normal(z) - b)
            q = self.transform.proximal(v, p, radius, inner)
            new = v - self.transform.adjoint(q)
            moved = seen * (new - x)
            uphill = ((z - new).conj() * moved).real.sum((-2, -1), keepdim=True) > 0
            t = torch.where(uphill, torch.ones_like(t), t)
            following = momentum(t)
            z = new + (t - 1) / following * moved
            t = following
            change, size = image_norm(moved), image_norm(seen * new)
            x, p = torch.where(going, new, x), torch.where(going.unsqueeze(-3), q, p)
            recent = torch.maximum(change, RECENT * recent)
            going = going & (recent > TOLERANCE * size)
            yield State(x, p)
            if not going.any():
                break


def minimiser(solver: Solver[Any], b: Tensor, weight: float) -> Tensor:
    """argmin_x 1/2 <x, A^H A x> - Re <b, x> + w R(x), complex (..., rows, columns); differentiable in b."""
    image: Tensor = _Minimise.apply(b, solver, weight)
    return image


class _Minimise(torch.autograd.Function):
    """A^H y -> x, with the implicit gradient at the solution.

    x = argmin 1/2 <x, A^H A x> - Re <b, x> + w sum |D x|. Where D x is not zero, R has a Hessian, w / |D x| across
    the direction of D x; elsewhere D x stays zero to first order, as if under a large weight. So dx/db is the
    inverse of A^H A + D^H W D, which is symmetric, and conjugate gradients apply it.
    """

    @staticmethod
    def forward(ctx: Any, b: Tensor, solver: Solver[Any], weight: float) -> Tensor:
        state = solver.minimise(b, weight, solver.start(b))
        ctx.solver, ctx.weight, ctx.state = solver, weight, state
        return solver.image(state)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        return ctx.solver.derivative(gradients[0], ctx.weight, ctx.state), None, None


class SparseReconstructor(Reconstructor):
    """min_x 1/2 ||A x - y||^2 + w R(x), data and image in units of `Measurement.scale`, w the knob `weight`."""

    @abstractmethod
    def solver(self, model: ForwardModel, b: Tensor) -> DualSolver[Any]:
        """The solver that suits the model and a right-hand side like b."""

    def reconstruct(self, measurement: Measurement, **knobs: Any) -> Tensor:
        """The image for `weight`."""
        b = right_hand_side(measurement)
        return in_units(measurement, minimiser(self.solver(measurement.model, b), b, knobs["weight"]))

    @torch.no_grad()
    def family(self, measurement: Measurement, points: Iterable[Mapping[str, Any]]) -> Iterator[Tensor]:
        """The images; each starts between the solved neighbours, those with the next smaller and larger weight.

        Where there is no neighbour on one side, it starts from the nearest solution.
        """
        b = right_hand_side(measurement)
        solver = self.solver(measurement.model, b)
        solved: dict[float, Any] = {}
        for point in points:
            weight = point["weight"]
            below, above = [w for w in solved if w <= weight], [w for w in solved if w > weight]
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
            yield in_units(measurement, solver.image(state))


def right_hand_side(measurement: Measurement) -> Tensor:
    """A^H y / scale, complex (..., rows, columns)."""
    return adjoint_image(measurement) / measurement.scale


def in_units(measurement: Measurement, image: Tensor) -> Tensor:
    """The image in the scan's units, cropped, and zero outside every coil's sensitivity."""
    return measurement.crop(image * measurement.model.support * measurement.scale)


def momentum(t: Any) -> Any:
    """The next term of Nesterov's sequence."""
    return (1 + (1 + 4 * t * t) ** 0.5) / 2


def image_norm(image: Tensor) -> Tensor:
    """||x|| of each image of a batch (..., rows, columns), real (..., 1, 1)."""
    norm: Tensor = torch.linalg.vector_norm(image, dim=(-2, -1), keepdim=True)
    return norm
