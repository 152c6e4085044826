"""Learned gradient descent: the data term's gradient and a network, unrolled."""

import torch
from torch import Tensor, nn

from ...networks.image_network import ImageNetwork
from ..problem import Problem, linear_start
from .last_step import ConsistentNetwork, ConsistentReconstructor
from .trained import noise_level


class UnrolledGD(ConsistentReconstructor):
    """x_{k+1} = x_k - eta (A^H A x_k - A^H y) - R(x_k),  x_0 a few conjugate gradient steps.

    This is gradient descent on 1/2 ||A x - y||^2 with a learned step size eta. The gradient of its regularizer is a
    network R, the same in each of the blocks: a variational network with one learned gradient, Hammernik et al. 2018,
    doi:10.1002/mrm.26977, in the form that Gilton, Ongie, Willett 2020, doi:10.1109/TCI.2019.2948732, compare with. R
    is a residual U-Net that sees the noise level, which the knob `noise` scales. eta starts at 1, the largest step that
    cannot overshoot, since sum |S_i|^2 = 1. Both papers start at A^H y; from there six gradient steps do not reach
    CG-SENSE at low accelerations, whatever R is. The last step is that of `last_step.ConsistentNetwork`. The
    network works on x / u, u the local phase (`Problem.aligned`).
    """

    id = "unrolled-gd"
    label = "Unrolled gradient descent"
    summary = "Gradient steps on the data and one learned regularizing network in turn, supervised."
    sources = ("hammernik2018", "gilton2020")


class GradientDescentNetwork(ConsistentNetwork):
    """The network of `UnrolledGD`. widths: channels of R at its levels."""

    def __init__(self, blocks: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.blocks = blocks
        self.regularizer = ImageNetwork(widths)
        self.log_step = nn.Parameter(torch.zeros(()))

    def image(self, problem: Problem, noise: float) -> Tensor:
        """The image before the last step, complex64 (rows, columns), relative to the problem's scale."""
        level = noise_level(problem, noise)
        problem, phase = problem.aligned
        step = self.log_step.exp()
        image = linear_start(problem)
        for _ in range(self.blocks):
            gradient = problem.model.normal(image) - problem.right_hand_side
            image = image - step * gradient - self.regularizer(image, level)
        return phase * image
