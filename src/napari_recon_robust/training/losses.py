"""The losses that recipes minimise, `loss(network, example, rng) -> scalar`. A new one is a function and a table line.

If the table holds a class, it is made once for a run; such losses learn themselves (`adversarial`).

A loss takes all random numbers (knob values) from the generator; with the validation's fixed seeds the same function is
the validation score.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor, nn
from torch.nn import functional

from ..evaluation.metrics import ssim
from ..ground.errors import InputError
from ..networks.first_weights import first_weights
from ..physics.acs import lines_outside_acs
from ..physics.model import ForwardModel, root_sum_of_squares
from ..reconstructors.classical.tv_wavelet import MIX, WEIGHT, objective
from ..reconstructors.generative import posterior
from ..reconstructors.learned import hyperrecon_supervised, last_step
from ..reconstructors.problem import Problem, linear_start
from . import robust
from .adversarial import Adversarial, Generation, Refinement
from .case import FEWEST_OUTSIDE
from .example import Example, measured
from .ranges import log_uniform

Loss = Callable[[nn.Module, Example, Generator], Tensor]

_SMOOTHING = 5e-4  # of |t| at zero, relative to the image's scale
_HELD_OUT = 0.4  # share of the lines outside the ACS
_LEARNED = 0.1  # share of the examples with learned sensitivities
_WITHOUT_LAST_STEP = 0.5  # share of the examples whose image is that before the last step towards the samples
_MOSTLY_WITHOUT = 0.75  # the same for VarNet, which was published without that step


def improvement(network: nn.Module, example: Example, rng: Generator) -> Tensor:
    """The improvement over TV, `TERMS["improvement"]`."""
    return _improvement(network(example.problem), example)


def log_error(network: nn.Module, example: Example, rng: Generator) -> Tensor:
    """(log ||x - t|| / ||t|| + log || |x| - |t| || / ||t||) / 2 + 0.3 log (1 - SSIM + 0.01), t the coil-combined truth.

    The magnitudes and SSIM are those of the foreground. By the logarithm a case counts the same whether its error is
    small or large, as in `improvement` by the TV image's error, but no TV image is needed.
    """
    image, truth, inside = network(example.problem), example.truth, example.inside
    whole = _norm(image - truth) / _norm(truth)
    magnitude = _norm((image.abs() - truth.abs()) * inside) / _norm(truth.abs() * inside)
    return ((whole.log() + magnitude.log()) / 2 + 0.3 * (_dissimilarity(image, truth, inside) + 0.01).log()).mean()


def mixture(network: Any, example: Example, rng: Generator) -> Tensor:
    """sum_k c_k L_k(x) / L_k(x_0) of the network's terms at random knobs, uniform on their scales: see `TERMS`.

    For `hyperrecon_supervised.SupervisedHyperReconNetwork`; x_0 is the minimiser of TV at the weight of its rule.
    """
    return _weighted(network, example, _drawn_knobs(network, rng))[0]


def data_driven_mixture(network: Any, example: Example, rng: Generator) -> Tensor:
    """`mixture` at that one of two random settings whose image agrees better with the samples.

    So capacity goes where images agree with the data. This is the data-driven sampling of Wang, Dalca, Sabuncu 2021,
    https://arxiv.org/abs/2101.02194, who take the better part of a batch.
    """
    drawn = [_weighted(network, example, _drawn_knobs(network, rng)) for _ in range(2)]
    value, _ = min(drawn, key=lambda pair: float(_residual(pair[1].detach(), example)))
    return value


def energy(network: nn.Module, example: Example, rng: Generator) -> Tensor:
    """J(x; w, m) / J(x_0; w, m) of `HyperRecon`, w log-uniform, m uniform; it sees only the undersampled data."""
    return _energy_at(network, example, _drawn_weights(rng))


def data_driven_energy(network: nn.Module, example: Example, rng: Generator) -> Tensor:
    """`energy` at that one of four random settings whose image agrees best with the samples.

    This is the data-driven sampling of Wang, Dalca, Sabuncu 2021, https://arxiv.org/abs/2101.02194, who take the best
    quarter of a batch.
    """
    drawn = [_drawn_weights(rng) for _ in range(4)]
    with torch.no_grad():
        misfits = [float(_residual(network(example.problem, *setting), example)) for setting in drawn]
    return _energy_at(network, example, drawn[int(np.argmin(misfits))])


def fixed_energy(network: Any, example: Example, rng: Generator) -> Tensor:
    """`energy` at the one w and m that the network is made for (`hqs_net.HQSNetNetwork`)."""
    return _energy(network(example.problem), example.problem, network.weight, network.mix)


def denoising(network: nn.Module, example: Example, rng: Generator) -> Tensor:
    """log(||m - x||^2 / ||s n||^2) + 0.1 mean((m - x)^2 / v + log v), mean m and variance v of x given x + s n.

    x is the truth without local phase, n is white, s log-uniform. Real and imaginary parts are treated separately, and
    v is in units of s^2 / 2. By the logarithm all levels of noise count the same; the likelihood of the errors teaches
    only the variance.
    """
    _, phase = example.problem.aligned
    truth = example.truth * phase.conj()
    low, high = map(math.log, posterior.LEVELS)
    deviation = torch.tensor(rng.uniform(low, high), dtype=torch.float32, device=truth.device).exp()
    part = deviation / 2**0.5
    noise = torch.from_numpy(rng.standard_normal((*truth.shape, 2), np.float32)).to(truth.device)
    mean, variance = network(truth + part * torch.view_as_complex(noise), deviation)
    error = (torch.view_as_real(mean - truth) / part).square()
    variance = variance / part.square()
    return error.mean().log() + 0.1 * (error.detach() / variance + variance.log()).mean()


def held_out_lines(network: nn.Module, example: Example, rng: Generator) -> Tensor:
    """(r_1 + r_2) / 2, r_p = ||H (A x - y)||_p / ||H (A x_0 - y)||_p: how well held-out lines H are predicted.

    H is 40% of the sampled lines outside the ACS, drawn anew each time; x and x_0, the TV image of the rule, come
    from the other lines, and from padding, which is known to be zero. Only sampled lines are predicted: this is
    self-supervision by splitting them, Yaman et al. 2020, doi:10.1002/mrm.28378, with their l1 and l2 on whole lines,
    and relative to TV, so that cases count the same.
    Raises InputError if fewer than two lines lie outside the ACS.
    """
    problem = example.problem
    maps, dims, sampled = problem.model.sensitivities, problem.model.dims, problem.model.mask
    held_out = _some_lines(measured(problem), rng)
    given = Problem(ForwardModel(maps, sampled & ~held_out, dims), problem.data * ~held_out, problem.noise)
    predicted = ForwardModel(maps, held_out, dims)

    def errors(x: Tensor) -> tuple[Tensor, Tensor]:
        residual = predicted.forward(x) - held_out * problem.data
        return residual.abs().sum(), torch.linalg.vector_norm(residual)

    image = network(given)
    with torch.no_grad():
        reference = errors(given.tv_by_rule(given.noise))
    absolute, squared = (a / b for a, b in zip(errors(image), reference, strict=True))
    return (absolute + squared) / 2


def magnitude(network: Callable[..., Tensor], example: Example, rng: Generator) -> Tensor:
    """||x - t||_1 / ||t||_1 + 0.3 (1 - SSIM), t the root sum of squares of the noise-free coil images."""
    image = network(example.problem)
    error = _ratio(image.abs() - example.magnitude, example.magnitude)
    return (error + 0.3 * _dissimilarity(image, example.magnitude)).mean()


def refinement(network: nn.Module, example: Example, rng: Generator) -> Tensor:
    """The improvement over the zero-filled image z: ||x - t|| / ||z - t|| + 0.3 D / D_z, all root sums of squares.

    D = 1 - SSIM + 0.01; all terms are those of the foreground. A case counts the same at R = 2, where z is nearly right
    and a network trained only on ||x - t|| makes it worse, and at R = 10.
    """
    problem, truth = example.problem, example.magnitude
    inside = example.inside

    def errors(x: Tensor) -> tuple[Tensor, Tensor]:
        return _norm((x - truth) * inside), _dissimilarity(x, truth, inside) + 0.01

    with torch.no_grad():
        reference = errors(root_sum_of_squares(problem.model.coil_images(problem.data)))
    error, dissimilarity = (a / b for a, b in zip(errors(network(problem).abs()), reference, strict=True))
    return (error + 0.3 * dissimilarity).mean()


def either_sensitivities(network: nn.Module, example: Example, rng: Generator, usual: Loss = improvement) -> Tensor:
    """`usual` with the estimated sensitivities, but in a tenth of the draws `magnitude` with the network's own."""
    if rng.uniform() < _LEARNED:
        return magnitude(partial(network, learned=True), example, rng)
    return usual(network, example, rng)


