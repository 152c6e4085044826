"""Compressed sensing with a generative model: the image is generated, and may deviate from that sparsely."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...data.measurement import Measurement
from ...ground.knob import Knob
from ...ground.progress import Job, Progress
from ...ground.recent import Recent
from ...networks.channels import to_complex
from ...networks.image_network import ResidualBlock
from ...networks.loading import load_trained
from ..base import Reconstructor
from ..classical import tv
from ..problem import Problem, assemble, in_turn, problems

LATENT, STRIDE = 16, 8  # channels of z, and pixels from one of its places to the next
ERROR = 0.05  # standard deviation of what the generator cannot make, relative to the image's scale
RATE = 0.05  # of Adam
KEPT = 16  # generated images of each measurement that are kept, more than a choice of different ones draws
EVERY = 10  # iterations from one preview to the next


class GANPrior(Reconstructor):
    """x = u (g + d),  g = G(z),  z = argmin_z ||A u G(z) - y||^2 + 0.05^2 ||z||^2,

    d = argmin_d 1/2 ||A u (g + d) - y||^2 + w TV(d),  w = 0.7 sigma^1.5 times the knob `deviation`, u the local
    phase of A^H y. G is a generator of patches: z is a standard normal map of 16 channels with a place for every 8x8
    pixels, and G is a convolutional network, so that images may have any size. Adam finds z from normal draws
    (restarts), and the z with the least objective is taken. Bora et al. 2017, https://arxiv.org/abs/1703.03208; the
    sparse deviations d are those of Dhar et al. 2018, https://arxiv.org/abs/1807.01442, in TV. With a large w the image
    comes only from the generator: it is plausible, and wrong where the training has seen nothing like it.

    G was trained as the decoder of an autoencoder against a discriminator (Larsen et al. 2016,
    https://arxiv.org/abs/1512.09300).
    """

    id = "gan-prior"
    label = "GAN prior (CSGM)"
    summary = "Looks for the generated image that fits the samples, with restarts; sparse deviations from it."
    sources = ("bora2017", "dhar2018")
    differentiable = False
    draw = MappingProxyType({"restarts": 1})
    weights: str
    caution = "What the samples leave open is invented by a generator of small patches."
    knobs = (
        Knob(
            name="deviation",
            label="Weight of deviations",
            help="Weight of the total variation of what the generator cannot make; large ones hardly change its image.",
            default=1.0,
            minimum=0.3,
            maximum=300.0,
            scale="log",
            unit="× rule",
            live=True,
        ),
        Knob(
            name="iterations",
            label="Iterations",
            help="Steps of Adam from each start.",
            kind="int",
            default=150,
            minimum=1,
            maximum=5000,
        ),
        Knob(
            name="restarts",
            label="Restarts",
            help="How many starts are tried; the best is taken.",
            kind="int",
            default=2,
            minimum=1,
            maximum=50,
        ),
        Knob(
            name="seed",
            label="Seed",
            help="Seed of the first start; the next ones count on.",
            kind="int",
            default=0,
            maximum=9999,
        ),
    )

    def __init__(self, weights: str | Path = "gan-prior") -> None:
        self.weights = str(weights)
        self._generated: WeakKeyDictionary[Measurement, Recent[list[Tensor]]] = WeakKeyDictionary()

    def network(self, device: torch.device) -> "PriorNetwork":
        """The trained generator and its encoder; all instances share them."""
        return load_trained(PriorNetwork, self.weights, device)

    def steps(self, measurement: Measurement, **knobs: Any) -> Job[Tensor]:
        """The image as a job, with a preview every few iterations; images generated last for a measurement are kept."""
        generator = self.network(measurement.kspace.device).generator
        known = self._generated.setdefault(measurement, Recent(KEPT))
        key = knobs["iterations"], knobs["restarts"], knobs["seed"]
        generated = known.find(key)
        if generated is None:
            searched = yield from in_turn(measurement, lambda problem: search(generator, problem, *key))
            generated = known.keep(key, searched)
        factor = knobs["deviation"]
        pairs = zip(problems(measurement), generated, strict=True)
        images = [image + deviation(problem, image, factor) for problem, image in pairs]
        return assemble(images, measurement)


class PriorNetwork(nn.Module):
    """The generator of `GANPrior` and the encoder of its training. widths: channels from coarse to fine."""

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.generator = Generator(widths)
        self.encoder = Encoder(widths)


class Generator(nn.Module):
    """Maps z, (1, 16, rows / 8, columns / 8), to an image as channels, (1, 2, rows, columns)."""

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.first = nn.Conv2d(LATENT, widths[0], 3, padding=1)
        self.blocks = nn.ModuleList(ResidualBlock(width) for width in widths)
        self.widen = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in pairwise(widths))
        self.last = nn.Conv2d(widths[-1], 8, 3, padding=1)

    def forward(self, z: Tensor) -> Tensor:
        """The image, of any size; nearest neighbours connect the levels."""
        x = self.blocks[0](self.first(z))
        for widen, block in zip(self.widen, self.blocks[1:], strict=True):
            x = block(widen(functional.interpolate(x, scale_factor=2)))
        return functional.pixel_shuffle(self.last(x), 2)


class Encoder(nn.Module):
    """Maps an image as channels to the mean and the log variance of z; sides are rounded down to multiples of 8."""

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        fine = list(reversed(widths))
        self.first = nn.Conv2d(8, fine[0], 3, padding=1)
        self.blocks = nn.ModuleList(ResidualBlock(width) for width in fine)
        self.narrow = nn.ModuleList(nn.Conv2d(a, b, 2, 2) for a, b in pairwise(fine))
        self.last = nn.Conv2d(fine[-1], 2 * LATENT, 3, padding=1)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """(1, 2, rows, columns), sides multiples of 8, to twice (1, 16, rows / 8, columns / 8)."""
        x = self.blocks[0](self.first(functional.pixel_unshuffle(image, 2)))
        for narrow, block in zip(self.narrow, self.blocks[1:], strict=True):
            x = block(narrow(x))
        mean, log_variance = self.last(x).chunk(2, dim=1)
        return mean, log_variance


def search(generator: nn.Module, problem: Problem, iterations: int, restarts: int, seed: int) -> Job[Tensor]:
    """The image u G(z) of the best z, complex64 (rows, columns), relative to the problem's scale, with previews."""
    model, b = problem.model, problem.right_hand_side.detach()
    phase = problem.without_phase(b)[1]
    rows, columns = model.shape
    energy = problem.data.detach().abs().square().sum()
    best, least = torch.zeros_like(b), float("inf")
    for restart in range(restarts):
        draws = torch.Generator().manual_seed(seed + restart)
        shape = (1, LATENT, -(-rows // STRIDE), -(-columns // STRIDE))
        z = torch.randn(shape, generator=draws, dtype=torch.float32).to(b.device)
        z.requires_grad_()
        optimiser = torch.optim.Adam([z], RATE)
        for n in range(iterations):
            with torch.enable_grad():
                image = phase * to_complex(generator(z)[..., :rows, :columns])
                # ||A x - y||^2 - ||y||^2 by the fused normal operator: no coil image is kept for the gradient.
                misfit = ((model.normal(image) - 2 * b).conj() * image).real.sum()
                loss = misfit + ERROR**2 * z.square().sum()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            if n % EVERY == 0 or n + 1 == iterations:
                relative = float(((misfit.detach() + energy) / energy).clamp(min=0).sqrt())
                yield Progress(
                    (restart * iterations + n + 1) / (restarts * iterations),
                    f"start {restart + 1} of {restarts}, iteration {n + 1}: misfit {relative:.3f}",
                    image.detach(),
                )
        if (value := float(loss.detach())) < least:
            best, least = image.detach(), value
    return best


def deviation(problem: Problem, generated: Tensor, factor: float) -> Tensor:
    """The deviation u d of `GANPrior`, complex64 (rows, columns)."""
    plain, phase = problem.without_phase(problem.right_hand_side)
    residual = phase.conj() * (problem.right_hand_side - problem.model.normal(generated))
    with torch.no_grad():
        return phase * tv.minimiser(residual, plain.model, factor * tv.rule(float(problem.noise)))
