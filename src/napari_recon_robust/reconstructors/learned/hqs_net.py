"""HQS-Net: half-quadratic splitting unrolled, trained on undersampled data alone, for one set of weights."""

import math

import torch
from torch import Tensor, nn

from ...networks.loading import load_trained
from ..classical import energy
from ..problem import Problem
from .half_quadratic import SEEN, Unroll, unrolled
from .trained import TrainedReconstructor, plain_convolutions

DETAIL = 10.0  # weights: the unit in which corrections see detail, near the threshold of the proximal map
_FIRST_PENALTY, _FIRST_REACH = 0.1, 0.05


class HQSNet(TrainedReconstructor):
    """min_x J(x; w, m) of `HyperRecon` at one weight w and mix m, by a network trained to minimise J and nothing else.

    z_k = x_k + r_k C_k(x_k, A^H (y - A x_k)),  x_{k+1} = (A^H A + p_k I)^-1 (A^H y + p_k z_k),  x_0 = A^H y,

    C_k five 3x3 convolutions each, r_k and p_k learned, 4 conjugate gradient steps: the splitting network of Wang,
    Dalca, Sabuncu 2020, https://arxiv.org/abs/2007.14979, with several coils, on 2x2 blocks of pixels. It also sees
    the pull A^H (y - A x_k) of the data, where the paper's networks see the image alone. w and m are those of its
    weights (`HQSNetwork`); the image changes with neither, nor with the noise. No fully sampled image is seen in
    training.
    """

    id = "hqs-net"
    label = "HQS-Net, unsupervised"
    summary = "HyperRecon's objective at one weight by an unrolled network, trained without fully sampled images."
    knobs = ()

    def network(self, device: torch.device) -> "HQSNetwork":
        """The trained network, shared by all."""
        return load_trained(HQSNetwork, self.weights, device)


class HQSNetwork(nn.Module):
    """The network of `HQSNet`, and what it minimises. width: channels of its convolutions."""

    def __init__(
        self,
        unrolls: int,
        width: int,
        convolutions: int = 5,
        weight: float = float(energy.WEIGHT.default),
        mix: float = float(energy.MIX.default),
    ) -> None:
        super().__init__()
        self.weight, self.mix = weight, mix
        self.corrections = nn.ModuleList(plain_convolutions(4 * SEEN, 8, width, convolutions) for _ in range(unrolls))
        self.log_penalties = nn.Parameter(torch.full((unrolls,), math.log(_FIRST_PENALTY)))
        self.log_reaches = nn.Parameter(torch.full((unrolls,), math.log(_FIRST_REACH)))

    def forward(self, problem: Problem) -> Tensor:
        """The image, complex64 (rows, columns), relative to the problem's scale."""
        numbers = self.log_reaches.exp(), self.log_penalties.exp()
        unrolls = map(Unroll, self.corrections, *numbers)
        return unrolled(problem.model, problem.right_hand_side, unrolls, DETAIL * self.weight, self.weight)
