"""A supervised unrolled network, conditioned on the noise level: the robust default."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..knob import Knob
from ..measurement import Measurement
from . import tv
from .base import Reconstructor
from .unrolled import (
    Problem,
    assemble,
    channels,
    data_consistency,
    load_trained,
    on_blocks,
    problems,
    smooth,
    to_complex,
)

TYPICAL_NOISE = 0.005  # relative to the image's scale
_INPUTS = 13  # image, its detail, what TV removed, distance from the start, unexplained share, noise twice, step twice
_REACH = 0.5  # of a correction of unit size, in standard deviations of the noise in the image


class HQSSupervised(Reconstructor):
    """min_x 1/2 ||A x - y||^2 + R(x) by half-quadratic splitting, R learned from fully sampled images, from TV on.

    x_0 = argmin_x 1/2 ||A x - y||^2 + 0.12 sigma TV(x),
    z_k = x_k + g U(x_k, ...),    x_{k+1} = P (A^H y + w (z_k - d)),    P = (A^H A + w I)^-1,  d = A^H (y - A x_0) / w,

    w = exp(a + b log sigma), sigma the noise level times the knob `noise`. The dual d of the TV solution stays, so
    that x_{k+1} = x_0 + w P (z_k - x_0): without a correction by the U-Net U the image is TV's, and a correction
    passes where the data leave the image open. sigma^2 P is the covariance that they leave, and its diagonal gates
    the correction: g = 1/2 sigma sqrt(diag P) / (w diag P). U also sees these and what TV removed, P A^H (y - A x_0).
    All of it for the image without its local phase (`Problem.aligned`), which is given back at the end.
    The knob `share` takes a part s of all that was changed, x_0 + s (x_K - x_0): a little less than the whole loses
    little on scans like those of the training, and wins on others.
    Splitting as in Wang et al. 2020, https://arxiv.org/abs/2007.14979.
    """

    id = "hqs-supervised"
    label = "HQS-Net, supervised"
    summary = "Unrolled network that improves on TV, with exact data consistency, conditioned on the noise level."
    knobs = (
        Knob(
            name="noise",
            label="Assumed noise",
            help="The noise level that the network assumes, relative to the measured one; more is smoother.",
            default=1.0,
            minimum=0.5,
            maximum=2.0,
            scale="log",
            unit="× measured",
            live=True,
        ),
        Knob(
            name="share",
            label="Share of the network",
            help="How much of what the network changes in the total variation image is taken; 0 is that image.",
            default=0.75,
            minimum=0.0,
            maximum=1.0,
        ),
    )

    def __init__(self, weights: str | Path = "hqs-supervised") -> None:
        self.weights = str(weights)

    def reconstruct(self, measurement: Measurement, **knobs: Any) -> Tensor:
        """The image for `noise` and `share`."""
        return self.apply(self.network(measurement.kspace.device), measurement, **knobs)

    def network(self, device: torch.device) -> "HQSNetwork":
        """The trained network, shared by all."""
        return load_trained(HQSNetwork, self.weights, device)

    def apply(self, network: "HQSNetwork", measurement: Measurement, **knobs: Any) -> Tensor:
        """The image by a network like it."""
        images = [network(problem, knobs["noise"], knobs["share"]) for problem in problems(measurement)]
        return assemble(images, measurement)


class HQSNetwork(nn.Module):
    """The network of `HQSSupervised`: the same U-Net in every unroll, told which one it is in.

    widths: the U-Net's channels at its levels; it works on 2x2 blocks of pixels.
    """

    def __init__(self, unrolls: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.unrolls = unrolls
        self.penalty_offset = nn.Parameter(torch.tensor(-2.0))
        self.penalty_slope = nn.Parameter(torch.tensor(0.5))
        self.correction = UNet(4 * _INPUTS, 8, widths)

    def forward(self, problem: Problem, assumed_noise: float = 1.0, share: float = 1.0) -> Tensor:
        """The image, complex64 (rows, columns), relative to the problem's scale."""
        noise = problem.noise * assumed_noise
        level = (noise / TYPICAL_NOISE).log()
        penalty = (self.penalty_offset + self.penalty_slope * level).exp()
        problem, phase = problem.aligned
        consistency = data_consistency(problem.model, penalty)
        start = problem.tv(tv.rule(float(noise)))
        removed = consistency.solve(problem.right_hand_side - problem.model.normal(start))

        with torch.no_grad():
            unexplained = penalty * consistency.diagonal
            amplification = noise * consistency.diagonal.sqrt()
            gate = _REACH * amplification / unexplained
            known = torch.stack((unexplained, (amplification / TYPICAL_NOISE).log(), level.expand_as(unexplained)))
        image = start
        for k in range(self.unrolls):
            step = torch.full_like(known[:1], k / self.unrolls)
            known_here = torch.cat((known, step, step.square()))[None]
            relative = torch.cat((channels(image - smooth(image)), channels(removed)), dim=1) / amplification
            changed = image - start
            features = torch.cat((channels(image), relative.asinh(), 5 * channels(changed), known_here), dim=1)
            correction = gate * to_complex(on_blocks(self.correction, features))
            image = start + penalty * consistency.solve(changed + correction)
        return phase * torch.lerp(start, image, share)


class UNet(nn.Module):
    """A residual block of two 3x3 convolutions on each level, strided convolutions down and up. Any image size."""

    def __init__(self, inputs: int, outputs: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        pairs = list(pairwise(widths))
        self.first = nn.Conv2d(inputs, widths[0], 3, padding=1)
        self.down = nn.ModuleList(ResidualBlock(width) for width in widths)
        self.narrow = nn.ModuleList(nn.Conv2d(a, b, 2, 2) for a, b in pairs)
        self.widen = nn.ModuleList(nn.ConvTranspose2d(b, a, 2, 2) for a, b in pairs)
        self.up = nn.ModuleList(ResidualBlock(width) for width in widths[:-1])
        self.last = nn.Conv2d(widths[0], outputs, 3, padding=1)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, rows, columns) to (batch, outputs, rows, columns)."""
        rows, columns = x.shape[-2:]
        multiple = 2 ** len(self.narrow)
        x = nn.functional.pad(x, (0, -columns % multiple, 0, -rows % multiple), mode="replicate")
        x = self.down[0](self.first(x))
        kept = []
        for narrow, block in zip(self.narrow, self.down[1:], strict=True):
            kept.append(x)
            x = block(narrow(x))
        for widen, block in zip(reversed(self.widen), reversed(self.up), strict=True):
            x = block(widen(x) + kept.pop())
        return self.last(x)[..., :rows, :columns]


class ResidualBlock(nn.Module):
    """x + C_2 silu(C_1 x), the identity at first."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.one = nn.Conv2d(width, width, 3, padding=1)
        self.two = nn.Conv2d(width, width, 3, padding=1)
        nn.init.kaiming_normal_(self.one.weight)
        nn.init.zeros_(self.two.weight)
        nn.init.zeros_(self.two.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """(batch, width, rows, columns), unchanged in shape."""
        return x + self.two(nn.functional.silu(self.one(x)))
