"""HQS-Net: unrolled half-quadratic splitting for one pair of weights, trained only on undersampled data."""

import math

import torch
from torch import Tensor, nn

from ...data.measurement import Measurement
from ...networks.image_network import plain_convolutions
from ..classical import tv_wavelet
from ..problem import Problem
from .half_quadratic import SEEN, Unroll, unrolled
from .trained import TrainedReconstructor

DETAIL = 10.0  # times the weight: the unit in which corrections see detail, near the threshold of the proximal map
_FIRST_PENALTY, _FIRST_REACH = 0.1, 0.05


class HQSNet(TrainedReconstructor):
    """min_x J(x; w, m) of `HyperRecon` at one weight w and mix m, by a network trained to minimise J and nothing else.

    z_k = x_k + r_k C_k(x_k, A^H (y - A x_k)),  x_{k+1} = (A^H A + p_k I)^-1 (A^H y + p_k z_k),  x_0 = A^H y,

    C_k are five 3x3 convolutions each, r_k and p_k are learned, and there are 4 conjugate gradient steps. This is the
    splitting network of Wang, Dalca, Sabuncu 2020, https://arxiv.org/abs/2007.14979, with several coils, on 2x2 blocks
    of pixels. It also sees the pull A^H (y - A x_k) of the data, whereas the paper's networks see only the image. Its
    trained weights fix w and m (`HQSNetNetwork`), and no knob changes them; the noise changes nothing either. The
    training sees no fully sampled image.
    """

    id = "hqs-net"
    label = "HQS-Net, unsupervised"
    summary = "HyperRecon's objective at one weight by an unrolled network, trained without fully sampled images."
    sources = ("wang2020",)
    knobs = ()

    def fixed(self, measurement: Measurement) -> dict[str, tuple[float, float]]:
        """The weight of the training, and the one that suits the noise (`tv_wavelet.rule`)."""
        weight = float(self.network(measurement.kspace.device).weight)
        return {"weight": (weight, tv_wavelet.rule(float(measurement.noise_level.mean())))}


class HQSNetNetwork(nn.Module):
    """The network of `HQSNet`, and what it minimises. width: channels of its convolutions."""

    def __init__(
        self,
        unrolls: int,
        width: int,
        convolutions: int = 5,
        weight: float = float(tv_wavelet.WEIGHT.default),
        mix: float = float(tv_wavelet.MIX.default),
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
