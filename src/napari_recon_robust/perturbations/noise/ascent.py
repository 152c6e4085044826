"""A search by gradients: an algorithm proposes, the objective answers, the best is kept.

An algorithm takes radius, steps, warm and start, as `ascend` does, and proposes one z after the other.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from .objective import Objective

# Proposes the next z (coils, readout, phase), and is sent L(z) and its gradient in return.
Moves = Generator[Tensor, tuple[float, Tensor], None]
Algorithm = Callable[[Tensor, int, bool, Tensor], Moves]


@dataclass(frozen=True, eq=False)
class Ascent:
    """A search so far: the best z (coils, readout, phase), its image if known, the loss of every iterate.

    clean: the reconstruction of the clean samples, if the search made it. flat: the gradient was zero, so that
    there is no direction to go. findings, details: what the search says about itself, as in `Perturbed`.
    """

    z: Tensor
    image: Tensor | None
    loss: tuple[float, ...]
    clean: Tensor | None = None
    flat: bool = False
    findings: Mapping[str, str] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)


Search = Generator[Ascent, None, Ascent]


def ascend(
    objective: Objective,
    algorithm: Algorithm,
    radius: Tensor,
    steps: int,
    *,
    start: Tensor,
    warm: bool = False,
    clean_loss: float | None = None,
    noise: Callable[[], Tensor] | None = None,
) -> Search:
    """The best of an algorithm's proposals in `steps` gradients. Yields after each gradient.

    A loss is flat at zero where the clean image is the wanted one, which is its minimum: only its second derivative
    says where it rises most, and no gradient there finds that direction. The search starts again from noise then,
    whose gradient is a step of the power iteration for it; the gradient that vanished does not count as one of `steps`.

    radius: of the balls (`balls`). start: the first proposal. warm: it spends its budget, is nearly the solution (that
    of another budget, scaled), and is a candidate; otherwise it is zero, or noise where zero is known to have no
    gradient, and does not count. clean_loss: L(0), if the start is not zero. noise: gives the other start, on the
    spheres; None where there is no other.
    """
    moves = algorithm(radius, steps, warm, start)
    z = next(moves)
    best, reached = Ascent(z, None, () if clean_loss is None else (clean_loss,)), float("-inf")
    for step in range(steps):
        loss, gradient, image = objective.gradient(z)
        first = step == 0 and not warm
        if first:
            best = Ascent(torch.zeros_like(z), None, (*best.loss, loss), clean=image if clean_loss is None else None)
            if noise is not None and not gradient.any():
                moves = algorithm(radius, steps, warm, noise())
                z = next(moves)
                loss, gradient, image = objective.gradient(z)
                best = replace(best, loss=(*best.loss, loss))
        else:
            best, reached = _kept(best, reached, z, loss, image)
        if not gradient.any():
            return replace(best, flat=True)
        z = moves.send((loss, gradient))
        if first:
            best = replace(best, z=z)
        yield best
    best, _ = _kept(best, reached, z, *objective.value(z))
    return best


def _kept(best: Ascent, reached: float, z: Tensor, loss: float, image: Tensor) -> tuple[Ascent, float]:
    best = replace(best, loss=(*best.loss, loss))
    return (best, reached) if loss <= reached else (replace(best, z=z, image=image), loss)
