"""Sphere ascent: the k-space noise of a given norm per coil that hurts most, in a handful of gradients."""

from collections.abc import Generator
from dataclasses import dataclass, replace
from math import log10

import torch
from torch import Tensor

from .base import coil_norms
from .objective import Objective

MOMENTUM = 0.5
FIRST_STEP, LAST_STEP = 1.0, 0.25


@dataclass(frozen=True, eq=False)
class Ascent:
    """A search so far: the best z (coils, readout, phase), its image if known, the loss of every iterate.

    clean: the reconstruction of the clean samples, where the search came by it. flat: the gradient was zero, so
    that there is no direction to go.
    """

    z: Tensor
    image: Tensor | None
    loss: tuple[float, ...]
    clean: Tensor | None = None
    flat: bool = False


def sphere_ascent(
    objective: Objective,
    radius: Tensor,
    steps: int,
    *,
    start: Tensor,
    warm: bool = False,
    clean_loss: float | None = None,
    stride: float = 1.0,
) -> Generator[Ascent, None, Ascent]:
    """Solve max L(z) subject to ||z_i||_2 = r_i in every coil i, by momentum ascent on the product of spheres.

    With n(.) = every coil divided by its norm and g the gradient of L: first z = r n(g(start)), straight onto the
    spheres; then G <- 0.5 G + n(g(z)), z <- r n(z / r + s n(G)), s falling geometrically from 1 to 0.25. The best
    iterate is kept.

    radius: r, float (coils,). steps: gradients. start: zero, or noise where zero has no gradient. warm: `start` lies
    on the spheres and is nearly the solution (that of another budget, scaled), so that the first step is as the later
    ones. clean_loss: L(0) where the start is not zero. stride: a factor on s, for a start that is near the solution.
    Yields after each gradient. A coil without a gradient stays as it is.
    """
    r = radius[:, None, None]
    z, momentum = start, torch.zeros_like(start)
    best, reached = Ascent(start, None, () if clean_loss is None else (clean_loss,)), float("-inf")
    sizes = iter(torch.logspace(log10(FIRST_STEP), log10(LAST_STEP), max(steps - (not warm), 1)).tolist())
    for step in range(steps):
        loss, gradient, image = objective.gradient(z)
        direction = _on_unit_spheres(gradient)
        momentum = MOMENTUM * momentum + direction
        if step == 0 and not warm:
            # The start is no candidate: from here on every iterate spends its budget.
            z = r * direction
            best = Ascent(z, None, (*best.loss, loss), clean=image if clean_loss is None else None)
        else:
            best, reached = _kept(best, reached, z, loss, image)
            z = r * _on_unit_spheres(_on_unit_spheres(z) + stride * next(sizes) * _on_unit_spheres(momentum))
        if not direction.any():
            return replace(best, flat=True)
        yield best
    best, _ = _kept(best, reached, z, *objective.value(z))
    return best


def _kept(best: Ascent, reached: float, z: Tensor, loss: float, image: Tensor) -> tuple[Ascent, float]:
    best = replace(best, loss=(*best.loss, loss))
    return (best, reached) if loss <= reached else (replace(best, z=z, image=image), loss)


def _on_unit_spheres(z: Tensor) -> Tensor:
    """z_i / ||z_i|| in every coil; zero where ||z_i|| is."""
    norms = coil_norms(z)
    return z * torch.where(norms > 0, 1 / norms, 0.0)[:, None, None]
