"""Whether a trained network should go on learning from the samples of one slice: held-out samples decide."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from ...data.measurement import Measurement
from ...ground.progress import Job, Progress
from ...physics.acs import mask_outside_acs
from ...physics.model import ForwardModel
from ..base import Method
from ..problem import LEAST_NOISE, Problem
from .trained import TrainedReconstructor

SHARE = 1 / 8  # of the samples outside the ACS, held out
FEWEST = 64  # samples held out; fewer decide nothing
EVERY = 5  # steps between evaluations of the held-out error
PATIENCE = 4  # evaluations without a smaller error, after which the learning ends
ERRORS = 3.0  # standard errors by which the held-out error must fall


@dataclass(frozen=True, eq=False)
class Adaptation:
    """The result of `adapt`.

    network: the adapted one, or None if the trained one is kept. steps: the number after which the held-out error was
    least. fall: the fraction by which it had fallen then; error: the standard error of that fraction. judged: whether
    there were enough samples to hold some out.
    """

    network: nn.Module | None = None
    steps: int = 0
    fall: float = 0.0
    error: float = 0.0
    judged: bool = True

    @property
    def words(self) -> str:
        """The decision and its reason."""
        if not self.judged:
            return "not adapted: too few samples lie outside the ACS to hold some out"
        if not self.steps:
            return "not adapted: the held-out error does not fall"
        fell = f"the held-out error fell by {100 * self.fall:.3g} ± {100 * self.error:.2g}% in {self.steps} steps"
        return f"not adapted: {fell}" if self.network is None else f"adapted: {fell}"


def adapt(method: Method, measurement: Measurement, steps: int, rate: float) -> Job[Adaptation]:
    """Train a copy of the method's network on the samples of one slice, and keep it if it predicts others better.

    An eighth of the samples outside the ACS is held out of input and loss, drawn at random over all rows of the data,
    that is from the image rows times the sampled lines, or from the points of a 2-D pattern. The error of a sample is
    sum_i |r_i|^2 / sigma_i^2 over the coils, r = A x - y. The network learns for at most `steps` steps from the other
    samples, and ends earlier if the mean error of the held-out ones does not fall any more. The trained network is kept
    unless their mean error fell by more than three standard errors, paired over the samples. Otherwise it learns again,
    from all samples and for the number of steps at which the held-out error was least.

    Previews are images as they are while it learns.
    """
    reconstructor = cast(TrainedReconstructor, method.reconstructor)
    trained: nn.Module = reconstructor.network(measurement.kspace.device)
    problem = reconstructor.problem(measurement, **method.knobs)
    held_out = _held_out(measurement, problem.model.shape)
    if held_out is None:
        return Adaptation(judged=False)
    fit = _Fit(method, _only(problem, problem.model.mask & ~held_out))
    hidden = _Hidden.of(problem, held_out, measurement)

    def shown(image: Tensor) -> Tensor:
        return measurement.crop(image * measurement.scale)

    first = hidden.errors(fit, trained)
    level = float(first.mean()) or 1.0  # of air: zero
    least, best = first, 0
    network, learning = _learning(trained, fit, rate)
    for n, image in enumerate(learning, start=1):
        if n % EVERY == 0 or n == steps:
            errors = hidden.errors(fit, network)
            if errors.mean() < least.mean():
                least, best = errors, n
            change = float(errors.mean()) / level - 1
            yield Progress(n / (2 * steps), f"step {n}, held-out error {change:+.1%}", shown(image))
        if n == steps or n - best >= EVERY * PATIENCE:
            break
    fall = first - least
    error = float(fall.std()) / len(fall) ** 0.5
    outcome = Adaptation(None, best, float(fall.mean()) / level, error / level)
    if not outcome.fall > ERRORS * outcome.error:
        return outcome
    network, learning = _learning(trained, _Fit(method, problem), rate)
    for n, image in zip(range(1, best + 1), learning, strict=False):
        if n % EVERY == 0:
            yield Progress(0.5 + n / (2 * best), f"step {n} of {best}, from all samples", shown(image))
    return replace(outcome, network=network)


class _Fit:
    """The samples of one slice, and how far the image of a network is from them."""

    def __init__(self, method: Method, problem: Problem) -> None:
        self.method, self.problem = method, problem

    def image(self, network: nn.Module) -> Tensor:
        """The image, complex64 (rows, columns). A magnitude takes the phase of a regularized SENSE image."""
        reconstructor = cast(TrainedReconstructor, self.method.reconstructor)
        image = reconstructor.solve(network, self.problem, **self.method.knobs)
        return image if image.is_complex() else image * self.problem.aligned_linearly[1]

    def misfit(self, image: Tensor) -> Tensor:
        """||A x - y||_1 / ||y||_1."""
        size = self.problem.data.abs().sum().clamp_min(torch.finfo(torch.float32).tiny)  # of air: zero
        return (self.problem.model.forward(image) - self.problem.data).abs().sum() / size


@dataclass(frozen=True, eq=False)
class _Hidden:
    """Held-out samples. inverse: 1 / sigma_i, float32 (coils, 1, 1)."""

    problem: Problem
    inverse: Tensor

    @classmethod
    def of(cls, problem: Problem, held_out: Tensor, measurement: Measurement) -> "_Hidden":
        sigma = measurement.data_noise.reshape(-1, 1, 1) / measurement.scale
        return cls(_only(problem, held_out), 1 / sigma.clamp_min(LEAST_NOISE))

    @torch.no_grad()
    def errors(self, fit: _Fit, network: nn.Module) -> Tensor:
        """sum_i |r_i|^2 / sigma_i^2 of each held-out sample, float64 (samples,)."""
        model = self.problem.model
        residual = torch.view_as_real((model.forward(fit.image(network)) - self.problem.data) * self.inverse)
        return residual.double().square().sum((0, -1))[model.mask]


def _learning(trained: nn.Module, fit: _Fit, rate: float) -> tuple[nn.Module, Iterator[Tensor]]:
    """A copy of the network, and its steps: each changes the copy and gives the image from before."""
    network = copy.deepcopy(trained).requires_grad_(True)
    optimizer = torch.optim.Adam(network.parameters(), rate)

    def steps() -> Iterator[Tensor]:
        while True:
            with torch.enable_grad():
                image = fit.image(network)
                loss = fit.misfit(image)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            yield image.detach()

    return network, steps()


def _held_out(measurement: Measurement, shape: tuple[int, int]) -> Tensor | None:
    """The held-out samples in the data space of the model, bool (rows, columns); None if there are too few.

    They are always the same for the same mask.
    """
    outside = mask_outside_acs(measurement.sampled)
    candidates = outside.expand(shape).flatten().nonzero().flatten()
    count = round(SHARE * len(candidates))
    if count < FEWEST:
        return None
    chosen = np.random.default_rng(0).permutation(len(candidates))[:count]
    held_out = torch.zeros(shape, dtype=torch.bool, device=outside.device)
    held_out.view(-1)[candidates[torch.from_numpy(chosen).to(outside.device)]] = True
    return held_out


def _only(problem: Problem, mask: Tensor) -> Problem:
    """The problem with the samples of this mask only."""
    model = ForwardModel(problem.model.sensitivities, mask, problem.model.dims)
    return replace(problem, model=model, data=mask * problem.data)
