"""The former HQS-Net, which starts at a TV image; its files are still read. `hqs-net` starts at A^H y."""

import torch
from torch import Tensor, nn

from ...networks.image_network import ImageNetwork
from ..classical import tv_wavelet
from ..classical.conjugate_gradients import proximal
from ..problem import Problem
from .hyperrecon_from_tv import STEPS, anchor
from .trained import TrainedReconstructor

_FIRST_PENALTY = 0.1
_UNIT = 5.0  # reach of the networks in weights: what a proximal map at the penalties takes off


class HQSNetFromTV(TrainedReconstructor):
    """HyperRecon's objective J at one weight w and mix m, by a network from the TV minimiser on, trained on J itself.

    z_k = x_k + C_k(x_k, d),  x_{k+1} = (A^H A + p_k I)^-1 (A^H y - s_k d + p_k z_k),  x = z_K,

    x_0 is the minimiser of TV at w, with its pull d = A^H (y - A x_0). C_k are five 3x3 convolutions each, p_k and s_k
    are learned, and there are 4 conjugate gradient steps.
    """

    id = "hqs-net-tv"
    label = "TV, improved by HQS-Net"
    summary = "TV, improved by an unrolled network at one weight of TV and wavelets, trained on the objective itself."
    knobs = ()


class HQSNetFromTVNetwork(nn.Module):
    """The network of `HQSNetFromTV`, and what it minimises. width: channels of its convolutions."""

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
        *networks, self.last = (
            ImageNetwork([width], convolutions, levels=2, reach=_UNIT * weight) for _ in range(unrolls + 1)
        )
        self.networks = nn.ModuleList(networks)
        self.log_penalties = nn.Parameter(torch.full((unrolls,), _FIRST_PENALTY).log())
        self.log_pulls = nn.Parameter(torch.zeros(unrolls))

    def forward(self, problem: Problem) -> Tensor:
        """The image, complex64 (rows, columns), relative to the problem's scale."""
        start = anchor(problem, self.weight)
        pull = torch.view_as_real(start.pull / self.weight).unbind(-1)
        image = start.image
        for network, penalty, share in zip(self.networks, self.log_penalties.exp(), self.log_pulls.exp(), strict=True):
            z = image + network(image, *pull)
            image = proximal(problem.model, problem.right_hand_side - share * start.pull, z, penalty, STEPS)
        result: Tensor = image + self.last(image, *pull)
        return result
