"""A hypernetwork maps the regularization weights to the weights of an unrolled network."""

import math
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...data.measurement import Measurement
from ...networks.correction import zero_at_first
from ..classical import tv_wavelet
from ..classical.tv_wavelet import MIX, WEIGHT
from ..problem import Problem, assemble, problems
from .half_quadratic import SEEN, Unroll, unrolled
from .hqs_net import DETAIL
from .trained import TrainedReconstructor

_FIRST_PENALTY, _FIRST_REACH = 0.1, 0.1
_SPREAD = 0.3  # of the kernels over the knobs, relative to their size, before training
_GAIN = 0.15  # of the heads, so that AdamW moves kernels through them no faster than Muon moves the base


class HyperRecon(TrainedReconstructor):
    """min_x J(x; w, m) = 1/2 ||A x - y||^2 + w ((1 - m) TV(x) + m ||W x||_1), in units of `Measurement.scale`.

    w and m are the knobs `weight` and `mix`; `tv_wavelet.objective` says what TV and W are. Half-quadratic splitting is
    unrolled:

    z_k = x_k + r_k C_k(x_k, A^H (y - A x_k)),  x_{k+1} = (A^H A + p_k I)^-1 (A^H y + p_k z_k),  x_0 = A^H y,

    with 4 conjugate gradient steps each. A hypernetwork makes the kernels of the networks C_k, the reaches r_k and the
    penalties p_k from (log w, m). It is trained to minimise J itself and nothing else, and sees no fully sampled image.
    Wang, Dalca, Sabuncu 2021, https://arxiv.org/abs/2101.02194 (hypernetwork) and 2020,
    https://arxiv.org/abs/2007.14979 (unsupervised splitting network).
    """

    id = "hyperrecon"
    label = "HyperRecon"
    summary = "One network for a continuum of TV and wavelet weights, trained without fully sampled images."
    sources = ("wang2021", "wang2022")
    knobs = (WEIGHT, MIX)

    def rule(self, measurement: Measurement) -> dict[str, float]:
        """The weight that suits the noise (`tv_wavelet.rule`), at any mix, within the range of the training."""
        return {"weight": WEIGHT.nearest(tv_wavelet.rule(float(measurement.noise_level.mean())))}

    def reconstruct(self, measurement: Measurement, **knobs: Any) -> Tensor:
        """The image for `weight` and `mix`."""
        return next(self.family(measurement, [knobs]))

    def family(self, measurement: Measurement, points: Iterable[Mapping[str, Any]]) -> Iterator[Tensor]:
        """The images at several settings; what does not depend on the knobs is shared."""
        network: HyperReconNetwork = self.network(measurement.kspace.device)
        slices = problems(measurement)
        for point in points:
            unrolls = network.generate(**point)
            yield assemble([network.image(problem, point["weight"], unrolls) for problem in slices], measurement)


def knob_features(knobs: int, features: int) -> nn.Sequential:
    """The network from knobs, -1 to 1 each, to the features from which linear heads make weights: float32 (knobs,)."""
    return nn.Sequential(
        nn.Linear(knobs, 32), nn.SiLU(), nn.Linear(32, 64), nn.SiLU(), nn.Linear(64, features), nn.Tanh()
    )


class GeneratedConvolution(nn.Module):
    """Kernel and bias of a 3x3 convolution, c + G v, made from features v of the knobs.

    shape: that of the kernel, (outputs, inputs, 3, 3).
    """

    def __init__(self, shape: tuple[int, int, int, int], features: int) -> None:
        super().__init__()
        outputs, inputs = shape[:2]
        self.kernel, self.bias = nn.Parameter(torch.empty(shape)), nn.Parameter(torch.zeros(outputs))
        self.head = nn.Linear(features, self.kernel.numel() + outputs, bias=False)
        deviation = math.sqrt(2 / (9 * inputs))
        nn.init.normal_(self.kernel, 0, deviation)
        nn.init.normal_(self.head.weight, 0, _SPREAD / _GAIN * deviation / math.sqrt(features))

    def forward(self, vector: Tensor) -> tuple[Tensor, Tensor]:
        """The kernel, and the bias."""
        kernel, bias = (_GAIN * self.head(vector)).split((self.kernel.numel(), len(self.bias)))
        return self.kernel + kernel.view_as(self.kernel), self.bias + bias


