"""Neumann networks: a truncated Neumann series with a learned regularizer."""

import torch
from torch import Tensor, nn

from ...networks.image_network import ImageNetwork
from ..problem import Problem
from .data_consistency import data_consistency
from .last_step import ERROR, ConsistentNetwork, ConsistentReconstructor
from .trained import noise_level

_ERROR_OF_SERIES = 0.08  # six terms do not invert A^H A


class Neumann(ConsistentReconstructor):
    """x = sum_k b_k,  b_0 = eta A^H y,  b_{k+1} = b_k - eta A^H A b_k - R(b_k).

    With a linear R this is the series (I - B)^-1 b_0 = sum_k B^k b_0, B = I - eta A^H A - R, of the minimiser of
    1/2 ||A x - y||^2 with the regularizer's gradient R(x) / eta, cut off after six terms. R is one network for all
    terms, a residual U-Net that sees the noise level (knob `noise`), and eta is learned. Gilton, Ongie, Willett
    2020, doi:10.1109/TCI.2019.2948732. eta starts at 1 (theirs at 0.1), since sum |S_i|^2 = 1. The last step is that of
    `last_step.ConsistentNetwork`, because six terms do not invert A^H A. The network works on x / u, u the
    local phase (`Problem.aligned`).
    """

    id = "neumann"
    label = "Neumann network"
    summary = "A truncated Neumann series with one learned regularizing network, supervised."
    sources = ("gilton2020",)


class PreconditionedNeumann(Neumann):
    """x = sum_k b_k,  b_0 = P A^H y,  b_{k+1} = eta P b_k - R(b_k),  P = (A^H A + eta I)^-1.

    This is `Neumann` after preconditioning: with R = 0 the terms are those of (I - eta P)^-1 P A^H y, which need no
    small step where A^H A is ill-conditioned. P is exact for sampled lines, and converged for points (theirs: 10
    conjugate gradient steps on A^H y); eta starts at 0.1.
    Gilton, Ongie, Willett 2020, doi:10.1109/TCI.2019.2948732.
    """

    id = "neumann-preconditioned"
    label = "Neumann network, preconditioned"
    summary = "A Neumann network whose data term is inverted exactly, supervised."
    sources = ("gilton2020",)


class NeumannNetwork(ConsistentNetwork):
    """The network of both methods. widths: channels of R at its levels."""

    def __init__(self, terms: int, widths: tuple[int, ...], preconditioned: bool = False) -> None:
        super().__init__()
        self.terms, self.preconditioned = terms, preconditioned
        self.error = ERROR if preconditioned else _ERROR_OF_SERIES
        self.regularizer = ImageNetwork(widths)
        self.log_step = nn.Parameter(torch.tensor(0.1 if preconditioned else 1.0).log())

    def image(self, problem: Problem, noise: float) -> Tensor:
        """The image before the last step, complex64 (rows, columns), relative to the problem's scale."""
        level = noise_level(problem, noise)
        problem, phase = problem.aligned
        model, step = problem.model, self.log_step.exp()

        if self.preconditioned:
            inverse = data_consistency(model, step)
            term = inverse.solve(problem.right_hand_side)
        else:
            term = step * problem.right_hand_side
        total = term
        for _ in range(self.terms):
            linear = step * inverse.solve(term) if self.preconditioned else term - step * model.normal(term)
            term = linear - self.regularizer(term, level)
            total = total + term
        return phase * total
