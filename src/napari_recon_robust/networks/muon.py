"""Muon: momentum with an orthogonal update of each kernel, so that all its directions are learned equally fast."""

from collections.abc import Callable, Iterable
from typing import cast

import torch
from torch import Tensor, nn

_HIDDEN = 16  # least number of channels on either side of a convolution that Muon trains
_MOMENTUM = 0.95
# x -> a x + b x^3 + c x^5 takes singular values from 0.002 to 1 to between 0.68 and 1.21 in five rounds; smaller ones
# grow at most 3.4445^5 = 485 times.
_ROUNDS, _QUINTIC = 5, (3.4445, -4.7750, 2.0315)


class Muon(torch.optim.Optimizer):
    """W <- (1 - lr d) W - lr sqrt(max(1, rows / columns)) orthogonal(G + ...), W a kernel as a matrix.

    W is (outputs, inputs x taps). Muon is for hidden convolutions; AdamW trains first and last layers, biases and
    gains. Source: Jordan et al. 2024, https://kellerjordan.github.io/posts/muon. On a small unrolled network it reached
    twice AdamW's improvement in 1000 steps. The decay d keeps the spectral norm below 1 / d: each update has the same
    size, so that kernels would otherwise grow for as long as they are trained (Liu et al. 2025,
    https://arxiv.org/abs/2502.16982).

    A kernel whose gradient is zero is not changed, while its momentum fades. Behind units that are never active the
    momentum of the last gradients would otherwise go on moving it at the full rate.
    """

    def __init__(self, parameters: Iterable[Tensor], lr: float, weight_decay: float = 0.0) -> None:
        super().__init__(parameters, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Update the kernels from their gradients, with Nesterov momentum."""
        if closure is not None:
            raise TypeError("Muon takes no closure.")
        for group in self.param_groups:
            alike: dict[torch.Size, list[Tensor]] = {}
            for kernel in group["params"]:
                if kernel.grad is not None:
                    alike.setdefault(kernel.shape, []).append(kernel)
            for kernels in alike.values():  # a GPU spends its time on the number of operations, not on their size
                self._update(kernels, group["lr"], group["weight_decay"])

    def _update(self, kernels: list[Tensor], rate: float, decay: float) -> None:
        """Update kernels of one shape."""
        means = [self.state[kernel].setdefault("mean", torch.zeros_like(kernel)) for kernel in kernels]
        old, gradient = torch.stack(kernels), torch.stack([cast(Tensor, kernel.grad) for kernel in kernels])
        learning = (gradient != 0).flatten(1).any(1).reshape(-1, *[1] * kernels[0].ndim)
        mean = torch.stack(means).lerp(gradient, 1 - _MOMENTUM)
        update = orthogonalise(gradient.lerp(mean, _MOMENTUM).flatten(2))
        stretch = max(1.0, update.shape[-2] / update.shape[-1]) ** 0.5
        new = (1 - rate * decay) * old - rate * stretch * update.view_as(old)
        for places, values in ((kernels, torch.where(learning, new, old)), (means, mean)):
            torch._foreach_copy_(places, list(values))


def optimisers(
    network: nn.Module, rate: float, muon: float | None, weight_decay: float = 0.0
) -> list[torch.optim.Optimizer]:
    """AdamW at a learning rate, and Muon at its own rate for the hidden convolutions.

    muon: its rate; None leaves the hidden convolutions to AdamW too. weight_decay: that of Muon.
    """
    hidden = [p for p in network.parameters() if p.ndim == 4 and min(p.shape[:2]) >= _HIDDEN] if muon else []
    chosen = {id(p) for p in hidden}
    rest = [p for p in network.parameters() if id(p) not in chosen]
    # Squares are averaged over 100 steps, not 1000: the kernels that Muon moves change the inputs of the others.
    betas = (0.9, 0.99 if hidden else 0.999)
    found: list[torch.optim.Optimizer] = [torch.optim.AdamW(rest, rate, betas=betas, weight_decay=0.0)]
    if muon and hidden:
        found.append(Muon(hidden, muon, weight_decay))
    return found


def orthogonalise(matrix: Tensor) -> Tensor:
    """About U V^T of the singular value decomposition U S V^T: singular values become 0.7 to 1.3 where S is not small.

    matrix: real (..., outputs, inputs), like the result.

    This holds for any scale of the matrix. Its entries are first brought near one (by a power of two, which is exact):
    squares of entries of 1e-23 are lost in float32, and with a norm that is too small the rounds diverge. Each
    round is a polynomial of X X^T, so they are multiplied there, and meet X once: a kernel is far wider than high.
    """
    a, b, c = _QUINTIC
    wide = matrix.shape[-2] <= matrix.shape[-1]
    x = matrix if wide else matrix.mT
    x = torch.ldexp(x, -torch.frexp(x.abs().amax((-2, -1), keepdim=True)).exponent.clamp(-126, 126))
    norm = torch.linalg.matrix_norm(x, keepdim=True)
    x = x / torch.where(norm > 0, norm, 1.0)
    gram = x @ x.mT
    product = torch.eye(x.shape[-2], dtype=x.dtype, device=x.device)
    for _ in range(_ROUNDS):
        factor = b * gram + c * gram @ gram
        factor.diagonal(dim1=-2, dim2=-1).add_(a)
        product, gram = factor @ product, factor @ gram @ factor
    x = product @ x
    return x if wide else x.mT
