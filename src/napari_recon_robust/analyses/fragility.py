"""Where a reconstruction is fragile: the change that an attack would make at each place, before any ROI is chosen."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from math import ceil
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ..data.measurement import Measurement, known_kspace
from ..data.roi import ROI
from ..evaluation import metrics
from ..evaluation.parts import magnitude_on_cpu
from ..ground.arguments import as_number, as_whole
from ..ground.errors import InputError, dimensions
from ..ground.knob import resolve
from ..ground.progress import Job, Progress, relayed
from ..perturbations.base import SENSITIVITIES, Setup, check_budgets, keeps_calibration
from ..perturbations.noise.objective import Objective, gradient_of
from ..perturbations.noise.worst_case import WorstCase
from ..perturbations.random_noise import white_noise
from ..physics.model import coil_norms
from ..reconstructors.base import Method, Reconstructor
from .maps import SliceMap, local_rms
from .noise_map import noise_amplification

WAYS = ("attack", "gain")
TILE, GRADIENTS, REPLICAS = 24, 5, 16
SHARE, TILE_SHARE = 0.5, 0.25  # of a region, and of a tile of the gain, that has to be foreground
ROUNDING = 1e-6  # of the maximum: a tile's error up to which its image is the wanted one


@dataclass(frozen=True, eq=False)
class FragileRegion:
    """A box, and the mean of the expected change on its foreground."""

    roi: ROI
    expected_change: float

    @property
    def name(self) -> str:
        """The region's name in lists."""
        return f"{self.roi.label} (change {100 * self.expected_change:.2g}%)"


@dataclass(frozen=True, eq=False)
class FragilityMap(SliceMap):
    """Maps of one slice under one method, all (rows, columns) on the CPU; all but the image zero beyond the foreground.

    expected_change: float32, the root mean square of | |f(k+z)| - |f(k)| | over the tile of `tile` pixels around each
    pixel, as a fraction of `maximum`; that is of the fully sampled reference, or of the clean image where there is none
    (`relative_to`), in the scan's units. It ranks places; it says nothing on SSIM.
    edges: float32, the free baseline: the same root mean square of the clean image's differences along the
    undersampled axes. noise: float32, the noise amplification (`noise_amplification`), or None if it was left out.
    image: |f(k)|, float32 in the scan's units. foreground: bool.
    """

    title = "Expected change"
    unit = "fraction of the maximum"

    expected_change: Tensor = field(repr=False)
    edges: Tensor = field(repr=False)
    noise: Tensor | None = field(repr=False)
    image: Tensor = field(repr=False)
    foreground: Tensor = field(repr=False)
    maximum: float
    relative_to: Literal["reference", "clean"]
    budget: float
    how: str
    tile: int

    @property
    def overlay(self) -> NDArray[np.float32]:
        """The expected change."""
        change: NDArray[np.float32] = self.expected_change.numpy()
        return change

    @property
    def whose(self) -> str:
        """The image whose maximum the change is a fraction of, in words."""
        return "the reference" if self.relative_to == "reference" else "the clean image"

    @property
    def legend(self) -> str:
        """The budget, and what the change is a fraction of."""
        return f"Bright: the change to expect of {100 * self.budget:.3g}%, as a fraction of {self.whose}'s maximum."

    def places(self, count: int) -> list[tuple[ROI, str]]:
        """The worst regions of the size of a tile."""
        return [(one.roi, one.name) for one in self.worst(self.tile, self.tile, count)]

    def worst(self, height: int, width: int, count: int) -> list[FragileRegion]:
        """The `count` boxes of height x width pixels with the largest mean expected change, worst first.

        They don't overlap, and at least half of each is foreground, over which the mean is taken; fewer come back where
        no more fit. Raises InputError if none does.
        """
        rows, columns = self.foreground.shape
        height, width = as_whole(height, "the height"), as_whole(width, "the width")
        count = as_whole(count, "the number of regions")
        if not (0 < height <= rows and 0 < width <= columns) or count < 1:
            raise InputError(
                f"{count} regions of {height}×{width} pixels are asked for; "
                f"ask for one or more that fit into the image of {rows}×{columns}."
            )
        inside = self.foreground.double()
        share, change = (
            functional.avg_pool2d(one[None], (height, width), 1)[0] for one in (inside, inside * self.expected_change)
        )
        mean = torch.where(share >= SHARE, change / share, -torch.inf)
        found: list[FragileRegion] = []
        while len(found) < count and mean.max() > -torch.inf:
            row, column = divmod(int(mean.argmax()), mean.shape[1])
            roi = ROI.box(row, column, height, width, f"fragile {len(found) + 1}")
            found.append(FragileRegion(roi, float(mean[row, column])))
            mean[max(row - height + 1, 0) : row + height, max(column - width + 1, 0) : column + width] = -torch.inf
        if not found:
            raise InputError(f"no region of {height}×{width} pixels lies half in the foreground; ask for smaller ones.")
        return found


