"""What the untrained methods share: a network with a fixed input is fitted to the samples of one slice."""

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from ...data.measurement import Measurement, data_shape
from ...ground.knob import Knob
from ...ground.progress import Job, Progress, run
from ...networks.channels import to_complex
from ...networks.first_weights import first_weights
from ...networks.muon import optimisers
from ...physics.acs import mask_outside_acs
from ...physics.model import ForwardModel
from ..base import Reconstructor
from ..classical.conjugate_gradients import conjugate_gradients, proximal
from ..problem import Problem, assemble, in_turn, problems

SHARE = 0.05  # of the samples outside the ACS, held out
EVERY = 10  # iterations from one look at the held-out samples to the next
AVERAGE = 0.95  # decay of the running mean over the iterations' images
SLACK = 1.05  # a later image, which fits the samples better, is kept up to this multiple of the least held-out error
PATIENCE = 0.5  # the fit ends after this share of all iterations in which no image was kept
MUON = 0.015  # learning rate of the hidden convolutions
PENALTIES = (1e-3, 10.0)  # of the last data consistency, least and largest
STEPS = 10  # its conjugate gradient steps
FURTHER = 10  # conjugate gradient steps of a continuation


class Untrained(Reconstructor):
    """min_theta ||A G_theta(z) - y||^2, z fixed noise; then x = argmin ||A x - y||^2 + p ||x - G||^2.

    A share of the samples outside the ACS is held out. The fit keeps the running mean of its images whenever the error
    of the held-out samples is within 5% of its least value, and ends when that has not happened for half of all
    iterations. p = sigma^2 / tau^2 is the variance of the noise over that of the network's error, C (|r|^2 - sigma^2)
    from the residuals r of the held-out samples in C coils. Muon fits the hidden convolutions in a fraction of Adam's
    iterations, at rates that fall along a cosine. The scale is `Measurement.scale`, from the undersampled data; outside
    every coil's sensitivity the image is zero. The method sees no other image.
    """

    differentiable = False
    rate: float  # of Adam, for what Muon does not fit
    knobs: tuple[Knob, ...] = (
        Knob(
            name="iterations",
            label="Iterations",
            help="At most; the fit ends earlier when held-out samples are predicted no better.",
            kind="int",
            default=1000,
            minimum=20,
            maximum=20000,
        ),
        Knob(
            name="channels",
            label="Channels",
            help="Width of the network; wider ones fit more detail, and more noise.",
            kind="int",
            default=32,
            minimum=8,
            maximum=368,
        ),
        Knob(
            name="seed",
            label="Seed",
            help="Seed of the network's first weights and its input; others show how much is left to chance.",
            kind="int",
            default=0,
            maximum=9999,
        ),
    )

    @abstractmethod
    def generator(self, channels: int, shape: tuple[int, int]) -> nn.Module:
        """The network with its input: called without arguments it gives (1, 2, rows, columns)."""

    def steps(self, measurement: Measurement, **knobs: Any) -> Job[Tensor]:
        """The image as a job, with a preview every few iterations."""
        held_out = held_out_samples(measurement)

        def solve(problem: Problem) -> Job[Tensor]:
            fitted = yield from fit(self._network(problem, knobs), problem, held_out, knobs["iterations"], self.rate)
            return fitted.image(problem)

        return assemble((yield from in_turn(measurement, solve)), measurement)

    def continuation(self, measurement: Measurement, **knobs: Any) -> Reconstructor:
        """The fit's last iterations, a `Continuation`."""
        (problem,) = problems(measurement)
        held_out = held_out_samples(measurement)
        fitted = run(fit(self._network(problem, knobs), problem, held_out, knobs["iterations"], self.rate))
        return Continuation(fitted, Seen.of(problem, held_out))

    def _network(self, problem: Problem, knobs: dict[str, Any]) -> nn.Module:
        with first_weights(knobs["seed"]), torch.enable_grad():
            network = self.generator(knobs["channels"], problem.model.shape)
        return network.to(problem.data.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]


