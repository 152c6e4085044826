"""Conjugate gradients for A^H A, and the equations that are solved by them."""

import math
from collections import deque
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from ...physics.model import ForwardModel

ROUNDING = 8  # times the precision: a residual this small, relative to b, is rounding


def tikhonov(model: ForwardModel, b: Tensor, weight: float | Tensor, iterations: int) -> Tensor:
    """Conjugate gradient steps from x = 0 towards the x of (A^H A + w I) x = b; differentiable."""
    return conjugate_gradients(lambda x: model.normal(x) + weight * x, b, iterations)


def proximal(model: ForwardModel, b: Tensor, z: Tensor, weight: float | Tensor, iterations: int) -> Tensor:
    """Conjugate gradient steps from x = z towards the x of (A^H A + w I) x = b + w z; differentiable.

    With b = A^H y that x is argmin_x ||A x - y||^2 + w ||x - z||^2.
    """
    return z + tikhonov(model, b - model.normal(z), weight, iterations)


def conjugate_gradients(operator: Callable[[Tensor], Tensor], b: Tensor, iterations: int) -> Tensor:
    """`iterations` steps towards H x = b from x = 0, H Hermitian and positive, b complex (..., rows, columns).

    Every batch item has its own step sizes. An item that is solved to rounding does not change any more: steps along
    what rounding left would grow without bound where H is singular.
    """
    return solution_and_residual(operator, b, iterations)[0]


def solution_and_residual(operator: Callable[[Tensor], Tensor], b: Tensor, iterations: int) -> tuple[Tensor, Tensor]:
    """The x of `conjugate_gradients`, and the residual b - H x."""
    return deque(iterates(operator, b, iterations), maxlen=1).pop()


def iterates(operator: Callable[[Tensor], Tensor], b: Tensor, iterations: int) -> Iterator[tuple[Tensor, Tensor]]:
    """What `solution_and_residual` returns, as it is before the first step and after each."""
    x, r, p = torch.zeros_like(b), b, b
    energy = squared_norm(r)
    solved = (ROUNDING * torch.finfo(b.dtype).eps) ** 2 * energy
    yield x, r
    for _ in range(iterations):
        hp = operator(p)
        x_step = _ratio(energy, (p.conj() * hp).real.sum((-2, -1), keepdim=True))
        x_step = torch.where(energy > solved, x_step, 0.0)
        x, r = x + x_step * p, r - x_step * hp
        previous, energy = energy, squared_norm(r)
        p = r + _ratio(energy, previous) * p
        yield x, r


def steps_needed(condition: float, precision: float) -> int:
    """The n with which 2 exp(-2 n / sqrt(condition)) is at most `precision`.

    It bounds the error in the norm sqrt(x^H H x) of the operator H, relative to that of the start.
    """
    return math.ceil(math.log(2 / precision) / 2 * math.sqrt(condition))


def squared_norm(x: Tensor) -> Tensor:
    """||x||^2 of each image, real (..., 1, 1)."""
    return (x.real.square() + x.imag.square()).sum((-2, -1), keepdim=True)


def _ratio(numerator: Tensor, denominator: Tensor) -> Tensor:
    """The ratio, and 0 (with a zero gradient) where the denominator is 0."""
    positive = denominator > 0
    return torch.where(positive, numerator / torch.where(positive, denominator, 1.0), 0.0)
