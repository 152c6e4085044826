"""Robust training: another loss, evaluated on data that are made worse in each step.

Each function takes that loss first; `losses.LOSSES` binds it. The error that a loss is relative to (that of the
zero-filled or the TV image) stays the one of the clean data, so that only the network's response to the noise counts.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import pi
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor
from torch.nn import functional

from ..data.foreground import foreground
from ..perturbations.features.feature import SHAPES, Feature, Tissue
from ..physics import fourier
from ..physics.model import coil_combined, root_sum_of_squares
from .example import Example, measured
from .ranges import log_uniform

Network = Callable[..., Tensor]
Loss = Callable[[Any, Example, Generator], Tensor]

BUDGETS = (0.002, 0.025)  # of each coil's norm
JITTER = (0.01, 0.05)  # of the image's scale

FEATURE_STEPS = 0.5  # share of the steps
FEATURE_WEIGHT = 4.0  # after 200 steps 16 of 99 features were lost, with a weight of 1 18, and without features 23
TOGETHER, DRAWS = 12, 4  # features tried in one image; so many of these for each one that is learned from
SIZES, CONTRASTS = (3.0, 10.0), (0.2, 0.8)
APART = 2.5  # largest sizes
TRIES = 50  # places drawn for each feature that is asked for


def adversarial_noise(loss: Loss, network: Network, example: Example, rng: Generator) -> Tensor:
    """L(y + z), z the maximum of <g, z> subject to ||z_i||_2 <= eta ||y_i||_2 in every coil i, g the gradient of L(y).

    That is z_i = eta ||y_i|| g_i / ||g_i||, the first step of `perturbations.noise.sphere_ascent`; it costs one more
    forward and backward pass. eta is log-uniform from 0.2 to 2.5%, the budgets of Morshuis et al. 2022,
    arXiv:2208.03161. Training on such a maximum follows Madry et al. 2018, arXiv:1706.06083.
    """
    budget, seed = log_uniform(BUDGETS, rng), int(rng.integers(2**32))
    data = example.problem.data
    z = torch.zeros_like(data, requires_grad=True)
    with torch.enable_grad():
        clean = loss(_with_noise(network, z), example, np.random.default_rng(seed))
        (gradient,) = torch.autograd.grad(clean, z)
    direction = functional.normalize(gradient.flatten(-2), dim=-1).view_as(data)
    radius = budget * torch.linalg.vector_norm(data, dim=(-2, -1), keepdim=True)
    return loss(_with_noise(network, radius * direction), example, np.random.default_rng(seed))


def jitter(loss: Loss, network: Network, example: Example, rng: Generator) -> Tensor:
    """L(y + n), n white complex noise whose deviation is log-uniform from 0.01 to 0.05 of the image's scale.

    The noise level that the network sees does not include n. Krainovic, Soltanolkotabi, Heckel 2023, arXiv:2307.12822.
    """
    deviation, data = log_uniform(JITTER, rng), example.problem.data
    noise = torch.from_numpy(rng.standard_normal((*data.shape, 2), np.float32)).to(data.device)
    return loss(_with_noise(network, deviation / 2**0.5 * torch.view_as_complex(noise)), example, rng)


def small_features(loss: Loss, network: Network, example: Example, rng: Generator) -> Tensor:
    """L, and in half of the steps, drawn at random, L + 4 times the mean of `feature_errors`.

    Then small features are in truth and data. Twelve well separated features are tried in one image, without a
    gradient. The network learns from the worst quarter of them, as from the worst of four draws, three at once. Robust
    training of Cheng et al. 2020 (MIDL), in our losses.
    """
    features = draw_features(example, rng) if rng.uniform() < FEATURE_STEPS else []
    if not features:
        return loss(network, example, rng)
    with torch.no_grad():
        crowded = insert(example, features)
        errors = feature_errors(network(crowded.problem), crowded, features)
    worst = [features[index] for index in errors.topk(-(-len(features) // DRAWS)).indices.tolist()]
    inserted = insert(example, worst)
    image = network(inserted.problem)
    missed = feature_errors(image, inserted, worst).mean()
    return loss(lambda problem: image, inserted, rng) + FEATURE_WEIGHT * missed


def draw_features(example: Example, rng: Generator) -> list[Feature]:
    """Up to twelve random features inside the tissue that do not touch; none if the tissue is too small.

    They are blobs, lines and rings of 3 to 10 pixels, 20 to 80% brighter or darker than the tissue around them, and the
    published random walks.
    """
    tissue = foreground(example.magnitude.cpu()).numpy()
    inner = ndimage.distance_transform_edt(np.pad(tissue, 1))[1:-1, 1:-1] > SIZES[1] / 2
    features = []
    for row, column in _scatter(inner, APART * SIZES[1], TOGETHER, rng):
        shape = str(rng.choice(SHAPES))
        if shape == "walk":
            features.append(Feature.walk(row, column, rng))
            continue
        contrast = float(rng.choice((-1, 1)) * rng.uniform(*CONTRASTS))
        size, angle = log_uniform(SIZES, rng), float(rng.uniform(0, pi))
        features.append(Feature.of(shape, row, column, size, contrast, angle))
    return features


def insert(example: Example, features: Sequence[Feature]) -> Example:
    """The example of the object with these features: each coil image x_i becomes x_i + z_i, z_i = L S_i delta.

    L leaves out what is known to be zero, as a full scan does; without padding it is the identity. To the truth
    t = sum_i conj(S_i) x_i this adds d = sum_i conj(S_i) z_i, and to the data the samples of the z_i. The root sum of
    squares m becomes sqrt(m^2 + 2 Re(conj(d) t) / p + sum_i |z_i|^2), p = sum_i |S_i|^2. Without padding this is so
    whatever the x_i are, with it for x_i = S_i t / p.
    """
    problem, truth, model = example.problem, example.truth, example.problem.model
    tissue = Tissue(truth)
    delta = torch.stack([feature.change(tissue) for feature in features]).sum(0)
    sampled = measured(problem)
    kspace = (sampled | ~model.mask) * fourier.fft(model.sensitivities * delta, model.dims)
    z = fourier.ifft(kspace, model.dims)
    change = coil_combined(z, model.sensitivities)
    power = model.sensitivities.abs().square().sum(-3)
    both = (change.conj() * truth).real / torch.where(power > 0, power, 1.0)
    square = example.magnitude.square() + 2 * both + z.abs().square().sum(-3)
    return Example(replace(problem, data=problem.data + sampled * kspace), truth + change, square.clamp_min(0).sqrt())


def feature_errors(image: Tensor, example: Example, features: Sequence[Feature]) -> Tensor:
    """||T (|x| - t)||_1 / ||T (z - t)||_1 for each feature, float (features,); T is its support with a thin shell.

    z is the zero-filled image and t the truth; both are root sums of squares.
    """
    problem, truth = example.problem, example.magnitude
    rows, columns = truth.shape
    regions = torch.stack([feature.region((rows, columns)) for feature in features]).to(truth.device)
    zero_filled = root_sum_of_squares(problem.model.coil_images(problem.data))
    error, reference = (regions * (x - truth).abs() for x in (image.abs(), zero_filled))
    return error.sum((-2, -1)) / reference.sum((-2, -1))


def _scatter(allowed: NDArray[np.bool_], apart: float, count: int, rng: Generator) -> list[tuple[int, int]]:
    """Up to `count` random places (row, column) in `allowed`, bool (rows, columns), at least `apart` pixels apart."""
    places: list[NDArray[np.intp]] = []
    for place in rng.permutation(np.argwhere(allowed))[: TRIES * count]:
        if all(np.hypot(*(place - other)) >= apart for other in places):
            places.append(place)
        if len(places) == count:
            break
    return [(int(row), int(column)) for row, column in places]


def _with_noise(network: Network, z: Tensor) -> Network:
    """The network with z, (coils, rows, columns), added to the samples that it sees; padding stays zero."""

    def noisy(problem: Any, **more: Any) -> Tensor:
        return network(replace(problem, data=problem.data + measured(problem) * z), **more)

    return noisy
