"""The former HyperRecon, which starts at a TV image; its files are still read. `hyperrecon` starts at A^H y."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ...data.measurement import Measurement
from ...networks.channels import channels, on_blocks, smooth, to_complex
from ..classical import tv_wavelet
from ..classical.conjugate_gradients import proximal
from ..problem import Problem, assemble, problems
from .hyperrecon import knob_features
from .trained import TrainedReconstructor

_ANCHORS = (2e-4, 2e-3, 2e-2)  # weights of the TV images between which every knob setting starts
STEPS = 4  # of each data consistency, from a warm start; as many in training
_PENALTY_FLOOR = 0.005
_UNIT = 10.0  # of a detail, in weights: the threshold of the proximal map at the penalties that are learned


class HyperReconFromTV(TrainedReconstructor):
    """HyperRecon's objective J (`tv_wavelet.objective`) by half-quadratic splitting, unrolled from near TV's minimiser.

    x_0 lies between the minimisers of TV at 2e-4, 2e-3 and 2e-2, which are found once for all knob values, and
    d = A^H (y - A x_0) is the pull of its TV:
    z_k = x_k + r_k C_k(x_k, its detail, x_k - z_{k-1}, d), x_{k+1} = (A^H A + p_k I)^-1 (A^H y - s_k d + p_k z_k) by
    4 conjugate gradient steps from z_k. A hypernetwork makes the kernels of the networks C_k, the reaches r_k, the
    penalties p_k and the shares s_k of the pull from (log w, m). It is trained to minimise J itself.
    """

    id = "hyperrecon-tv"
    label = "TV, improved by HyperRecon"
    summary = "TV, improved by a network for a continuum of TV and wavelet weights, trained on the objective itself."
    knobs = (tv_wavelet.WEIGHT, tv_wavelet.MIX)

    def reconstruct(self, measurement: Measurement, **knobs: Any) -> Tensor:
        """The image for `weight` and `mix`."""
        return next(self.family(measurement, [knobs]))

    def family(self, measurement: Measurement, points: Iterable[Mapping[str, Any]]) -> Iterator[Tensor]:
        """The images at several settings; the anchors, which do not depend on the knobs, are shared."""
        network: HyperReconFromTVNetwork = self.network(measurement.kspace.device)
        slices = [(problem, anchors(problem)) for problem in problems(measurement)]
        for point in points:
            generated = network.generate(**point)
            yield assemble([network.unroll(problem, start, generated) for problem, start in slices], measurement)


@dataclass(frozen=True, eq=False)
class Generated:
    """The unrolled network at one knob setting.

    weight: the knob's value. layers: kernel and bias of each layer of each unroll. reach, penalty, pull: one for each
    unroll.
    """

    weight: float
    layers: list[list[tuple[Tensor, Tensor]]]
    reach: Tensor
    penalty: Tensor
    pull: Tensor


@dataclass(frozen=True, eq=False)
class Anchor:
    """The TV minimiser at one weight, and the pull of its TV, A^H (y - A x): complex64 (rows, columns) both."""

    image: Tensor
    pull: Tensor


class HyperReconFromTVNetwork(nn.Module):
    """(log w, m) -> all weights of the unrolled network: fully connected 2-32-64-`features`, linear heads.

    The unrolled network has `unrolls` times `convolutions` 3x3 convolutions, `width` channels, on 2x2 blocks of pixels.
    """

    def __init__(self, unrolls: int, convolutions: int, width: int, features: int) -> None:
        super().__init__()
        sides = [32, *[width] * (convolutions - 1), 8]
        self.shapes = [(b, a, 3, 3) for a, b in pairwise(sides)]
        self.unrolls = unrolls
        self.features = knob_features(2, features)
        each = sum(math.prod(shape) + shape[0] for shape in self.shapes) + 3
        self.heads = nn.Linear(features, unrolls * each)
        with torch.no_grad():
            self.heads.weight.zero_()
            for bias, weight in zip(
                self.heads.bias.view(unrolls, -1), self.heads.weight.view(unrolls, each, -1), strict=True
            ):
                at = 0
                for shape in self.shapes:
                    deviation = math.sqrt(2 / (shape[1] * 9)) if shape != self.shapes[-1] else 0.0
                    size = math.prod(shape)
                    bias[at : at + size].normal_(0, deviation)
                    weight[at : at + size].normal_(0, 0.5 * deviation / math.sqrt(features))
                    bias[at + size : at + size + shape[0]].zero_()
                    at += size + shape[0]
                bias[at:] = torch.tensor([math.log(0.3), math.log(0.1), 0.0])

    def generate(self, weight: float, mix: float) -> Generated:
        """The weights for one knob setting."""
        knob = tv_wavelet.WEIGHT
        position = torch.tensor([2 * knob.to_unit(weight) - 1, 2 * mix - 1])
        vector = self.heads(self.features(position.to(self.heads.bias)))
        layers, numbers = [], []
        for part in vector.view(self.unrolls, -1):
            sizes = [size for shape in self.shapes for size in (math.prod(shape), shape[0])]
            *tensors, last = part.split([*sizes, 3])
            kernels = [tensor.view(shape) for tensor, shape in zip(tensors[::2], self.shapes, strict=True)]
            layers.append(list(zip(kernels, tensors[1::2], strict=True)))
            numbers.append(last)
        reach, penalty, pull = torch.stack(numbers).exp().unbind(-1)
        return Generated(weight, layers, reach * _UNIT * weight, _PENALTY_FLOOR + penalty, pull)

    def unroll(self, problem: Problem, starts: Sequence[Anchor], generated: Generated) -> Tensor:
        """The image, complex64 (rows, columns), relative to the problem's scale."""
        start = _between(starts, generated.weight)
        image = z = start.image
        each = zip(generated.layers, generated.reach, generated.penalty, generated.pull, strict=True)
        for layers, reach, penalty, pull in each:
            details = torch.cat((channels(image - smooth(image)), channels(image - z)), dim=1) / (
                _UNIT * generated.weight
            )
            pulls = channels(start.pull) / generated.weight
            features = torch.cat((channels(image), details.asinh(), pulls), dim=1)
            z = image + reach * to_complex(on_blocks(partial(_convolve, layers=layers), features))
            image = proximal(problem.model, problem.right_hand_side - pull * start.pull, z, penalty, STEPS)
        return image

    def forward(self, problem: Problem, weight: float, mix: float) -> Tensor:
        """The image for one knob setting."""
        return self.unroll(problem, anchors(problem), self.generate(weight, mix))


def anchors(problem: Problem) -> list[Anchor]:
    """The TV images between which every knob setting starts, from the smallest weight to the largest."""
    return [anchor(problem, weight) for weight in _ANCHORS]


def anchor(problem: Problem, weight: float) -> Anchor:
    """The TV image of one weight, with its pull."""
    image = problem.tv(weight)
    return Anchor(image, problem.right_hand_side - problem.model.normal(image))


def _between(starts: Sequence[Anchor], weight: float) -> Anchor:
    """The start for a weight, linear in log w between the neighbouring anchors."""
    place = float(np.interp(math.log(weight), np.log(_ANCHORS), range(len(_ANCHORS))))
    below = min(int(place), len(_ANCHORS) - 2)
    one, other, share = starts[below], starts[below + 1], place - below
    return Anchor(torch.lerp(one.image, other.image, share), torch.lerp(one.pull, other.pull, share))


def _convolve(x: Tensor, layers: list[tuple[Tensor, Tensor]]) -> Tensor:
    for number, (kernel, bias) in enumerate(layers):
        x = functional.conv2d(functional.relu(x) if number else x, kernel, bias, padding=1)
    return x