def fragility(
    measurement: Measurement,
    reconstructor: Method | Reconstructor,
    *,
    budget: float = 0.01,
    how: str = "attack",
    tile: int = TILE,
    gradients: int = GRADIENTS,
    sensitivities: str = str(SENSITIVITIES.default),
    replicas: int = REPLICAS,
    seed: int = 0,
) -> Job[FragilityMap]:
    """The change to be expected of an attack at each place, without choosing one.

    how "attack": one worst-case search of `gradients` gradients on the whole foreground at the budget eta, whose
    change is read in each tile. An attack on one tile alone spends the whole budget there and changes it more.
    "gain": for each tile T of a half-overlapping grid in the foreground one gradient of the squared error
    L = mean over T of (|f| - X)^2, X as in the attack. Noise z in the balls ||z_i|| <= R_i = eta ||k_i|| raises L by
    sum_i R_i ||g_i|| in first order, by a change of the image whose root mean square over T is at least
    sum_i R_i ||g_i|| / (2 sqrt(L)) (Cauchy-Schwarz on the error and its change): that is what is expected, interpolated
    linearly between the tiles' centres. All tiles share one reconstruction. Where the clean image is X itself, L is
    quadratic in z and has no gradient at 0: there L and g are those at white noise with ||z_i|| = R_i, so that the same
    bound is a step of the power iteration for the largest change. So it is on a scan without a reference, where X is
    the clean image everywhere; otherwise such tiles share one more reconstruction.

    reconstructor: at its defaults, or with its knobs set. tile: its side in pixels. sensitivities: as in the
    perturbations, "estimated" or "kept". replicas: draws for the noise amplification, 0 to leave it out. seed: of
    these, and of the noise from which a search starts where the clean image is X.

    Raises InputError at once for what does not fit, and for a method without gradients.
    """
    budget, tile = as_number(budget, "the budget"), as_whole(tile, "the tile's side")
    check_budgets((budget,))
    search = resolve(WorstCase.knobs, {"steps": gradients, "sensitivities": sensitivities, "seed": seed})
    if how not in WAYS:
        raise InputError(f"how is {how!r}; choose one of {', '.join(WAYS)}.")
    if not 1 <= tile <= min(measurement.matrix):
        raise InputError(
            f"tiles of {tile} pixels don't fit into the image of {dimensions(measurement.matrix)}; choose others."
        )
    setup = _whole(measurement, reconstructor)
    if not setup.method.gives_gradient(measurement):
        raise InputError(
            f"{setup.method.without_gradient}, which the expected change needs; "
            "take that of another method as a stand-in."
        )
    noise = None
    if replicas:
        noise = noise_amplification(
            measurement, setup.method, replicas=replicas, sensitivities=sensitivities, seed=seed
        )
    return _map(setup, budget, how, tile, search, noise)


def _whole(measurement: Measurement, method: Method | Reconstructor) -> Setup:
    return Setup.of(measurement, method, ROI.box(0, 0, *measurement.matrix))


def _map(
    setup: Setup, budget: float, how: str, tile: int, search: Mapping[str, Any], noise: Job[Tensor] | None
) -> Job[FragilityMap]:
    """search: knobs of the worst-case noise. noise: the job of the noise amplification."""
    yield Progress(0.0, "Looking for the foreground")
    measurement = setup.measurement
    tissue = measurement.foreground
    searching = 1.0 if noise is None else 0.6
    job = (_gain if how == "gain" else _attack)(setup, tissue, budget, tile, search)
    change, clean = yield from _part(job, 0.0, searching)
    amplification = None
    if noise is not None:
        amplification = torch.where(tissue, (yield from _part(noise, searching, 1.0)), 0.0)
    reference = measurement.reference(setup.method.reference_kind)
    maximum = metrics.data_range_of(clean if reference is None else reference)
    image = magnitude_on_cpu(clean)
    return FragilityMap(
        expected_change=torch.where(tissue, change / maximum, 0.0).float(),
        edges=local_rms(_edges(image, measurement.dims), tissue, tile) / maximum,
        noise=amplification,
        image=image,
        foreground=tissue,
        maximum=maximum,
        relative_to="clean" if reference is None else "reference",
        budget=budget,
        how=how,
        tile=tile,
    )


