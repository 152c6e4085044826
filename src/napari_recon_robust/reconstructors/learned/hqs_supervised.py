"""A supervised unrolled network, conditioned on the noise level: the robust default."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ...ground.knob import Knob
from ..problem import Problem
from .data_consistency import data_consistency
from .splitting import GatedCorrection, UnrolledUNets
from .trained import NOISE, TYPICAL_NOISE, TrainedReconstructor


class HQSSupervised(TrainedReconstructor):
    """min_x 1/2 ||A x - y||^2 + R(x) by half-quadratic splitting from TV on, R learned from fully sampled images.

    x_0 = argmin_x 1/2 ||A x - y||^2 + 0.7 sigma^1.5 TV(x),
    z_k = x_k + g U(x_k, ...),    x_{k+1} = P (A^H y + w (z_k - d)),    P = (A^H A + w I)^-1,  d = A^H (y - A x_0) / w,

    w = exp(a + b log sigma), sigma the noise level times the knob `noise`. The dual d of the TV solution is kept, so
    that x_{k+1} = x_0 + w P (z_k - x_0). Without a correction by the U-Net U the image is TV's, and a correction
    passes where the data leave the image open, through the gate g (`splitting.GatedCorrection`). The network works on
    the image without its local phase (`Problem.aligned`), which is given back at the end.
    The knob `share` takes a part s of the whole change, x_0 + s (x_K - x_0): less than the whole loses a little on
    scans like those of the training, and may win on others.
    The splitting is as in Wang et al. 2020, https://arxiv.org/abs/2007.14979.
    """

    id = "hqs-supervised"
    label = "TV, improved by HQS-Net (supervised)"
    summary = "TV, improved by an unrolled network with exact data consistency, conditioned on the noise level."
    sources = ("wang2020",)
    knobs = (
        NOISE,
        Knob(
            name="share",
            label="Share of the network",
            help="How much of what the network changes in the total variation image is taken; 0 is that image.",
            default=1.0,
            minimum=0.0,
            maximum=1.0,
        ),
    )


class SupervisedHQSNetwork(UnrolledUNets):
    """The network of `HQSSupervised`; its arguments are those of its U-Nets."""

    def __init__(self, unrolls: int, widths: Sequence[int], own: bool = False) -> None:
        super().__init__(unrolls, widths, own)
        self.penalty_offset = nn.Parameter(torch.tensor(-2.0))
        self.penalty_slope = nn.Parameter(torch.tensor(0.5))

    def forward(self, problem: Problem, noise: float = 1.0, share: float = 1.0) -> Tensor:
        """The image, complex64 (..., rows, columns), relative to the problem's scale.

        The problem may be a batch if lines are sampled.
        """
        assumed = problem.noise * noise
        level = (assumed / TYPICAL_NOISE).log()
        penalty = (self.penalty_offset + self.penalty_slope * level).exp()
        problem, phase = problem.aligned
        consistency = data_consistency(problem.model, penalty)
        start = problem.tv_by_rule(assumed)
        removed = consistency.solve(problem.right_hand_side - problem.model.normal(start))

        correction = GatedCorrection(consistency, penalty, start, removed, assumed)
        image = start
        for k, network in enumerate(self.networks()):
            changed = image - start + correction.of(image, network, k / self.unrolls)
            image = start + penalty * consistency.solve(changed)
        return phase * torch.lerp(start, image, share)