@dataclass(frozen=True, eq=False)
class Fit:
    """A network fitted to a slice. mean: the mean of its last images, complex64 (rows, columns); penalty: p."""

    network: nn.Module
    mean: Tensor
    penalty: float

    def image(self, problem: Problem, change: Tensor | float = 0.0) -> Tensor:
        """argmin_x ||A x - y||^2 + p ||x - (mean + change)||^2, complex64 (rows, columns); differentiable."""
        x = proximal(problem.model, problem.right_hand_side, self.mean + change, self.penalty, STEPS)
        return x * problem.model.support


class Continuation(Reconstructor):
    """x as in `Untrained`, G = G_0 + J d, min_d ||A (G_0 + J d) - y||^2: the fit's last iterations, on these samples.

    G_0 is the fit's mean image, J the derivative of its last image by the parameters, relative to their size in each
    tensor. A few conjugate gradient steps start at d = 0. What the samples already explain of G_0 is left out, so that
    clean samples give the clean image. It is differentiable in y, which the fit itself, with hundreds of steps, is not.
    """

    id = "continuation"
    label = "The last iterations"
    summary = "An untrained network, linearised where its fit to the clean samples ended."

    def __init__(self, fitted: Fit, seen: "Seen") -> None:
        self.fitted, self.seen = fitted, seen
        self.tangent = Tangent(fitted.network, self.seen.model)

    def reconstruct(self, measurement: Measurement, **knobs: Any) -> Tensor:
        """The image of one slice."""
        (problem,) = problems(measurement)
        seen = Seen.of(problem, held_out_samples(measurement))
        change = _Symmetric.apply(seen.b - self.seen.b, self.tangent)
        return assemble([self.fitted.image(problem, change)], measurement)


class Tangent:
    """u -> J (J^T N J)^-1 J^T u of images, complex64 (rows, columns), by a few conjugate gradient steps.

    J is the derivative of a network's image by its parameters, N the normal operator of `model`.
    """

    def __init__(self, network: nn.Module, model: ForwardModel) -> None:
        self.model = model
        with torch.enable_grad():
            parameters = list(network.parameters())
            self.scales = [one.detach().norm() / one.numel() ** 0.5 for one in parameters]
            self.parameters = parameters
            self.image = torch.view_as_real(to_complex(network()))
            self.weights = torch.zeros_like(self.image, requires_grad=True)
            # Linear in the weights: its derivative by them is J.
            self.pulled = torch.autograd.grad(self.image, parameters, self.weights, create_graph=True)

    def __call__(self, image: Tensor) -> Tensor:
        """Apply the operator, which is symmetric."""
        right = self.pull(image)
        found = conjugate_gradients(lambda d: self.pull(self.model.normal(self.push(d))), right, FURTHER)
        return self.push(found)

    def push(self, direction: Tensor) -> Tensor:
        """J d, complex64 (rows, columns), of d (1, parameters)."""
        parts = direction[0].real.split([one.numel() for one in self.parameters])
        scaled = [s * part.view_as(one) for s, part, one in zip(self.scales, parts, self.parameters, strict=True)]
        (moved,) = torch.autograd.grad(self.pulled, self.weights, scaled, retain_graph=True)
        return torch.view_as_complex(moved.contiguous())

    def pull(self, image: Tensor) -> Tensor:
        """J^T u, (1, parameters), real but in the complex type that `conjugate_gradients` takes."""
        weights = torch.view_as_real(image.resolve_conj().contiguous())
        gradients = torch.autograd.grad(self.image, self.parameters, weights, retain_graph=True)
        return torch.cat([s * one.flatten() for s, one in zip(self.scales, gradients, strict=True)])[None] + 0j


class _Symmetric(torch.autograd.Function):
    """A symmetric operator, which is its own backward pass."""

    @staticmethod
    def forward(ctx: Any, image: Tensor, operator: Tangent) -> Tensor:
        ctx.operator = operator
        return operator(image)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return ctx.operator(gradients[0]), None