def _attack(
    setup: Setup, tissue: Tensor, budget: float, tile: int, knobs: Mapping[str, Any]
) -> Job[tuple[Tensor, Tensor]]:
    """The change in the scan's units, and the clean image."""
    measurement = setup.measurement
    search = WorstCase().run(measurement, setup.method, ROI.brush(tissue), (budget,), **knobs)
    (found,) = yield from _part(search, 0.0, 1.0)
    clean, after = found.clean, found.image
    if clean is None or after is None:  # no gradient: nothing changes
        clean = after = setup.clean
    return local_rms((after.abs() - clean.abs()).cpu(), tissue, tile), clean


def _gain(
    setup: Setup, tissue: Tensor, budget: float, tile: int, knobs: Mapping[str, Any]
) -> Job[tuple[Tensor, Tensor]]:
    """The change in the scan's units, and the clean image."""
    measurement, label = setup.measurement, setup.method.label
    full = measurement.full
    radius = budget * coil_norms(known_kspace(measurement))
    target: Literal["reference", "clean"] = "clean" if full is None else "reference"
    objective = Objective(setup, target, "squared-error", keep=keeps_calibration(knobs))

    def near(start: Tensor) -> _Near:
        z = start.requires_grad_()
        with torch.enable_grad():
            image = objective.image(z)
            return _Near(z, image, metrics.magnitude(image) - objective.wanted)

    noisy = cache(lambda: near(white_noise(measurement, radius, knobs["seed"])))
    # At zero the distance to the own clean image has no gradient.
    first = noisy() if full is None else near(torch.zeros_like(measurement.kspace))
    weights, weighted = torch.zeros(2, *measurement.matrix)
    hat = _hat(tile)
    tiles = _tiles(tissue, tile)
    for number, (row, column) in enumerate(tiles):
        yield Progress(number / len(tiles), f"Tile {number + 1} of {len(tiles)}")
        place = slice(row, row + tile), slice(column, column + tile)
        inside = tissue[place].to(measurement.kspace.device)
        one = first
        if full is not None and one.loss(place, inside) <= (ROUNDING * objective.data_range) ** 2:
            one = noisy()
        loss = one.loss(place, inside)
        gradient = gradient_of(loss, one.z, label, again=True)
        level = 2 * float(loss.detach()) ** 0.5
        change = float((radius * coil_norms(gradient)).sum()) / level if level > 0 else 0.0
        weights[place] += hat
        weighted[place] += change * hat
    clean = objective.clean if target == "clean" else first.image.detach()
    return torch.where(weights > 0, weighted / weights, 0.0), clean


@dataclass(frozen=True, eq=False)
class _Near:
    """The image (rows, columns) at noise z, and its error |f(k+z)| - X, differentiable in z."""

    z: Tensor
    image: Tensor
    error: Tensor

    def loss(self, place: tuple[slice, slice], inside: Tensor) -> Tensor:
        """The mean squared error of a tile on the pixels `inside`, bool (rows, columns) of the tile."""
        with torch.enable_grad():
            return self.error[place][inside].square().mean()


def _edges(image: Tensor, dims: tuple[int, ...]) -> Tensor:
    """The size of the central differences of an image (rows, columns) along some of its axes."""
    return torch.stack(torch.gradient(image, dim=dims)).square().sum(0).sqrt()


def _tiles(tissue: Tensor, tile: int) -> list[tuple[int, int]]:
    """First row and column of each tile of a half-overlapping grid that lies in the foreground, a quarter at least."""
    axes = []
    for side in tissue.shape:
        count = ceil((side - tile) / max(tile // 2, 1)) + 1
        axes.append(torch.linspace(0, side - tile, count).round().long().tolist())
    shares = {
        (row, column): float(tissue[row : row + tile, column : column + tile].double().mean())
        for row in axes[0]
        for column in axes[1]
    }
    enough = min(TILE_SHARE, max(shares.values()))  # a small object may fill no tile
    return [place for place, share in shares.items() if share >= enough]


def _hat(side: int) -> Tensor:
    """Weights of a tile's pixels, falling linearly from its centre: (side, side)."""
    along = 1 - (2 * (torch.arange(side) + 0.5) / side - 1).abs()
    return along[:, None] * along


def _part(job: Job[Any], start: float, end: float) -> Job[Any]:
    """A job as a part of this one; its previews are of another kind."""
    return relayed(job, lambda step: replace(step, fraction=start + step.fraction * (end - start), preview=None))
