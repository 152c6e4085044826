"""Data consistency in unrolled networks: (A^H A + w I)^-1, exactly or by conjugate gradients."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from ...physics.model import ForwardModel
from ..classical.conjugate_gradients import steps_needed, tikhonov

_PROBES = 4
_PRECISION = 1e-3  # of an iterative inverse; images are then within 6e-5 of those with 1e-5


class DataConsistency(ABC):
    """P = (A^H A + w I)^-1 for one penalty w; for sampled lines also for a batch with one each.

    diagonal: diag P, float32 (..., rows, columns), without a gradient.
    """

    penalty: Tensor
    diagonal: Tensor

    def solve(self, image: Tensor) -> Tensor:
        """P applied to an image, complex64 (..., rows, columns); differentiable in it, and in w."""
        result: Tensor = _Solve.apply(image, self.penalty, self._apply)
        return result

    @abstractmethod
    def _apply(self, image: Tensor) -> Tensor:
        """P applied to an image, without a gradient."""


def data_consistency(model: ForwardModel, penalty: Tensor) -> DataConsistency:
    """P for a model and a penalty: exact, row by row, if lines are sampled, else by converged conjugate gradients."""
    return RowInverse(model, penalty) if model.dims == (-1,) else IterativeInverse(model, penalty)


class RowInverse(DataConsistency):
    """P = (N + w I)^-1, N = A^H A, for sampled lines, where N is block diagonal: one block for each image row.

    N[p, q] = g[p - q] sum_i conj(S_i[p]) S_i[q] within a row, g the inverse transform of the row's mask (its
    point-spread function): no transform of images is needed to set it up, and the Cholesky inverse is exact.
    """

    def __init__(self, model: ForwardModel, penalty: Tensor) -> None:
        self.penalty = penalty
        with torch.no_grad():
            normal = row_normal(model)
            normal.diagonal(dim1=-2, dim2=-1).add_(penalty.detach())
            self.inverse = torch.cholesky_inverse(torch.linalg.cholesky(normal))
            self.diagonal = self.inverse.diagonal(dim1=-2, dim2=-1).real.contiguous()

    def _apply(self, image: Tensor) -> Tensor:
        return (self.inverse @ image.unsqueeze(-1)).squeeze(-1)


def row_normal(model: ForwardModel) -> Tensor:
    """N of sampled lines as its blocks, complex64 (..., rows, columns, columns)."""
    maps = model.sensitivities.movedim(-3, -1)
    columns = maps.shape[-2]
    mask = model.mask if model.mask.ndim == 2 else model.mask.squeeze(-3)
    # Circular shifts commute with N, so the centred transforms need none here.
    spread = torch.fft.ifft(torch.fft.ifftshift(mask.to(maps.dtype), -1))
    index = torch.arange(columns, device=maps.device)
    return (maps.conj() @ maps.mT).mul_(spread[..., (index[:, None] - index) % columns])


class IterativeInverse(DataConsistency):
    """P for 2-D patterns, of one slice, by converged conjugate gradients. Random probes give its diagonal.

    diag P = E[conj(v) P v] for v with independent entries of unit modulus (Hutchinson); the estimate is smoothed.
    """

    def __init__(self, model: ForwardModel, penalty: Tensor) -> None:
        self.model, self.penalty = model, penalty
        self.iterations = steps_needed(1 + 1 / float(penalty.detach()), _PRECISION)  # A^H A has no eigenvalue above 1
        with torch.no_grad():
            generator = torch.Generator().manual_seed(0)
            angle = 2 * torch.pi * torch.rand(_PROBES, *model.shape, generator=generator, dtype=torch.float32)
            probes = torch.polar(torch.ones_like(angle), angle).to(model.sensitivities.device)
            estimate = (probes.conj() * self._apply(probes)).real.mean(0)
            smooth = functional.avg_pool2d(estimate[None], 9, 1, 4, count_include_pad=False)[0]
            self.diagonal = smooth.clamp(1 / (1 + penalty), 1 / penalty)

    def _apply(self, image: Tensor) -> Tensor:
        return tikhonov(self.model, image, self.penalty.detach(), self.iterations)


class _Solve(torch.autograd.Function):
    """x = P(w) b: the gradient of b is P g, that of w is -Re <P g, x> (P is Hermitian)."""

    @staticmethod
    def forward(ctx: Any, image: Tensor, penalty: Tensor, apply: Callable[[Tensor], Tensor]) -> Tensor:
        solution = apply(image)
        ctx.save_for_backward(solution)
        ctx.operator, ctx.shape = apply, penalty.shape
        return solution

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        (solution,) = ctx.saved_tensors
        gradient = ctx.operator(gradients[0])
        of_penalty = -(gradient.conj() * solution).real.sum((-2, -1), keepdim=True)
        return gradient, of_penalty.reshape(ctx.shape), None
