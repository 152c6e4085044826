"""Conjugate gradient steps at many Tikhonov weights for the price of one."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .conjugate_gradients import ROUNDING, squared_norm


class KrylovSpace:
    """Images to which conjugate gradient steps on (H + w I) x = b lead from zero, for any w > 0 and number of steps.

    What H and b span does not depend on w. Its basis is made once (Lanczos), by one product with H for each step; an
    image is then a weighted sum of the basis, by a small tridiagonal system. The images are those of
    `conjugate_gradients.tikhonov` up to rounding, without a gradient. Frommer and Maass 1999,
    doi:10.1137/S1064827596313310.

    operator: H, Hermitian and not negative, of which every batch item has its own. b: complex (..., rows, columns).
    """

    def __init__(self, operator: Callable[[Tensor], Tensor], b: Tensor) -> None:
        self._operator = operator
        self._size = squared_norm(b.detach()).sqrt()
        self._basis = [b.detach() / torch.where(self._size > 0, self._size, 1.0)]
        self._diagonal: list[Tensor] = []  # of the tridiagonal matrix, each (..., 1, 1), and what is beside it
        self._beside = [torch.zeros_like(self._size)]

    @torch.no_grad()
    def solution(self, weight: float | Tensor, steps: int) -> Tensor:
        """The image after `steps` steps, complex (..., rows, columns). weight: w, a number or real (..., 1, 1)."""
        while len(self._diagonal) < steps:
            self._extend()
        shift = _precisely(torch.as_tensor(weight, dtype=None if isinstance(weight, Tensor) else torch.float64))
        diagonal, beside = (list(map(_precisely, values)) for values in (self._diagonal[:steps], self._beside[1:steps]))
        left = _precisely(self._size)  # the norm of the residual, with a sign
        least = ROUNDING * torch.finfo(self._size.dtype).eps * left
        pivot = diagonal[0] + shift
        shares, factors = [left / pivot], list[NDArray[np.float64]]()
        for here, between in zip(diagonal[1:], beside, strict=True):
            factor = between / pivot
            left = -factor * left
            solved = np.abs(left) <= least  # further steps would follow what rounding left, as in `conjugate_gradients`
            factor, left = np.where(solved, 0.0, factor), np.where(solved, 0.0, left)
            pivot = here + shift - factor * between
            shares.append(left / pivot)
            factors.append(factor)
        for number, factor in reversed(list(enumerate(factors))):
            shares[number] = shares[number] - factor * shares[number + 1]
        image = torch.zeros_like(self._basis[0])
        for share, vector in zip(shares, self._basis, strict=False):
            image.addcmul_(torch.from_numpy(share).to(vector), vector)
        return image

    def _extend(self) -> None:
        """One product with H, and the next vector of the basis: zero, once the space is complete up to rounding."""
        last = self._basis[-1]
        product = self._operator(last)
        share = (last.conj() * product).real.sum((-2, -1), keepdim=True)
        rest = product - share * last
        if self._diagonal:
            rest -= self._beside[-1] * self._basis[-2]
        left = squared_norm(rest).sqrt()
        rounding = ROUNDING * torch.finfo(left.dtype).eps * squared_norm(product).sqrt()
        left = torch.where(left > rounding, left, 0.0)
        self._diagonal.append(share)
        self._beside.append(left)
        self._basis.append(torch.where(left > 0, rest / torch.where(left > 0, left, 1.0), 0.0))


def _precisely(value: Tensor) -> NDArray[np.float64]:
    """A few numbers in float64, which not every device has."""
    return np.asarray(value.cpu().double().numpy())