@dataclass(frozen=True, eq=False)
class Seen:
    """The samples that a network is fitted to: their model, A^H y and ||y||^2."""

    model: ForwardModel
    b: Tensor
    energy: Tensor

    @classmethod
    def of(cls, problem: Problem, held_out: Tensor) -> "Seen":
        """The samples of a problem without the held-out ones, and what is known to be zero."""
        model = replace(problem.model, mask=problem.model.mask & ~held_out)
        return cls(model, model.adjoint(problem.data), (model.mask * problem.data).abs().square().sum())

    def loss(self, image: Tensor) -> Tensor:
        """||A x - y||^2 / ||y||^2 - 1 by the normal operator: no coil image is kept for the gradient."""
        return ((self.model.normal(image) - 2 * self.b).conj() * image).real.sum() / self.energy


def fit(network: nn.Module, problem: Problem, held_out: Tensor, iterations: int, rate: float) -> Job[Fit]:
    """The fitted network, with previews of its image, complex64 (rows, columns). held_out: as of `held_out_samples`."""
    samples, unseen = Seen.of(problem, held_out), replace(problem.model, mask=held_out)
    fitting = optimisers(network, rate, MUON)
    falling = [torch.optim.lr_scheduler.CosineAnnealingLR(one, iterations) for one in fitting]
    mean = best = torch.zeros_like(samples.b)
    least, since = float("inf"), 0
    for n in range(iterations):
        with torch.enable_grad():
            image = to_complex(network())
            loss = samples.loss(image)
        network.zero_grad()
        loss.backward()
        for optimiser, rates in zip(fitting, falling, strict=True):
            optimiser.step()
            rates.step()
        mean = torch.lerp(image.detach(), mean, min(n / (n + 1), AVERAGE))
        if (n + 1) % EVERY:
            continue
        now = float(unseen.misfit(mean, problem.data))
        least = min(now, least)
        if now <= SLACK * least:
            best, since = mean, n
        yield Progress(
            (n + 1) / iterations, f"iteration {n + 1}, held-out error {now:.3f}", mean * problem.model.support
        )
        if n - since > PATIENCE * iterations:
            break
    hidden = held_out * problem.data
    residual = (unseen.forward(best) - hidden).abs().square().sum() / held_out.sum()  # of all coils together
    noise, coils = problem.noise.square().squeeze(), (hidden != 0).any(-1).any(-1).sum()
    penalty = float((noise / (residual - coils * noise).clamp_min(1e-12)).clamp(*PENALTIES))
    return Fit(network, best, penalty)


def held_out_samples(measurement: Measurement) -> Tensor:
    """A share of the samples outside the ACS, bool (rows, columns) of the data space; always the same for a mask.

    Of sampled lines each row of the hybrid data lacks other samples: a whole missing line would cause an artefact.
    If no sample lies outside the ACS, the share is that of all samples. One sample is held out at least. What is known
    to be zero, such as padding, is never held out: it has no noise, and is predicted better than samples are.
    """
    outside = mask_outside_acs(measurement.sampled)
    candidates = outside if outside.any() else measurement.sampled
    generator = torch.Generator().manual_seed(0)
    chances = torch.rand(data_shape(measurement), generator=generator, dtype=torch.float32).to(candidates.device)
    return candidates & (chances <= chances[candidates.expand(chances.shape)].min().clamp_min(SHARE))


def upsampled(shape: tuple[int, int], doublings: int) -> list[tuple[int, int]]:
    """Sizes from small to `shape`, each about twice the one before; all but the first have two pixels, for batch norms.

    Where a small image has no such sizes, they are as large as the least that has.
    """
    rows, columns = shape
    first, *sizes = [(-(-rows // 2**n), -(-columns // 2**n)) for n in range(doublings, -1, -1)]
    least = next((size for size in sizes if max(size) > 1), shape)
    return [first, *(size if max(size) > 1 else least for size in sizes)]


def fixed_noise(*shape: int) -> Tensor:
    """The network's input, uniform in [0, 0.1]."""
    return torch.rand(*shape, dtype=torch.float32) / 10
