"""Choosing what to show of a family: plausible reconstructions that differ most."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import torch
from torch import Tensor

from .errors import InputError
from .evaluation import metrics
from .measurement import Measurement
from .perturbations.outcome import data_consistency
from .progress import Job, Progress
from .reconstructors.base import Reconstructor
from .sweep import COUNTS


@dataclass(frozen=True, eq=False)
class Variant:
    """One reconstruction of the same samples.

    image: magnitude, float32 (rows, columns). consistency: ||A x - y|| / ||y||. distance: 1 - SSIM to the nearest of
    those chosen before it, on the region; 0 for the first.
    """

    knobs: Mapping[str, Any]
    image: Tensor
    consistency: float
    distance: float


def diverse(
    measurement: Measurement,
    reconstructor: Reconstructor,
    count: int,
    *,
    region: Tensor | None = None,
    tolerance: float = 0.2,
    knobs: Mapping[str, Any] | None = None,
) -> Job[list[Variant]]:
    """The `count` most different plausible images over the grid of the first two live knobs, the others as given.

    Plausible is an image whose ||A x - y|| is at most 1 + `tolerance` times the least of the family. Fewer come back
    where fewer are plausible. region: bool (rows, columns), the whole image if None. Yields a step for each image.
    Raises InputError for a method without live knobs or of magnitudes alone, which no samples can be predicted from.
    """
    if measurement.kspace.ndim != 3:
        raise InputError(f"the k-space has {measurement.kspace.ndim} axes; give one slice (coils, readout, phase).")
    axes = [knob for knob in reconstructor.knobs if knob.live and knob.kind == "float"][:2]
    if not axes:
        raise InputError(f"{reconstructor.label} has no live knob, so it has one image to show; choose another method.")
    if reconstructor.reference_kind == "rss":
        raise InputError(f"{reconstructor.label} gives magnitudes alone, whose data consistency is unknown.")
    grid = [[axis.from_unit(i / (n - 1)) for i in range(n)] for axis, n in zip(axes, COUNTS[len(axes)], strict=True)]
    points = [dict(knobs or {}, **dict(zip([axis.name for axis in axes], p, strict=True))) for p in product(*grid)]
    points.reverse()  # warm starts come from larger weights
    images, consistency = [], []
    with torch.no_grad():
        for image in reconstructor.family(measurement, points):
            images.append(image.abs().float())
            consistency.append(data_consistency(image, measurement))
            yield Progress(len(images) / len(points), f"{len(images)} of {len(points)} images")
    chosen = choose(images, consistency, count, region=region, tolerance=tolerance)
    return [Variant(points[n], images[n], consistency[n], distance) for n, distance in chosen]


def choose(
    images: Sequence[Tensor],
    consistency: Sequence[float],
    count: int,
    *,
    region: Tensor | None = None,
    tolerance: float = 0.2,
) -> list[tuple[int, float]]:
    """Indices of the plausible and most different images, with their distance to those before.

    Farthest-point selection (Gonzalez 1985, doi:10.1016/0304-3975(85)90224-5) in 1 - SSIM, the data range that of the
    most consistent image; it starts with the pair that differs most. For samples and restarts as well as for knobs.
    """
    if count < 1:
        raise InputError(f"{count} images are asked for; ask for at least one.")
    if tolerance < 0:
        raise InputError(f"the tolerance is {tolerance:g}; give 0 or more.")
    best = min(range(len(images)), key=consistency.__getitem__)
    plausible = [n for n in range(len(images)) if consistency[n] <= (1 + tolerance) * consistency[best]]
    if count == 1 or len(plausible) == 1:
        return [(best, 0.0)]
    span = metrics.data_range_of(images[best])
    stack = torch.stack([images[n] for n in plausible])
    distance = torch.stack([1 - metrics.ssim(stack, image.expand_as(stack), span, region) for image in stack])
    first, second = divmod(int(distance.argmax()), len(plausible))
    chosen = [(first, 0.0), (second, float(distance[first, second]))]
    while len(chosen) < min(count, len(plausible)):
        nearest = distance[[n for n, _ in chosen]].amin(0)
        farthest = int(nearest.argmax())
        if nearest[farthest] <= 0:
            break  # the same image again
        chosen.append((farthest, float(nearest[farthest])))
    return [(plausible[n], value) for n, value in chosen]
