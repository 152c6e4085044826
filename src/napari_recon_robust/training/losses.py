"""What recipes minimise. A loss is `loss(network, example, rng) -> scalar`; a new one is a function and a table line.

The random number generator draws what a loss draws at random (knob values); with the validation's fixed seeds the
same function is the validation score.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from numpy.random import Generator
from torch import Tensor, nn

from ..evaluation.metrics import foreground, ssim
from ..physics.model import root_sum_of_squares
from ..reconstructors import hyperrecon, tv
from ..reconstructors.unrolled import Problem
from .data import Example

Loss = Callable[[nn.Module, Example, Generator], Tensor]

_SMOOTHING = 5e-4  # of |t| at zero, relative to the image's scale
_LEARNED = 0.1  # share of the examples with learned sensitivities


def combined(network: nn.Module, example: Example, rng: Generator) -> Tensor:
    """||x - t|| / ||x_0 - t|| + 0.3 (1 - SSIM), t the coil-combined truth, x_0 the linear start.

    Relative to the linear start, so that cases with much and with little noise count alike.
    """
    image = network(example.problem)
    with torch.no_grad():
        start = hyperrecon.linear_start(example.problem)
    error = _norm(image - example.truth) / _norm(start - example.truth)
    return error + 0.3 * _dissimilarity(image, example.truth)


def improvement(network: nn.Module, example: Example, rng: Generator) -> Tensor:
    """What is won over TV: the mean of the error ratios of the complex image and of its magnitude, + 0.3 D / D_0.

    Errors are ||x - t|| / ||x_0 - t||, x_0 the minimiser of TV at 0.12 sigma, so that a case counts alike whether TV
    is nearly right or far off. The magnitude and D = 1 - SSIM + 0.01 are of the foreground, as they are judged.
    """
    image, truth = network(example.problem), example.truth
    inside = foreground(example.magnitude)

    def errors(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return _norm(x - truth), ((x.abs() - truth.abs()) * inside).norm(), _dissimilarity(x, truth, inside) + 0.01

    with torch.no_grad():
        reference = errors(example.problem.tv(tv.rule(float(example.problem.noise))))
    whole, magnitude, dissimilarity = (a / b for a, b in zip(errors(image), reference, strict=True))
    return (whole + magnitude) / 2 + 0.3 * dissimilarity


def energy(network: nn.Module, example: Example, rng: Generator) -> Tensor:
    """J(x; w, m) / J(x_0; w, m) of `HyperRecon`, w log-uniform, m uniform: sees the undersampled data alone."""
    weight, mix = hyperrecon.HyperRecon.knobs[0].from_unit(rng.uniform()), float(rng.uniform())
    return _energy(network(example.problem, weight, mix), example.problem, weight, mix)


def fixed_energy(network: Any, example: Example, rng: Generator) -> Tensor:
    """The same at the one w and m that the network is made for (`hqs_net.HQSNetNetwork`)."""
    return _energy(network(example.problem), example.problem, network.weight, network.mix)


def magnitude(network: Callable[..., Tensor], example: Example, rng: Generator) -> Tensor:
    """||x - t||_1 / ||t||_1 + 0.3 (1 - SSIM), t the root sum of squares of the noise-free coil images."""
    image = network(example.problem)
    error = (image.abs() - example.magnitude).abs().sum() / example.magnitude.sum()
    return error + 0.3 * _dissimilarity(image, example.magnitude)


def refinement(network: nn.Module, example: Example, rng: Generator) -> Tensor:
    """What is won over the zero-filled image z: ||x - t|| / ||z - t|| + 0.3 D / D_z, all root sums of squares.

    D = 1 - SSIM + 0.01; all of the foreground. A case counts alike at R = 2, where z is nearly right and a network
    that is trained on ||x - t|| alone makes it worse, and at R = 10.
    """
    problem, truth = example.problem, example.magnitude
    inside = foreground(truth)

    def errors(x: Tensor) -> tuple[Tensor, Tensor]:
        return ((x - truth) * inside).norm(), _dissimilarity(x, truth, inside) + 0.01

    with torch.no_grad():
        reference = errors(root_sum_of_squares(problem.model.coil_images(problem.data)))
    error, dissimilarity = (a / b for a, b in zip(errors(network(problem).abs()), reference, strict=True))
    return error + 0.3 * dissimilarity


def either_sensitivities(network: nn.Module, example: Example, rng: Generator) -> Tensor:
    """`combined` with the estimated sensitivities; in a tenth of the draws `magnitude` with the network's own."""
    if rng.uniform() < _LEARNED:
        return magnitude(partial(network, learned=True), example, rng)
    return combined(network, example, rng)


LOSSES: dict[str, Loss] = {
    "combined": combined,
    "either-sensitivities": either_sensitivities,
    "energy": energy,
    "fixed-energy": fixed_energy,
    "improvement": improvement,
    "magnitude": magnitude,
    "refinement": refinement,
}


def _energy(image: Tensor, problem: Problem, weight: float, mix: float) -> Tensor:
    start = hyperrecon.linear_start(problem)
    with torch.autocast(image.device.type, enabled=False):
        value, baseline = (
            hyperrecon.objective(problem.model, problem.data, x, weight, mix, _SMOOTHING) for x in (image, start)
        )
    return value / baseline


def _norm(x: Tensor) -> Tensor:
    return torch.view_as_real(x).square().sum().sqrt()


def _dissimilarity(image: Tensor, truth: Tensor, mask: Tensor | None = None) -> Tensor:
    return (1 - ssim(image, truth, float(truth.abs().max()), mask)).to(image.real.dtype)
