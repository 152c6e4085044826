"""What the untrained methods share: a network with a fixed input is fitted to the samples of one slice alone."""

from abc import abstractmethod
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from ..knob import Knob
from ..measurement import Measurement
from ..physics.model import ForwardModel
from ..physics.sampling import acs_region
from ..progress import Job, Progress, relayed, run
from .base import Reconstructor
from .cg_sense import conjugate_gradients
from .muon import optimisers
from .unrolled import Problem, assemble, problems, to_complex

SHARE = 0.05  # of the samples outside the ACS, held out
EVERY = 10  # iterations from one look at the held-out samples to the next
AVERAGE = 0.95  # of the running mean over the iterations' images
SLACK = 1.05  # times the least held-out error, up to which a later image, which fits the samples better, is preferred
PATIENCE = 0.5  # of all iterations, without such an image, after which it ends
MUON = 0.015  # learning rate of the hidden convolutions
PENALTIES = (1e-3, 10.0)  # of the last data consistency, least and largest
STEPS = 10  # its conjugate gradient steps


class Untrained(Reconstructor):
    """min_theta ||A G_theta(z) - y||^2, z fixed noise; then x = argmin ||A x - y||^2 + p ||x - G||^2.

    A share of the samples outside the ACS is held out: of the running mean of the images the last one is kept that
    predicts them about as well as any, and the fit ends when none has done so for a while. p = sigma^2 / tau^2, the
    variance of the noise over that of the network's error, which the held-out samples tell: C (|r|^2 - sigma^2) of
    their residuals r in C coils. The hidden convolutions are fitted by Muon, which needs a fraction of Adam's
    iterations, at rates that fall along a cosine. The scale is `Measurement.scale`, from the undersampled data; where
    no coil sees anything the image is zero. No other image was ever seen.
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
            help="Of the network's first weights and its input; others show how much is left to chance.",
            kind="int",
            default=0,
            maximum=9999,
        ),
    )

    @abstractmethod
    def generator(self, channels: int, shape: tuple[int, int]) -> nn.Module:
        """The network with its input: called without arguments it gives (1, 2, rows, columns)."""

    def reconstruct(self, measurement: Measurement, **knobs: Any) -> Tensor:
        """The image for `iterations`, `channels` and `seed`."""
        return run(self.steps(measurement, **knobs))

    def steps(self, measurement: Measurement, **knobs: Any) -> Job[Tensor]:
        """A preview every few iterations."""
        slices = problems(measurement)
        images: list[Tensor] = []
        for problem in slices:
            with torch.random.fork_rng(devices=[]), torch.enable_grad():
                torch.manual_seed(knobs["seed"])
                network = self.generator(knobs["channels"], problem.model.shape)
            network = network.to(problem.data.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            done = tuple(images)

            def shown(step: Progress, done: tuple[Tensor, ...] = done) -> Progress:
                missing = [torch.zeros_like(step.preview)] * (len(slices) - len(done) - 1)
                preview = assemble([*done, step.preview, *missing], measurement)
                return Progress((len(done) + step.fraction) / len(slices), step.message, preview)

            images.append((yield from relayed(fit(network, problem, knobs["iterations"], self.rate), shown)))
        return assemble(images, measurement)


def fit(network: nn.Module, problem: Problem, iterations: int, rate: float) -> Job[Tensor]:
    """The image of the fitted network, complex64 (rows, columns), with previews of the same kind."""
    held_out = held_out_samples(problem.model)
    seen = replace(problem.model, mask=problem.model.mask & ~held_out)
    unseen = replace(problem.model, mask=held_out)
    b, hidden = seen.adjoint(problem.data), held_out * problem.data
    energy = (seen.mask * problem.data).abs().square().sum()

    def error(image: Tensor) -> float:
        return float((unseen.forward(image) - hidden).norm() / hidden.norm())

    fitting = optimisers(network, rate, MUON)
    falling = [torch.optim.lr_scheduler.CosineAnnealingLR(one, iterations) for one in fitting]
    mean = best = torch.zeros_like(b)
    least, since = float("inf"), 0
    for n in range(iterations):
        with torch.enable_grad():
            image = to_complex(network())
            # ||A x - y||^2 / ||y||^2 - 1 by the normal operator: no coil image is kept for the gradient.
            loss = ((seen.normal(image) - 2 * b).conj() * image).real.sum() / energy
        network.zero_grad()
        loss.backward()
        for optimiser, rates in zip(fitting, falling, strict=True):
            optimiser.step()
            rates.step()
        mean = torch.lerp(image.detach(), mean, min(n / (n + 1), AVERAGE))
        if (n + 1) % EVERY:
            continue
        now = error(mean)
        least = min(now, least)
        if now <= SLACK * least:
            best, since = mean, n
        yield Progress(
            (n + 1) / iterations, f"iteration {n + 1}, held-out error {now:.3f}", mean * problem.model.support
        )
        if n - since > PATIENCE * iterations:
            break
    residual = (unseen.forward(best) - hidden).abs().square().sum() / held_out.sum()  # of all coils together
    noise = problem.noise.square().squeeze()
    penalty = float((noise / (residual - len(hidden) * noise).clamp_min(1e-12)).clamp(*PENALTIES))
    return consistent(problem.model, problem.right_hand_side, best, penalty) * problem.model.support


def held_out_samples(model: ForwardModel) -> Tensor:
    """A share of the samples outside the ACS, bool (rows, columns) of the data space; always the same for a mask.

    Of sampled lines each row of the hybrid data lacks others: a whole line that is missing would cost an artefact.
    Where nothing lies outside, of all samples.
    """
    outside = model.mask.clone()
    outside[acs_region(model.mask)] = False
    candidates = outside if outside.any() else model.mask
    chances = torch.rand(model.shape, generator=torch.Generator().manual_seed(0))
    return candidates & (chances < SHARE).to(candidates.device)


def consistent(model: ForwardModel, b: Tensor, image: Tensor, penalty: float) -> Tensor:
    """argmin_x ||A x - y||^2 + p ||x - image||^2, b = A^H y, a few steps from the image."""
    residual = b - model.normal(image)
    return image + conjugate_gradients(lambda x: model.normal(x) + penalty * x, residual, STEPS)


def upsampled(shape: tuple[int, int], doublings: int) -> list[tuple[int, int]]:
    """Sizes from small to `shape`, each about twice the one before."""
    rows, columns = shape
    return [(-(-rows // 2**n), -(-columns // 2**n)) for n in range(doublings, -1, -1)]


def fixed_noise(*shape: int) -> Tensor:
    """What goes in: uniform in [0, 0.1]."""
    return torch.rand(*shape) / 10