class HyperReconNetwork(nn.Module):
    """(log w, m) -> all weights of the unrolled network: fully connected 2-32-64-`features`, linear heads on a base.

    The unrolled network has `unrolls` networks of 3x3 convolutions of `width` channels on 2x2 blocks of pixels. Each
    has `convolutions` on that grid, as many on each of `levels` grids of half the size and on the way back, and a last
    one.
    """

    def __init__(self, unrolls: int, convolutions: int, width: int, features: int, levels: int = 0) -> None:
        super().__init__()
        self.unrolls, self.convolutions, self.levels = unrolls, convolutions, levels
        sides = [4 * SEEN, *[width] * (convolutions * (2 * levels + 1)), 8]
        self.shapes = [(b, a, 3, 3) for a, b in pairwise(sides)]
        self.features = knob_features(2, features)
        self.layers = nn.ModuleList(
            GeneratedConvolution(shape, features) for _ in range(unrolls) for shape in self.shapes
        )
        for last in self.layers[len(self.shapes) - 1 :: len(self.shapes)]:
            zero_at_first(last)
        self.numbers = nn.Linear(features, 2 * unrolls)
        with torch.no_grad():
            self.numbers.weight.zero_()
            self.numbers.bias.copy_(torch.tensor([_FIRST_REACH, _FIRST_PENALTY]).log().repeat(unrolls))

    def generate(self, weight: float, mix: float) -> list[Unroll]:
        """The unrolled network for one knob setting."""
        position = torch.tensor([2 * WEIGHT.to_unit(weight) - 1, 2 * MIX.to_unit(mix) - 1])
        vector = self.features(position.to(self.numbers.bias))
        layers = [layer(vector) for layer in self.layers]
        reaches, penalties = self.numbers(vector).view(self.unrolls, 2).exp().unbind(-1)
        each = len(self.shapes)
        corrections = [partial(self._correct, layers[each * k : each * (k + 1)]) for k in range(self.unrolls)]
        return [Unroll(*parts) for parts in zip(corrections, reaches, penalties, strict=True)]

    def forward(self, problem: Problem, weight: float, mix: float) -> Tensor:
        """The image for one knob setting, complex64 (rows, columns), relative to the problem's scale."""
        return self.image(problem, weight, self.generate(weight, mix))

    def image(self, problem: Problem, weight: float, unrolls: Iterable[Unroll]) -> Tensor:
        """The same image by networks that were generated before."""
        return unrolled(problem.model, problem.right_hand_side, unrolls, DETAIL * weight, weight)

    def _correct(self, layers: list[tuple[Tensor, Tensor]], x: Tensor) -> Tensor:
        """Run a U-Net with these layers: 2x2 means go down, nearest neighbours go up, and sums cross over."""
        remaining, skipped = iter(layers), []
        kernel, bias = next(remaining)
        x = functional.conv2d(x, kernel, bias, padding=1)

        def convolve(x: Tensor, count: int) -> Tensor:
            for _ in range(count):
                kernel, bias = next(remaining)
                x = functional.conv2d(functional.relu(x), kernel, bias, padding=1)
            return x

        x = convolve(x, self.convolutions - 1)
        for _ in range(self.levels):
            skipped.append(x)
            x = convolve(functional.avg_pool2d(x, 2, ceil_mode=True), self.convolutions)
        for _ in range(self.levels):
            wide = skipped.pop()
            x = functional.interpolate(x, scale_factor=2, mode="nearest")[..., : wide.shape[-2], : wide.shape[-1]]
            x = convolve(x + wide, self.convolutions)
        return convolve(x, 1)
