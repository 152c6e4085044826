"""LOUPE: which lines to sample, learned together with a network that reconstructs from them."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..networks.image_network import ImageNetwork
from ..physics import fourier, learned_lines
from ..physics.model import ForwardModel
from ..reconstructors.learned.data_consistency import DataConsistency, data_consistency
from ..reconstructors.learned.trained import noise_level
from ..reconstructors.problem import Problem

CONVOLUTIONS = 5


class LOUPENetwork(nn.Module):
    """x_0 = P A^H y,  z_k = x_k + C_k(x_k),  x_{k+1} = P (A^H y + w z_k),  P = (A^H A + w I)^-1,  A = M F S.

    The lines of M have the learned probabilities of `physics.learned_lines`; C_k are convolutional networks, and
    w = exp(a + b log sigma). Data consistency is exact. A few gradient steps would leave aliasing that several coils
    can resolve, and with them the learned lines were nearer to the centre than better reconstructions want.

    M is binary, and its gradient is that of the relaxed mask (straight-through: Zhang et al. 2020,
    https://arxiv.org/abs/2007.14450). A relaxed mask itself would have more lines than are asked for: a line with the
    weight 0.3 is measured nearly as well as any, since least squares divide by the weight again. The network is thrown
    away after the training: `Sampling(pattern="loupe")` uses only the probabilities.

    accelerations: those for which logits are learned, at `grid` frequencies each. At first all logits are equal, which
    gives equispaced lines.
    """

    def __init__(self, cascades: int, width: int, accelerations: Sequence[float], grid: int) -> None:
        super().__init__()
        self.networks = nn.ModuleList(ImageNetwork([width], CONVOLUTIONS) for _ in range(cascades))
        self.penalty_offset = nn.Parameter(torch.tensor(-4.0))
        self.penalty_slope = nn.Parameter(torch.tensor(0.5))
        self.accelerations = tuple(accelerations)
        self.logits = nn.Parameter(torch.zeros(len(self.accelerations), grid))

    def forward(self, problem: Problem, acceleration: float, centre_fraction: float, offset: float) -> Tensor:
        """The image from a part of the lines of a fully sampled problem, drawn by `offset` (0 to 1)."""
        full = problem.model
        mask = self.mask(problem.data.shape[-1], acceleration, centre_fraction, offset) * full.mask
        model = WeightedModel(full.sensitivities, mask, full.dims)
        right_hand_side = model.adjoint(problem.data)
        level = noise_level(problem)
        penalty = (self.penalty_offset + self.penalty_slope * level).exp()
        consistency = data_consistency(ForwardModel(full.sensitivities, mask > 0, full.dims), penalty)
        image = solve(model, consistency, penalty, right_hand_side, torch.zeros_like(right_hand_side))
        for network in self.networks:
            z = image + network(image, level)
            image = solve(model, consistency, penalty, right_hand_side, z)
        return image

    def mask(self, width: int, acceleration: float, centre_fraction: float, offset: float) -> Tensor:
        """The mask, float32 (1, width) of zeros and ones, with the gradient of the relaxed mask."""
        centre = round(centre_fraction * width)
        count = learned_lines.number_of_lines(width, centre, acceleration)
        logits = learned_lines.logits_at(self.logits, self.accelerations, acceleration, width)
        probability = learned_lines.probabilities(logits, centre, count)
        soft = learned_lines.relaxed(probability, learned_lines.thresholds(probability, centre, offset))
        return (learned_lines.draw(probability, centre, offset) + (soft - soft.detach()))[None].float()


@dataclass(frozen=True, eq=False)
class WeightedModel(ForwardModel):
    """A model whose `mask` holds the samples' weights W, real (1, columns) with a gradient: A^H W A and A^H W y."""

    def normal(self, image: Tensor) -> Tensor:
        """A^H W A x, complex (..., rows, columns)."""
        return self.adjoint(fourier.fft(self.sensitivities * image.unsqueeze(-3), self.dims))


def solve(model: WeightedModel, consistency: DataConsistency, penalty: Tensor, b: Tensor, z: Tensor) -> Tensor:
    """P (b + w z), differentiable also in the weights of the model, which occur in P and in b.

    The gradient is implicit: with r = b + w z - (A^H W A + w I) x, zero at the solution x, dx = P dr.
    """
    with torch.no_grad():
        solution = consistency.solve(b + penalty * z)
    residual = b + penalty * (z - solution) - model.normal(solution)
    return solution + consistency.solve(residual)
