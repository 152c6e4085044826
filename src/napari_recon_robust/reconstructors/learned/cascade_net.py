"""Cascade-Net: convolutional networks and data consistency in turn, trained on fully sampled images."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from ...networks.image_network import ImageNetwork
from ..classical.conjugate_gradients import proximal
from ..problem import Problem
from .trained import TrainedReconstructor, noise_level

STEPS = 12  # conjugate gradient steps of each data consistency, from the image before it
FIRST_PENALTY = 0.1  # at the typical noise level, in training's first step


class CascadeNet(TrainedReconstructor):
    """z_k = x_k + C_k(x_k),  x_{k+1} = argmin_x ||A x - y||^2 + p_k ||x - z_k||^2,  x_0 = A^H y.

    C_k are five 3x3 convolutions each, and their weights differ from cascade to cascade. Data consistency is that of
    several coils (12 conjugate gradient steps); with one coil it is the paper's, (F z + y / p) / (1 + 1 / p) on the
    samples. C_k and p_k = exp(a_k + b_k log sigma) depend on the noise level, which the knob `noise` scales. The
    network works on x / u, u the local phase (`Problem.aligned`). Schlemper et al. 2018,
    doi:10.1109/TMI.2017.2760978 (their D5C5, on 2x2 blocks of pixels).
    """

    id = "cascade-net"
    label = "Cascade-Net"
    summary = "Five convolutional networks with data consistency between them, supervised."
    sources = ("schlemper2018",)


class CascadeNetwork(nn.Module):
    """The network of `CascadeNet`. width: channels of its convolutions."""

    def __init__(self, cascades: int, width: int, convolutions: int = 5) -> None:
        super().__init__()
        self.networks = nn.ModuleList(ImageNetwork([width], convolutions) for _ in range(cascades))
        self.log_penalties = nn.Parameter(torch.full((cascades,), FIRST_PENALTY).log())
        self.slopes = nn.Parameter(torch.full((cascades,), 0.5))

    def forward(self, problem: Problem, noise: float = 1.0) -> Tensor:
        """The image, complex64 (..., rows, columns), relative to the problem's scale; the problem may be a batch."""
        level = noise_level(problem, noise)
        problem, phase = problem.aligned
        penalties = [(a + b * level).exp() for a, b in zip(self.log_penalties, self.slopes, strict=True)]
        image = alternate(problem, self.networks, penalties, level)
        return phase * image


def alternate(problem: Problem, networks: Iterable[nn.Module], penalties: Iterable[Tensor], *levels: Tensor) -> Tensor:
    """Alternate residual networks and data consistency, starting at A^H y: the image, complex64 (..., rows, columns).

    A penalty is a number for each image, (..., 1, 1).
    """
    image = problem.right_hand_side
    for network, penalty in zip(networks, penalties, strict=True):
        z = image + network(image, *levels)
        image = proximal(problem.model, problem.right_hand_side, z, penalty, STEPS)
    return image
