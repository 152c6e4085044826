"""A supervised unrolled network, conditioned on the noise level, that knows nothing of TV."""

import math

import torch
from torch import Tensor, nn

from ...networks.image_network import REACH, ResidualUNet
from ..problem import Problem
from .half_quadratic import SEEN, Unroll, unrolled
from .trained import TrainedReconstructor, noise_level

_FIRST_PENALTY, _FIRST_SLOPE = 0.1, 0.5  # at the typical noise level, and its power of the noise
STEPS = 8  # of conjugate gradients; 4 or 6 left aliasing where noise is little and coils are not well apart


class UnrolledHQS(TrainedReconstructor):
    """z_k = x_k + r_k C_k(x_k, g_k),  x_{k+1} = (A^H A + p_k I)^-1 (A^H y + p_k z_k),  x_0 = A^H y,  x = x_K.

    C_k are small residual U-Nets, with other weights in each unroll. They see the image, the pull g_k = A^H (y - A x_k)
    of the data in units of the noise, and the noise level; p_k = exp(a_k + b_k log sigma), r_k and C_k are learned from
    fully sampled images. The knob `noise` scales the sigma that the network sees. Data consistency, 8 conjugate
    gradient steps, comes last. The network works on the image without its local phase (`Problem.aligned_linearly`),
    which is given back at the end. Half-quadratic splitting is as in Wang et al. 2020,
    https://arxiv.org/abs/2007.14979.
    """

    id = "unrolled-hqs"
    label = "Unrolled HQS, supervised"
    summary = "Unrolled network from the zero-filled image on, with data consistency, conditioned on the noise level."
    sources = ("wang2020",)


class UnrolledHQSNetwork(nn.Module):
    """The network of `UnrolledHQS`. widths: channels of its U-Nets' levels, on 2x2 blocks of pixels."""

    def __init__(self, unrolls: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.corrections = nn.ModuleList(ResidualUNet(4 * (SEEN + 1), 8, widths) for _ in range(unrolls))
        self.log_penalties = nn.Parameter(torch.full((unrolls,), math.log(_FIRST_PENALTY)))
        self.slopes = nn.Parameter(torch.full((unrolls,), _FIRST_SLOPE))
        self.log_reaches = nn.Parameter(torch.full((unrolls,), math.log(REACH)))

    def forward(self, problem: Problem, noise: float = 1.0) -> Tensor:
        """The image, complex64 (..., rows, columns), relative to the problem's scale; the problem may be a batch."""
        level = noise_level(problem, noise)
        aligned, phase = problem.aligned_linearly
        penalties = [(a + b * level).exp() for a, b in zip(self.log_penalties, self.slopes, strict=True)]
        unrolls = map(Unroll, self.corrections, self.log_reaches.exp(), penalties)
        pull = noise * aligned.noise
        image = unrolled(aligned.model, aligned.right_hand_side, unrolls, REACH, pull, level, steps=STEPS)
        return phase * image
