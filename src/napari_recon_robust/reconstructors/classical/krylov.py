"""Conjugate gradient steps at many Tikhonov weights for the price of one."""

from collections.abc import Callable

import torch
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
        self._size = squared_norm(b).sqrt()
        self._basis = [b / torch.where(self._size > 0, self._size, 1.0)]
        self._diagonal: list[Tensor] = []
        self._beside = [torch.zeros_like(self._size)]  # the tridiagonal matrix's, each (..., 1, 1)

    def solution(self, weight: float | Tensor, steps: int) -> Tensor:
        """The image after `steps` steps, complex (..., rows, columns). weight: w, a number or real (..., 1, 1)."""
        while len(self._diagonal) < steps:
            self._extend()
        diagonal, beside = (_row(values) for values in (self._diagonal[:steps], self._beside[1:steps]))
        system = torch.diag_embed(diagonal + _row([torch.as_tensor(weight).expand_as(self._size)]))
        if steps > 1:
            system += torch.diag_embed(beside, 1) + torch.diag_embed(beside, -1)
        right = torch.zeros_like(diagonal)
        right[..., 0] = _row([self._size])[..., 0]
        found = torch.linalg.solve(system, right).to(self._basis[0])
        image = torch.zeros_like(self._basis[0])
        for number in range(steps):
            image.addcmul_(found[..., number, None, None], self._basis[number])
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


def _row(values: list[Tensor]) -> Tensor:
    """Numbers (..., 1, 1) of each step side by side, float64 (..., steps), on the CPU: there are few of them."""
    if not values:
        return torch.zeros(0, dtype=torch.float64)
    return torch.stack([value[..., 0, 0] for value in values], -1).cpu().double()
