"""Choosing what to show of a family: plausible reconstructions that differ most."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from .errors import InputError
from .evaluation import metrics
from .knob import Knob, resolve
from .measurement import Measurement
from .perturbations.outcome import data_consistency
from .progress import Job, Progress, relayed
from .reconstructors.base import Reconstructor
from .sweep import COUNTS

DRAWS = 8  # of a method that leaves its image to chance
_DETAIL = 0.4  # of each side of an image: what is looked at of whole images


@dataclass(frozen=True, eq=False)
class Variant:
    """One reconstruction of the same samples.

    image: magnitude, float32 (rows, columns). consistency: ||A x - y|| / ||y||. distance: 1 - SSIM to the nearest of
    those chosen before it, on the region; 0 for the first and where it is not known.
    """

    knobs: Mapping[str, Any]
    image: Tensor
    consistency: float
    distance: float = 0.0


def diverse(
    measurement: Measurement,
    reconstructor: Reconstructor,
    count: int,
    *,
    region: Tensor | None = None,
    tolerance: float = 0.2,
    knobs: Mapping[str, Any] | None = None,
) -> Job[list[Variant]]:
    """The `count` most different plausible images of a family, the other knobs as given.

    The family is the grid of the first two live knobs, or, where chance decides on the image (`Reconstructor.draw`),
    8 draws.

    Plausible is an image whose ||A x - y|| is at most 1 + `tolerance` times the least of the family. Fewer come back
    where fewer are plausible. region: bool (rows, columns), the whole image if None. Yields a step for each image.
    Raises InputError for a method without live knobs or of magnitudes alone, which no samples can be predicted from.
    """
    if measurement.kspace.ndim != 3:
        raise InputError(f"the k-space has {measurement.kspace.ndim} axes; give one slice (coils, readout, phase).")
    if reconstructor.draw is not None:
        if count > DRAWS:
            raise InputError(f"{count} images are asked for; {reconstructor.label} is drawn {DRAWS} times at most.")
        drawn = yield from draws(measurement, reconstructor, knobs or {})
        return (yield from choose(drawn, count, region=region, tolerance=tolerance))
    axes = family_axes(reconstructor)
    grid = [[axis.from_unit(i / (n - 1)) for i in range(n)] for axis, n in zip(axes, COUNTS[len(axes)], strict=True)]
    points = [dict(knobs or {}, **dict(zip([axis.name for axis in axes], p, strict=True))) for p in product(*grid)]
    points.reverse()  # warm starts come from larger weights
    members = []
    with torch.no_grad():
        for point, image in zip(points, reconstructor.family(measurement, points), strict=True):
            members.append(Variant(point, image.abs().float(), data_consistency(image, measurement)))
            yield Progress(len(members) / len(points), f"{len(members)} of {len(points)} images")
    return (yield from choose(members, count, region=region, tolerance=tolerance))


def draws(measurement: Measurement, reconstructor: Reconstructor, knobs: Mapping[str, Any]) -> Job[list[Variant]]:
    """Samples or restarts: 8 images of a method with `Reconstructor.draw`, of the seeds from the chosen one on."""
    first = int(resolve(reconstructor.knobs, knobs)["seed"])
    (seed,) = (knob for knob in reconstructor.knobs if knob.name == "seed")
    seeds = [(first + n) % (int(seed.maximum) + 1) for n in range(DRAWS)]
    points = [{**knobs, **(reconstructor.draw or {}), "seed": seed} for seed in seeds]
    members: list[Variant] = []

    def unseen(step: Progress) -> Progress:
        return Progress((len(members) + step.fraction) / DRAWS, f"image {len(members) + 1} of {DRAWS}")

    for point in points:
        with torch.no_grad():
            image = yield from relayed(reconstructor.job(measurement, **point), unseen)
        members.append(Variant(point, image.abs().float(), data_consistency(image, measurement)))
    return members


def family_axes(reconstructor: Reconstructor) -> list[Knob]:
    """The first two live knobs, whose grid is the family.

    Raises InputError for a method without any, or of magnitudes alone, which no samples can be predicted from.
    """
    axes = [knob for knob in reconstructor.knobs if knob.live and knob.kind == "float"][:2]
    if not axes:
        raise InputError(f"{reconstructor.label} has no live knob, so it has one image to show; choose another method.")
    if reconstructor.reference_kind == "rss":
        raise InputError(f"{reconstructor.label} gives magnitudes alone, whose data consistency is unknown.")
    return axes


def choose(
    members: Sequence[Variant], count: int, *, region: Tensor | None = None, tolerance: float = 0.2
) -> Job[list[Variant]]:
    """The plausible and most different of some images, each with its distance to those before.

    Farthest-point selection (Gonzalez 1985, doi:10.1016/0304-3975(85)90224-5) in 1 - SSIM, the data range that of the
    most consistent image, with which it starts. For samples and restarts as well as for knobs.
    """
    if count < 1:
        raise InputError(f"{count} images are asked for; ask for at least one.")
    if tolerance < 0:
        raise InputError(f"the tolerance is {tolerance:g}; give 0 or more.")
    best = min(members, key=lambda one: one.consistency)
    plausible = [one for one in members if one.consistency <= (1 + tolerance) * best.consistency]
    count = min(count, len(plausible))
    span = metrics.data_range_of(best.image)
    rows, columns = (slice(None), slice(None)) if region is None else _around(region)
    seen = None if region is None else region[rows, columns]
    stack = torch.stack([one.image[rows, columns] for one in plausible])
    chosen = [replace(best, distance=0.0)]
    nearest, last = torch.full((len(plausible),), torch.inf, dtype=torch.float64), plausible.index(best)
    while len(chosen) < count:
        yield Progress(len(chosen) / count, f"Comparing {len(plausible)} plausible images")
        similar = metrics.ssim(stack, stack[last].expand_as(stack), span, seen)
        nearest = torch.minimum(nearest, (1 - similar).to(nearest))
        last = int(nearest.argmax())
        if nearest[last] <= 0:
            break  # the same image again
        chosen.append(replace(plausible[last], distance=float(nearest[last])))
    return chosen


def where_different(variants: Sequence[Variant]) -> Tensor:
    """The part in which images differ most, bool (rows, columns), of 0.4 times their sides; all if they are the same.

    The window with the largest sum of their variances.
    """
    variance = torch.stack([one.image for one in variants]).var(0, correction=0)
    part = variance.new_zeros(variance.shape, dtype=torch.bool)
    sides = [max(round(_DETAIL * side), 1) for side in variance.shape]
    sums = functional.avg_pool2d(variance[None], sides, 1)[0]
    if not sums.max() > 0:
        return ~part
    row, column = divmod(int(sums.argmax()), sums.shape[1])
    part[row : row + sides[0], column : column + sides[1]] = True
    return part


def _around(region: Tensor) -> tuple[slice, slice]:
    """The part of the image on which the region's SSIM depends."""
    sides = [region.any(dim=axis).nonzero().flatten().tolist() for axis in (1, 0)]
    rows, columns = (slice(max(at[0] - metrics.WINDOW, 0), at[-1] + metrics.WINDOW + 1) for at in sides)
    return rows, columns
