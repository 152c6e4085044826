"""HQS-Net: half-quadratic splitting unrolled, trained on undersampled data alone, for one set of weights."""

import torch
from torch import Tensor, nn

from .cascade_net import FIRST_PENALTY, alternate
from .hyperrecon import HyperRecon
from .trained import ImageNetwork, TrainedReconstructor
from .unrolled import Problem, load_trained

_UNIT = 5.0  # reach of the networks in weights: what a proximal map at the penalties takes off


class HQSNet(TrainedReconstructor):
    """min_x J(x; w, m) of `HyperRecon` at one weight w and mix m, by a network trained to minimise J itself.

    z_k = x_k + C_k(x_k),  x_{k+1} = argmin_x ||A x - y||^2 + p_k ||x - z_k||^2,  x_0 = A^H y,  x = z_K,

    K = 5, C_k five 3x3 convolutions each, p_k learned: the splitting network of Wang, Dalca, Sabuncu 2020,
    https://arxiv.org/abs/2007.14979, with several coils, on 2x2 blocks of pixels. w and m are those of its weights
    (`HQSNetNetwork`); the image changes with neither, nor with the noise. No fully sampled image is seen in training.
    """

    id = "hqs-net"
    label = "HQS-Net, unsupervised"
    summary = "HyperRecon's objective at one weight by an unrolled network, trained without fully sampled images."
    knobs = ()

    def network(self, device: torch.device) -> "HQSNetNetwork":
        """The trained network, shared by all."""
        return load_trained(HQSNetNetwork, self.weights, device)


class HQSNetNetwork(nn.Module):
    """The network of `HQSNet`, and what it minimises. width: channels of its convolutions."""

    def __init__(
        self,
        unrolls: int,
        width: int,
        convolutions: int = 5,
        weight: float = float(HyperRecon.knobs[0].default),
        mix: float = float(HyperRecon.knobs[1].default),
    ) -> None:
        super().__init__()
        self.weight, self.mix = weight, mix
        *networks, self.last = (
            ImageNetwork([width], convolutions, levels=0, reach=_UNIT * weight) for _ in range(unrolls + 1)
        )
        self.networks = nn.ModuleList(networks)
        self.log_penalties = nn.Parameter(torch.full((unrolls,), FIRST_PENALTY).log())

    def forward(self, problem: Problem) -> Tensor:
        """The image, complex64 (rows, columns), relative to the problem's scale."""
        image = alternate(problem, self.networks, self.log_penalties.exp())
        result: Tensor = image + self.last(image)
        return result
