"""HyperRecon, supervised: a hypernetwork maps the weights of several losses to the weights of a network."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, Literal
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.func import functional_call

from ...data.measurement import Measurement
from ...ground.cached_property import cached_property
from ...ground.knob import Knob
from ...networks.image_network import ImageNetwork
from ...weights import store
from ..classical import tv
from ..problem import Problem, assemble, problems
from .data_consistency import DataConsistency, data_consistency
from .hyperrecon import knob_features
from .splitting import GatedCorrection, UnrolledUNets
from .trained import NOISE, TYPICAL_NOISE, TrainedReconstructor, noise_level

Form = Literal["ratio", "convex"]
Conditioning = Literal["weights", "scale-and-shift"]
Penalty = tuple[float, float]  # at the typical noise level, and its power

# Losses that training can weigh (`training.losses.TERMS`), with their knobs' labels and help.
TERMS = {
    "improvement": ("Similarity", "Weight of the distance from the truth, complex, in magnitude and by SSIM."),
    "error": ("Squared error", "Weight of the distance from the truth."),
    "l1": ("Absolute error", "Weight of the sum of the magnitudes of the errors."),
    "dissimilarity": ("SSIM", "Weight of 1 - SSIM."),
    "consistency": ("Data consistency", "Weight of the agreement with the samples; more of it fits their noise too."),
    "sharpness": ("Sharpness", "Weight of edges and texture as strong as the truth's; more is sharper and less sure."),
}
_RATIO = (0.03, 30.0)  # range of a term's weight relative to the first one's
_DEFAULT = {"ratio": 0.1, "convex": 0.05}

_NOISE = NOISE.model_copy(update={"minimum": 0.25})
_GAIN = 10.0  # of the heads, which so learn ten times faster than the weights that they change
_PLAIN_REACH = 0.2  # of the plain U-Net, relative to the image's scale


class HyperReconSupervised(TrainedReconstructor):
    """x = f(y; H(sigma, c)), H trained for all c at once: min over H of the mean of sum_k c_k L_k(x) / L_k(x_0).

    L_k are supervised losses (`TERMS`), x_0 is where the network starts, sigma the noise level times the knob `noise`.
    The other knobs give the coefficients c: as ratios to the first (0.03 to 30), or convex, (1 - a, a) and so on. The
    trained weights fix the losses and the form. The network f is half-quadratic splitting, unrolled from TV on:

    z_k = x_k + g U(x_k, ...),    x_{k+1} = x_0 + w P (z_k - x_0) + s_k P A^H (y - A x_0),    P = (A^H A + w I)^-1,

    with g, and what U sees, as in `splitting.GatedCorrection`. x_0 is interpolated between the TV images of 1/4, 1/2, 1
    and 2 times the measured noise, so that only U's weights and s_k, which come from H, change with the knobs. With
    s_k = 1 and no correction by U it goes to the least squares solution. Or f is a U-Net without data consistency, as
    published: Wang, Dalca, Sabuncu, MELBA 2022, https://arxiv.org/abs/2101.02194.
    """

    id = "hyperrecon-supervised"
    label = "TV, improved by HyperRecon (supervised)"
    summary = "TV, improved by one network for a continuum of noise levels and of weights of its training's losses."
    sources = ("wang2022", "perez2018")
    knobs: tuple[Knob, ...] = (_NOISE,)

    def __init__(self, weights: str | Path | None = None) -> None:
        """Raises WeightsError for weights that are missing."""
        super().__init__(weights)
        metadata = store.load(self.weights).metadata
        architecture = metadata.architecture if metadata else {}
        self.knobs = knobs_of(architecture.get("terms", ()), architecture.get("form", "ratio"))

    def reconstruct(self, measurement: Measurement, **knobs: Any) -> Tensor:
        """The image for `noise` and the weights of the losses."""
        return next(self.family(measurement, [knobs]))

    def family(self, measurement: Measurement, points: Iterable[Mapping[str, Any]]) -> Iterator[Tensor]:
        """The images at several settings; inverses and TV images, which do not depend on them, are shared."""
        network: SupervisedHyperReconNetwork = self.network(measurement.kspace.device)
        slices = [PreparedSlice(problem, network.penalty) for problem in problems(measurement)]
        for point in points:
            yield assemble([network.image(one, **point) for one in slices], measurement)


def knobs_of(terms: Sequence[str], form: Form) -> tuple[Knob, ...]:
    """The knobs for the assumed noise and for the weight of each term but the first; two of them are live."""
    ranges: dict[str, Any] = (
        {"minimum": _RATIO[0], "maximum": _RATIO[1], "scale": "log"} if form == "ratio" else {"maximum": 1.0}
    )
    weights = (
        Knob(name=name, label=TERMS[name][0], help=TERMS[name][1], default=_DEFAULT[form], live=n == 0, **ranges)
        for n, name in enumerate(terms[1:])
    )
    return (_NOISE, *weights)


def coefficients(values: Sequence[float], form: Form) -> list[float]:
    """The coefficients c_0, c_1, ... of the terms, which sum to one, from the knob values of all terms but the first.

    ratio: the values are c_k / c_0. convex, with values in [0, 1]: c = (1 - a, a), ((1 - a)(1 - b), (1 - b) a, b), ...
    """
    if form == "ratio":
        total = 1 + sum(values)
        return [1 / total, *(value / total for value in values)]
    shares = [1.0]
    for value in values:
        shares = [*(share * (1 - value) for share in shares), value]
    return shares


class SupervisedHyperReconNetwork(nn.Module):
    """(log sigma, c) -> the weights of `main`: fully connected n-32-64-`features`, linear heads on learned weights.

    unrolls, widths, own: those of `SplittingNetwork`; with 0 unrolls `main` is a `PlainNetwork`. terms, form: see
    `HyperReconSupervised`. penalty: w at the typical noise level, and its power. conditioning: all weights are
    generated, or ("scale-and-shift") only one factor and one offset for each channel of each convolution, which costs
    little where `main` is large (feature-wise linear modulation, Perez et al. 2018, https://arxiv.org/abs/1709.07871).
    """

    def __init__(
        self,
        unrolls: int,
        widths: Sequence[int],
        terms: Sequence[str],
        form: Form = "ratio",
        conditioning: Conditioning = "weights",
        features: int = 6,
        own: bool = False,
        penalty: Penalty = (0.02, 0.66),
    ) -> None:
        super().__init__()
        self.terms, self.form, self.knobs = tuple(terms), form, knobs_of(terms, form)
        self.penalty: Penalty = (penalty[0], penalty[1])
        self.main: nn.Module = SplittingNetwork(unrolls, widths, own) if unrolls else PlainNetwork(widths)
        self.modulated = {
            name: layer
            for name, layer in self.main.named_modules()
            if conditioning == "scale-and-shift" and isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d))
        }
        prefixes = tuple(f"{name}." for name in self.modulated)
        self.generated = {
            name: parameter.numel()
            for name, parameter in self.main.named_parameters()
            if not prefixes or not name.startswith(prefixes)
        }
        self.features = knob_features(len(self.knobs), features)
        sizes = [2 * layer.out_channels for layer in self.modulated.values()]
        self.heads = nn.Linear(features, sum(sizes) + sum(self.generated.values()), bias=False)
        with torch.no_grad():
            deviations = [torch.zeros(sum(sizes))]
            for name, size in self.generated.items():
                parameter = self.main.get_parameter(name)
                deviations.append((0.5 * parameter.std() if parameter.ndim == 4 else torch.zeros(())).expand(size))
            self.heads.weight.normal_().mul_(torch.cat(deviations)[:, None] / math.sqrt(features) / _GAIN)
            for layer in self.features:
                if isinstance(layer, nn.Linear):  # else the features would hardly differ between knobs
                    nn.init.orthogonal_(layer.weight, gain=2.0)

    def generate(self, level: Tensor, **weights: float) -> dict[str, Tensor]:
        """The parameters of `main`, by name. level: log(sigma / 0.005), sigma as assumed; weights: of the losses."""
        position = [2 * knob.to_unit(weights[knob.name]) - 1 for knob in self.knobs[1:]]
        inputs = torch.cat((level.reshape(1) / 2, torch.tensor(position, device=level.device, dtype=level.dtype)))
        vector = _GAIN * self.heads(self.features(inputs))
        scales, offsets = vector.split([len(vector) - sum(self.generated.values()), sum(self.generated.values())])
        parameters = {}
        for name, offset in zip(self.generated, offsets.split(list(self.generated.values())), strict=True):
            parameter = self.main.get_parameter(name)
            parameters[name] = parameter + offset.view_as(parameter)
        changes = scales.split([2 * layer.out_channels for layer in self.modulated.values()])
        for (name, layer), change in zip(self.modulated.items(), changes, strict=True):
            scale, shift = change.chunk(2)
            along = (1, -1, 1, 1) if isinstance(layer, nn.ConvTranspose2d) else (-1, 1, 1, 1)
            parameters[f"{name}.weight"] = layer.weight * (1 + scale).view(along)
            parameters[f"{name}.bias"] = layer.bias * (1 + scale) + shift
        return parameters

    def image(self, one: "PreparedSlice", noise: float, **weights: float) -> Tensor:
        """The image, complex64 (rows, columns), relative to the problem's scale."""
        with _generated_weights:
            parameters = self.generate(noise_level(one.problem, noise), **weights)
            image: Tensor = functional_call(self.main, parameters, (one, noise))
        return one.phase * image

    def forward(self, problem: Problem, noise: float = 1.0, **weights: float) -> Tensor:
        """The same image from a problem; what the network sees of the problem is kept as long as the problem."""
        prepared = _slices.setdefault(problem, {})
        if self.penalty not in prepared:
            prepared[self.penalty] = PreparedSlice(problem, self.penalty)
        return self.image(prepared[self.penalty], noise, **weights)


class PreparedSlice:
    """What a network sees of a problem, whatever its weights are: the phase, P, and the starting image."""

    def __init__(self, problem: Problem, penalty: Penalty) -> None:
        self.problem, self.phase = problem.aligned
        at_typical, power = penalty
        self.penalty = at_typical * (self.problem.noise / TYPICAL_NOISE) ** power  # w, (1, 1)

    @cached_property
    def consistency(self) -> DataConsistency:
        """P = (A^H A + w I)^-1."""
        return data_consistency(self.problem.model, self.penalty)

    def start(self, noise: float) -> Tensor:
        """The TV image, linear in log `noise` between those of 1/4, 1/2, 1 and 2 times the measured noise."""
        place = math.log2(noise)
        below = math.floor(place)
        images = [self._tv(below), self._tv(math.ceil(place))]
        return torch.lerp(images[0], images[1], place - below)

    def _tv(self, power: int) -> Tensor:
        return self.problem.tv(tv.rule(float(self.problem.noise) * 2.0**power))


_slices: WeakKeyDictionary[Problem, dict[Penalty, PreparedSlice]] = WeakKeyDictionary()
# All threads share a network, and `functional_call` puts the generated weights into it for the time of the call. It is
# no attribute of the network, which is copied in training.
_generated_weights = Lock()


class SplittingNetwork(UnrolledUNets):
    """The network of `HyperReconSupervised`; its arguments are those of its U-Nets."""

    def __init__(self, unrolls: int, widths: Sequence[int], own: bool = False) -> None:
        super().__init__(unrolls, widths, own)
        self.pulls = nn.Parameter(torch.zeros(unrolls))

    def forward(self, one: PreparedSlice, noise: float) -> Tensor:
        """The image without its local phase, complex64 (rows, columns)."""
        problem, penalty, consistency, start = one.problem, one.penalty, one.consistency, one.start(noise)
        removed = consistency.solve(problem.right_hand_side - problem.model.normal(start))
        correction = GatedCorrection(consistency, penalty, start, removed, noise * problem.noise)
        image = start
        for k, (pull, network) in enumerate(zip(self.pulls, self.networks(), strict=True)):
            changed = image - start + correction.of(image, network, k / self.unrolls)
            image = start + pull * removed + penalty * consistency.solve(changed)
        return image


class PlainNetwork(nn.Module):
    """x = x_0 + U(x_0), x_0 = A^H y, U a residual U-Net: no data consistency.

    widths: the U-Net's channels at its levels; in the paper all are equal.
    """

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.correction = ImageNetwork(widths, reach=_PLAIN_REACH)

    def forward(self, one: PreparedSlice, noise: float) -> Tensor:
        """The image without its local phase, complex64 (rows, columns)."""
        image = one.problem.right_hand_side
        result: Tensor = image + self.correction(image, noise_level(one.problem, noise))
        return result
