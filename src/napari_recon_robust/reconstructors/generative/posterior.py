"""Posterior sampling with a denoiser as the prior."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor, nn

from ...data.measurement import Measurement, as_single
from ...data.units import check_signal
from ...evaluation.comparison import region_cautions
from ...evaluation.contrast import Contrasts, brightness, surroundings
from ...ground.cached_property import cached_property
from ...ground.errors import InputError
from ...ground.guard import check_memory
from ...ground.knob import Knob
from ...ground.progress import Job, Progress, relayed
from ...ground.recent import Recent
from ...networks.channels import channels, on_blocks, smooth, to_complex
from ...networks.image_network import ResidualUNet
from ...networks.loading import load_trained
from ..base import Reconstructor
from ..classical import tv
from ..classical.conjugate_gradients import conjugate_gradients, steps_needed
from ..problem import Problem, assemble, in_turn, problems

LEVELS = 0.002, 0.6  # levels of noise that the denoiser is trained for, relative to the image's scale
FIRST, LAST = 0.5, 0.003  # the levels at which a sample begins and ends
SIGNAL = 0.4  # root mean square of images, relative to their scale
LEAST_VARIANCE = 1e-3  # of the denoised image, relative to that of images without any structure
# This is said beside a probability; benchmarks/contrast.py measured it with the shipped weights.
CALIBRATION = (
    "Measured on 41 simulated lesions of one held-out head (R = 3.2): a contrast of probability 50% was exceeded by "
    "34% of them (95% interval 21 to 49%), of 90% by 78% (64 to 89%), of 10% by 10% (3 to 22%). "
    "Each sample keeps something of TV's image, at which it starts."
)
MOST = 256  # samples that the knob draws at most, and that are kept of each measurement
PRECISION = 1e-2  # of conjugate gradients, in each step of a sample


@dataclass(frozen=True, eq=False)
class PosteriorSamples:
    """Draws of the image given one measurement.

    images: complex64 (samples, ..., rows, columns), in the scan's units. consistency: ||A x - y|| / ||y|| of each,
    float32 (samples, ...).
    """

    images: Tensor
    consistency: Tensor

    @cached_property
    def mean(self) -> Tensor:
        """Complex64 (..., rows, columns): the estimate with the least mean squared error."""
        return self.images.mean(0)

    @cached_property
    def deviation(self) -> Tensor:
        """The standard deviation of the magnitude, float32 (..., rows, columns); InputError for a single sample."""
        if len(self.images) < 2:
            raise InputError("one sample has no standard deviation; draw at least two.")
        return self.images.abs().std(0)


class Posterior(Reconstructor):
    """x ~ p(x | y) = p(x) exp(-||A x - y||^2 / sigma^2) / Z;  the image is the mean of several such samples.

    A denoiser knows the prior p. It is trained only on fully sampled images, and gives m and V, the mean and the
    variances of x given x_s = x + s n, n white noise. A sample starts at x_s = TV's image + s n, s = 0.5, and goes down
    to 0.003 by

    x   = m + e + V A^H (A V A^H + sigma^2 I)^-1 (y + f - A (m + e)),    e ~ N(0, V),  f ~ N(0, sigma^2 I),
    x_r = x + (r / s)^2 (x_s - x) + r sqrt(1 - (r / s)^2) n,             r the level after s.

    If the errors of m are independent and normal, x is a draw given x_s and y, and x_r one given both (the stochastic
    sampler of Song et al. 2021, https://arxiv.org/abs/2011.13456; learned variances: Peng et al. 2024,
    https://arxiv.org/abs/2402.02149). Real and imaginary part have variances of their own: without its local phase
    (`Problem.aligned`) the image is nearly real, and the denoiser knows that too. The annealed Langevin dynamics of
    Jalal et al. 2021, https://arxiv.org/abs/2108.01368, take thousands of steps where this takes tens.

    These are draws of p(x | y) if x in the start is one. TV's image is none, and since s = 0.5 does not drown it, a
    sample keeps something of it, however many steps it takes. With the exact denoiser of a Gaussian prior (12x12
    pixels, 3 coils) the spread was within 7% of the posterior's, and the mean was off by 0.20 of its standard deviation
    for independent pixels and by 0.62 for correlated ones; from draws of the posterior on, by no more than chance and
    by 0.21. With the shipped weights (64x65 pixels of a real brain, R = 4) the mean moves by 0.51 of the samples'
    standard deviation if they start at A^H y instead.
    """

    id = "posterior"
    label = "Posterior sampling"
    summary = "Draws images that fit the samples and look like the training's; their mean, and their spread."
    sources = ("song2021", "jalal2021", "peng2024")
    differentiable = False
    draw = MappingProxyType({"samples": 1, "show": "mean"})
    caution = "The spread is of the noise and the prior; errors of the sensitivities and of the prior are not in it."
    weights: str
    knobs = (
        Knob(
            name="samples",
            label="Samples",
            help="How many images are drawn. A single one is a sample to look at: other seeds give others.",
            kind="int",
            default=8,
            minimum=1,
            maximum=MOST,
        ),
        Knob(
            name="show",
            label="Show",
            help="The mean of the samples, or the standard deviation of their magnitude.",
            kind="choice",
            choices=("mean", "deviation"),
            default="mean",
        ),
        Knob(
            name="steps",
            label="Steps",
            help="Levels of noise from strong to weak that each sample passes; fewer are coarser.",
            kind="int",
            default=20,
            minimum=2,
            maximum=1000,
        ),
        Knob(
            name="seed",
            label="Seed",
            help="Seed of the first sample; the next ones count on.",
            kind="int",
            default=0,
            maximum=9999,
        ),
    )

    def __init__(self, weights: str | Path = "posterior") -> None:
        self.weights = str(weights)
        self._drawn: WeakKeyDictionary[Measurement, Recent[tuple[Tensor, Tensor]]] = WeakKeyDictionary()

    def network(self, device: torch.device) -> "Denoiser":
        """The trained denoiser; all instances share it."""
        return load_trained(Denoiser, self.weights, device)

    def is_image(self, knobs: Mapping[str, Any]) -> bool:
        """Whether the mean is shown; the map of the standard deviation is no image."""
        return bool(knobs["show"] == "mean")

    def steps(self, measurement: Measurement, **knobs: Any) -> Job[Tensor]:
        """The image as a job; each step's preview is what the sample is going to look like."""
        samples = yield from self.samples(measurement, knobs["samples"], knobs["steps"], knobs["seed"])
        return samples.mean if knobs["show"] == "mean" else samples.deviation.to(samples.images.dtype)

    def samples(self, measurement: Measurement, count: int, steps: int = 20, seed: int = 0) -> Job[PosteriorSamples]:
        """`count` samples, of the seeds from `seed` on; those drawn last from the same measurement are reused.

        Raises InputError at once for more samples than there is memory for.
        """
        bytes_each = 8 * math.prod((*measurement.kspace.shape[:-3], *measurement.matrix))
        check_memory(f"a set of {count} samples", 2 * count * bytes_each, InputError)  # one by one, and in one tensor
        drawn = []
        for number in range(count):
            drawn.append((yield from self._sample(measurement, number, count, steps, seed)))
        images, consistency = zip(*drawn, strict=True)
        return PosteriorSamples(torch.stack(images), torch.stack(consistency))

    def contrasts(
        self,
        measurement: Measurement,
        region: Tensor,
        reference: Tensor | None = None,
        count: int = 64,
        steps: int = 20,
        seed: int = 0,
    ) -> Job[Contrasts]:
        """The contrast of a region to a reference region in each of `count` samples of one slice.

        region, reference: bool (rows, columns); the reference is by default the region's surroundings, 3 to 6 pixels
        beyond it. `CALIBRATION` says how right the resulting probabilities are, and the result's `cautions` where a
        region is air or small. Raises InputError for a batch, for k-space that is zero, for a reference where no coil
        sees anything, and for regions that overlap or are empty.
        """
        check_signal(as_single(measurement).largest)
        against = surroundings(region) if reference is None else reference
        brightness(torch.ones(1, *region.shape), region, against)  # refused before hours of samples, not after
        region, against, means = region.cpu(), against.cpu(), []
        if not bool(measurement.crop(measurement.model.support).cpu()[against].any()):
            raise InputError("no coil sees anything in the reference region; choose one that lies on tissue.")
        for number in range(count):
            image, _ = yield from self._sample(measurement, number, count, steps, seed)
            means.append(brightness(image.cpu()[None], region, against))  # of thousands of images no more is kept
            if not number:
                Contrasts.between(*means[0])  # so that a reference of zero is refused now
        doubts = [
            words
            for one, called in ((region, "the region"), (against, "the reference region"))
            for words in region_cautions(one, measurement.foreground.cpu(), called).values()
        ]
        return replace(Contrasts.between(*torch.cat(means, dim=1)), cautions=tuple(doubts))

    def _sample(
        self, measurement: Measurement, number: int, count: int, steps: int, seed: int
    ) -> Job[tuple[Tensor, Tensor]]:
        """The sample of a number from 0 to count - 1, drawn or found: the image, and its data consistency."""

        def shown(step: Progress) -> Progress:
            return Progress((number + step.fraction) / count, f"sample {number + 1} of {count}", step.preview)

        known, key = self._drawn.setdefault(measurement, Recent(MOST)), (steps, seed + number)
        found = known.find(key)
        if found is None:
            found = known.keep(key, (yield from relayed(self._draw(measurement, *key), shown)))
        return found

    def _draw(self, measurement: Measurement, steps: int, seed: int) -> Job[tuple[Tensor, Tensor]]:
        """One sample of each slice, and their data consistency."""
        network = self.network(measurement.kspace.device)
        images = yield from in_turn(measurement, lambda problem: posterior_sample(network, problem, steps, seed))
        misfits = [one.model.misfit(image, one.data) for one, image in zip(problems(measurement), images, strict=True)]
        return assemble(images, measurement), torch.stack(misfits).reshape(measurement.kspace.shape[:-3])


def posterior_sample(network: "Denoiser", problem: Problem, steps: int, seed: int) -> Job[Tensor]:
    """One sample, complex64 (rows, columns), relative to the problem's scale, with previews of the same kind."""
    aligned, phase = problem.aligned
    start = problem.tv(tv.rule(float(problem.noise))) * phase.conj()
    generator = torch.Generator().manual_seed(seed)

    def noise() -> Tensor:
        return torch.randn(start.shape, dtype=start.dtype, generator=generator).to(start.device)

    levels = torch.from_numpy(np.geomspace(FIRST, LAST, steps)).to(start.real)
    with torch.no_grad():
        noisy = start + levels[0] * noise()
        for n, level in enumerate(levels):
            image = conditional_draw(network(noisy, level), aligned, generator)
            yield Progress((n + 1) / steps, preview=phase * image)
            if n + 1 < steps:
                share = (levels[n + 1] / level).square()
                noisy = torch.lerp(image, noisy, share) + levels[n + 1] * (1 - share).sqrt() * noise()
    return phase * image


def conditional_draw(prior: "Denoised", problem: Problem, generator: torch.Generator) -> Tensor:
    """The x of `Posterior` given m, V and y, complex64 (rows, columns): a draw by perturbing m and y and solving.

    It is z + D u, (D A^H A D + sigma^2 I) u = D A^H (y + f - A z), z = m + e, D^2 = V. This is linear in the real and
    the imaginary part, which have variances of their own; here sigma^2 is that of one part, half of the noise's, with
    the noise of `assumed_noise`.
    Without the draws e and f it would be the mean (perturb and optimise, Papandreou and Yuille 2010).
    Points that are known to be zero count as samples with noise. Coils do not explain the reference exactly there, and
    without a draw f at them the spread would agree with the error less: 0.75 of it instead of 0.78 with half of the
    lines padded, 0.87 instead of 0.93 at the padded ones (four samples of a 16-coil brain, R = 2, 10 steps).
    """
    model, deviation, sigma = problem.model, prior.variance.sqrt(), assumed_noise(problem.noise, prior.variance)
    power = sigma.square() / 2

    def noise(like: Tensor) -> Tensor:
        return torch.randn(like.shape, dtype=like.dtype, generator=generator).to(like.device)

    def scaled(x: Tensor) -> Tensor:
        return torch.view_as_complex(torch.view_as_real(x) * deviation)

    perturbed = prior.mean + 2**0.5 * scaled(noise(prior.mean))  # a part of complex noise has half its variance
    data = problem.right_hand_side + model.adjoint(sigma * noise(problem.data))
    iterations = steps_needed(1 + float(prior.variance.amax() / power), PRECISION)
    right = scaled(data - model.normal(perturbed))
    return perturbed + scaled(
        conjugate_gradients(lambda u: scaled(model.normal(scaled(u))) + power * u, right, iterations)
    )


def assumed_noise(noise: Tensor, variance: Tensor) -> Tensor:
    """The sigma of a step: that of the data, or the least with which single precision solves for u to `PRECISION`.

    It does so for a condition 1 + 2 V / sigma^2 up to PRECISION / eps, about 84,000, V the largest variance. With small
    V, towards the end of a sample, this is far below any noise.
    """
    least = 2 * torch.finfo(variance.dtype).eps / PRECISION * variance.amax()
    return torch.maximum(noise, least.sqrt())


class Denoised(NamedTuple):
    """E[x | x_s], complex64 (rows, columns), and the variance of its real and imaginary part, (rows, columns, 2)."""

    mean: Tensor
    variance: Tensor


class Denoiser(nn.Module):
    """Mean and variance of an image without local phase, given the image with white noise of a known level.

    mean = c x_s + o U,  variance = o^2 / 2 (exp V + 0.001),  c = d^2 / (s^2 + d^2),  o^2 = s^2 c,  d = 0.4. If images
    were white noise of deviation d, o^2 would be their remaining variance and c the weight of their best estimate
    (Karras et al. 2022, https://arxiv.org/abs/2206.00364). A residual U-Net on 2x2 blocks gives U and V; widths: its
    channels.
    """

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.body = ResidualUNet(20, 16, tuple(widths))

    def forward(self, image: Tensor, deviation: Tensor) -> Denoised:
        """image: complex64 (rows, columns), x_s; deviation: s, with E|s n|^2 = s^2, float32 without axes."""
        power = deviation.square() + SIGNAL**2
        keep = SIGNAL**2 / power
        left = deviation * keep.sqrt()
        detail = channels((image - smooth(image)) / deviation).asinh()
        level = deviation.log().expand(1, 1, *image.shape)
        features = on_blocks(self.body, torch.cat((channels(image / power.sqrt()), detail, level), dim=1))
        mean = keep * image + left * to_complex(features[:, :2])
        variance = left.square() / 2 * (features[0, 2:].movedim(0, -1).exp() + LEAST_VARIANCE)
        return Denoised(mean, variance)