def either_end(
    network: nn.Module,
    example: Example,
    rng: Generator,
    usual: Loss = log_error,
    without: float = _WITHOUT_LAST_STEP,
) -> Tensor:
    """`usual` of the image, but in a share of the draws of that before the network's last step towards the samples.

    So that the image is good at both ends of the knob that weights the step; a quarter was too little for VarNet.
    """
    if rng.uniform() < without:
        return usual(partial(network, consistency=last_step.LEAST), example, rng)  # type: ignore[arg-type]
    return usual(network, example, rng)


def learned_lines(network: Any, example: Example, rng: Generator) -> Tensor:
    """Log ||x - t|| / ||t|| of x from lines of a fully sampled example that the network draws (`loupe.LOUPENetwork`).

    R is log-uniform over the network's range, with 4 to 10% of the lines in the centre, but no more than half of all.
    By the logarithm cases count the same, without relation to a first image that would depend on the lines.
    """
    acceleration = log_uniform((network.accelerations[0], network.accelerations[-1]), rng)
    centre_fraction = min(float(rng.uniform(0.04, 0.1)), 0.5 / acceleration)
    image = network(example.problem, acceleration, centre_fraction, float(rng.uniform()))
    return (_norm(image - example.truth) / _norm(example.truth)).log()


def joint(network: nn.Module, example: Example, rng: Generator) -> Tensor:
    """||x - t||_1 / ||t||_1 + ||A x - y||_1 / ||y||_1, t the coil-combined truth; test-time training needs this loss.

    By the second term a network goes on learning where there is no truth (`learned.test_time_training`). Without this
    term in the training, its gradient leads away from what was learned. Darestani, Liu, Heckel 2022,
    https://arxiv.org/abs/2204.07204, with sums of both over their scale.
    """
    image, problem = network(example.problem), example.problem
    with torch.autocast(image.device.type, enabled=False):
        consistency = problem.model.forward(image) - problem.data
        of_data = _ratio(consistency, problem.data, (-3, -2, -1))
        return (_ratio(image - example.truth, example.truth) + of_data).mean()


