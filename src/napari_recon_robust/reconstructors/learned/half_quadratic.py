"""Unrolled half-quadratic splitting that starts at A^H y: HQS-Net, HyperRecon and the supervised HQS-Net share it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from ...networks.channels import channels, on_blocks, smooth, to_complex
from ...physics.model import ForwardModel
from ..classical.conjugate_gradients import solution_and_residual

STEPS = 4  # conjugate gradient steps of each data consistency, from z_k; as many in training
SEEN = 6  # real maps that a correction sees: image, detail and pull, two of each


@dataclass(frozen=True, eq=False)
class Unroll:
    """One unroll: z = x + r C(x, ...), then data consistency of weight p.

    correction: C, from (1, 4 * (SEEN + levels), rows / 2, columns / 2) to (1, 8, rows / 2, columns / 2), 2x2 blocks of
    pixels. reach: r, relative to the image's scale, real and without axes; penalty: p, real, (..., 1, 1) in a batch.
    """

    correction: Callable[[Tensor], Tensor]
    reach: Tensor
    penalty: Tensor


def unrolled(
    model: ForwardModel,
    b: Tensor,
    unrolls: Iterable[Unroll],
    detail: float | Tensor,
    pull: float | Tensor,
    *levels: Tensor,
    steps: int = STEPS,
) -> Tensor:
    """The last image of z_k = x_k + r_k C_k(x_k, D x_k, g_k),  x_{k+1} = (A^H A + p_k I)^-1 (b + p_k z_k),  x_0 = b.

    D x is the image less the mean over each pixel's 3×3 neighbourhood, g = b - A^H A x the pull of the data. A
    correction sees the asinh of both, in units of `detail` and `pull`, and `levels`, numbers (1, 1). Without
    corrections the result is a regularized SENSE image. b: A^H y, complex64 (rows, columns), like the result. steps: of
    conjugate gradients.
    """
    image, gradient = b, b - model.normal(b)
    for unroll in unrolls:
        seen = (channels(image), channels((image - smooth(image)) / detail).asinh(), channels(gradient / pull).asinh())
        maps = [level.expand(image.shape).reshape(-1, 1, *image.shape[-2:]) for level in levels]
        z = image + unroll.reach * to_complex(on_blocks(unroll.correction, torch.cat((*seen, *maps), dim=1)))
        image, gradient = _consistent(model, b, z, unroll.penalty, steps)
    return image


def _consistent(model: ForwardModel, b: Tensor, z: Tensor, penalty: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """Steps from z towards x = (A^H A + p I)^-1 (b + p z), and the pull b - A^H A x without a further A^H A."""
    change, residual = solution_and_residual(lambda x: model.normal(x) + penalty * x, b - model.normal(z), steps)
    return z + change, residual + penalty * change