def _improvement(image: Tensor, example: Example) -> Tensor:
    """The mean of the error ratios of the complex image and of its magnitude, + 0.3 D / D_0.

    Errors are ||x - t|| / ||x_0 - t||, x_0 the minimiser of TV by its rule, so that a case counts the same whether TV
    is nearly right or far off. The magnitude and D = 1 - SSIM + 0.01 are those of the foreground, which is judged.
    """
    truth, inside = example.truth, example.inside

    def errors(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return _norm(x - truth), _norm((x.abs() - truth.abs()) * inside), _dissimilarity(x, truth, inside) + 0.01

    with torch.no_grad():
        reference = errors(_tv_start(example))
    whole, magnitude, dissimilarity = (a / b for a, b in zip(errors(image), reference, strict=True))
    return ((whole + magnitude) / 2 + 0.3 * dissimilarity).mean()


def _error(image: Tensor, example: Example) -> Tensor:
    return _norm(image - example.truth)


def _absolute_error(image: Tensor, example: Example) -> Tensor:
    return (image - example.truth).abs().sum((-2, -1))


def _foreground_dissimilarity(image: Tensor, example: Example) -> Tensor:
    return _dissimilarity(image, example.truth, example.inside) + 0.01


def _residual(image: Tensor, example: Example) -> Tensor:
    """||A x - y||^2 of each image."""
    problem = example.problem
    difference = problem.model.forward(image) - problem.model.mask * problem.data
    return torch.view_as_real(difference).square().sum((-4, -3, -2, -1))


def _edge_strength_error(image: Tensor, example: Example) -> Tensor:
    """|| G |grad x| - G |grad t| ||_1, G the mean over 5×5 pixels: too little or too much of edges and texture.

    Means over the posterior, which squared errors ask for, have too little wherever the data leave detail open.
    """
    return (_edge_strength(image) - _edge_strength(example.truth)).abs().sum((-2, -1))


def _relative(measure: Callable[[Tensor, Example], Tensor]) -> Callable[[Tensor, Example], Tensor]:
    """A loss relative to that of the TV image, so that all cases, and all losses, count the same."""

    def term(image: Tensor, example: Example) -> Tensor:
        with torch.no_grad():
            reference = measure(_tv_start(example), example)
        return (measure(image, example) / reference).mean()

    return term


TERMS: dict[str, Callable[[Tensor, Example], Tensor]] = {
    "improvement": _improvement,
    "error": _relative(_error),
    "l1": _relative(_absolute_error),
    "dissimilarity": _relative(_foreground_dissimilarity),
    "consistency": _relative(_residual),
    "sharpness": _relative(_edge_strength_error),
}

LOSSES: dict[str, Loss | type[Adversarial]] = {
    "adversarial-noise-either-sensitivities": partial(robust.adversarial_noise, either_sensitivities),
    "adversarial-noise-refinement": partial(robust.adversarial_noise, refinement),
    "adversarial-refinement": Refinement,
    "denoising": denoising,
    "either-sensitivities": either_sensitivities,
    "energy": energy,
    "energy-data-driven": data_driven_energy,
    "fixed-energy": fixed_energy,
    "fnaf-refinement": partial(robust.small_features, refinement),
    "generation": Generation,
    "held-out-lines": held_out_lines,
    "improvement": improvement,
    "improvement-either-end": partial(either_end, usual=improvement),
    "jitter-either-sensitivities": partial(robust.jitter, either_sensitivities),
    "jitter-refinement": partial(robust.jitter, refinement),
    "joint": joint,
    "learned-lines": learned_lines,
    "log-error": log_error,
    "log-error-either-end": either_end,
    "log-error-either-sensitivities": partial(either_sensitivities, usual=partial(either_end, without=_MOSTLY_WITHOUT)),
    "magnitude": magnitude,
    "mixture": mixture,
    "mixture-data-driven": data_driven_mixture,
    "refinement": refinement,
}

# Losses that see only the sampled lines.
SELF_SUPERVISED = ("energy", "energy-data-driven", "fixed-energy", "held-out-lines")


def make_loss(name: str, seed: int) -> Loss:
    """The loss with that name. A loss that learns has its first weights, which depend only on the seed."""
    loss = LOSSES[name]
    if not isinstance(loss, type):
        return loss
    with first_weights(seed):
        return loss()


def _drawn_knobs(network: Any, rng: Generator) -> dict[str, float]:
    """Random knobs for the weights of the network's terms; the noise stays as measured."""
    return {knob.name: knob.from_unit(rng.uniform()) for knob in network.knobs[1:]}


def _weighted(network: Any, example: Example, knobs: dict[str, float]) -> tuple[Tensor, Tensor]:
    """The mixture at these knobs, and the image."""
    image = network(example.problem, **knobs)
    weights = hyperrecon_supervised.coefficients(list(knobs.values()), network.form)
    parts = [weight * TERMS[name](image, example) for name, weight in zip(network.terms, weights, strict=True)]
    return torch.stack(parts).sum(), image


def _tv_start(example: Example) -> Tensor:
    return example.problem.tv_by_rule(example.problem.noise)


def _edge_strength(image: Tensor) -> Tensor:
    """The local mean of |grad x|, float32 (..., rows - 1, columns - 1)."""
    here = image[..., :-1, :-1]
    parts = torch.stack((image[..., 1:, :-1] - here, image[..., :-1, 1:] - here))
    power = torch.view_as_real(parts).square().sum((0, -1))
    strength = (power + _SMOOTHING**2).sqrt()
    each = strength.reshape(-1, 1, *strength.shape[-2:])
    return functional.avg_pool2d(each, 5, 1, 2, count_include_pad=False).reshape(strength.shape)


def _drawn_weights(rng: Generator) -> tuple[float, float]:
    return WEIGHT.from_unit(rng.uniform()), MIX.from_unit(rng.uniform())


def _energy_at(network: nn.Module, example: Example, setting: tuple[float, float]) -> Tensor:
    return _energy(network(example.problem, *setting), example.problem, *setting)


def _energy(image: Tensor, problem: Problem, weight: float, mix: float) -> Tensor:
    start = linear_start(problem)
    with torch.autocast(image.device.type, enabled=False):
        value, baseline = (objective(problem.model, problem.data, x, weight, mix, _SMOOTHING) for x in (image, start))
    return value / baseline


def _some_lines(sampled: Tensor, rng: Generator) -> Tensor:
    """Some of the sampled lines outside the ACS, bool (1, columns)."""
    candidates = lines_outside_acs(sampled)
    if len(candidates) < FEWEST_OUTSIDE:
        raise InputError(
            f"{len(candidates)} lines lie outside the ACS; {FEWEST_OUTSIDE} are needed to hold one of them out."
        )
    count = max(round(_HELD_OUT * len(candidates)), 1)
    chosen = torch.zeros_like(sampled)
    chosen[:, candidates[torch.from_numpy(rng.permutation(len(candidates))[:count])]] = True
    return chosen


def _ratio(difference: Tensor, of: Tensor, axes: tuple[int, ...] = (-2, -1)) -> Tensor:
    """||d||_1 / ||x||_1 of each image, or of its data."""
    return difference.abs().sum(axes) / of.abs().sum(axes)


def _norm(x: Tensor) -> Tensor:
    """||x||_2 of each image."""
    return torch.linalg.vector_norm(x, dim=(-2, -1))


def _dissimilarity(image: Tensor, truth: Tensor, mask: Tensor | None = None) -> Tensor:
    """1 - SSIM of each image, on its mask; the data range is the truth's maximum."""
    return (1 - ssim(image, truth, truth.abs().amax((-2, -1), keepdim=True), mask)).to(image.real.dtype)
