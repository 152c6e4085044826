"""Choosing from a family of reconstructions the plausible ones that differ most."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from math import inf, log, sqrt
from typing import Any, overload

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from torch import Tensor
from torch.nn import functional

from ..data.measurement import Measurement, as_single
from ..data.units import check_signal
from ..evaluation import metrics
from ..ground.errors import InputError
from ..ground.knob import Knob
from ..ground.progress import Job, Progress, relayed
from ..reconstructors.base import Method, Reconstructor
from .plausibility import Band, plausible_band
from .sweep import COUNTS

DRAWS = 8  # of a method that leaves its image to chance
LESIONS = 3.0, 4.0, 5.5, 8.0  # pixels, half-maxima of blobs
SURROUNDINGS = 1.6  # of a blob, times its half-maximum
HALF_MAXIMUM = sqrt(8 * log(2))  # of a Gaussian, in its standard deviations
_POINT = 65  # pixels that hold the largest blob with its surroundings
_DETAIL = 0.4  # of each side of an image: what is looked at of whole images


@dataclass(frozen=True, eq=False)
class Variant:
    """One reconstruction of the same samples.

    image: magnitude, float32 (rows, columns). consistency: ||A x - y|| / ||y||. distance: 1 - SSIM to the nearest of
    those chosen before it, on the region; 0 for the first and where it is not known. salience: contrast to noise of
    its difference from that nearest one (`salience`), on the region; 0 likewise.
    """

    knobs: Mapping[str, Any]
    image: Tensor = field(repr=False)
    consistency: float
    distance: float = 0.0
    salience: float = 0.0


@dataclass(frozen=True, eq=False)
class Choice(Sequence[Variant]):
    """The chosen images, in their order, and facts about their family.

    band: the residuals of plausible images. plausible, members: how many of the family's images were plausible, and
    their number. If none was plausible, the image nearest to the band was chosen. alike: whether fewer were chosen than
    were asked for, since each other plausible one is like one of them by its SSIM.
    """

    variants: tuple[Variant, ...]
    band: Band
    plausible: int
    members: int
    alike: bool = False

    @overload
    def __getitem__(self, index: int) -> Variant: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Variant, ...]: ...

    def __getitem__(self, index: int | slice) -> Variant | tuple[Variant, ...]:
        return self.variants[index]

    def __len__(self) -> int:
        return len(self.variants)

    @property
    def sentence(self) -> str:
        """How many images were plausible and by which residuals; if none was, what is shown instead."""
        limits = f"residuals from {self.band.low:.4f} to {self.band.high:.4f}"
        if self.plausible:
            others = " None of the others differs by SSIM from those that are shown." if self.alike else ""
            return f"{self.plausible} of {self.members} images are plausible, with {limits}.{others}"
        one = self.variants[0].consistency
        why = "it fits the noise" if one < self.band.low else "it misses the samples by more than noise and maps do"
        return f"None of {self.members} images is plausible, with {limits}. The nearest is shown, at {one:.4f}; {why}."


def diverse(
    measurement: Measurement,
    method: Method | Reconstructor,
    count: int,
    *,
    region: Tensor | None = None,
) -> Job[Choice]:
    """The `count` most different plausible images of a family; knobs that do not vary are the method's.

    method: a reconstructor is at its defaults. The family is the grid of the first two live knobs, or, if the image
    depends on chance (`Reconstructor.draw`), 8 draws.

    An image is plausible if ||A x - y|| lies in the band of `plausible_band`: it neither fits the noise nor misses the
    samples. If fewer are plausible, fewer are returned, and if none is, the nearest. region: bool (rows, columns), the
    whole image if None. Yields a step for each image. Raises InputError for k-space that is zero, and for a method
    without live knobs, or one that yields only magnitudes, from which no samples can be predicted.
    """
    check_signal(as_single(measurement).largest)
    method = method.at()
    if method.reconstructor.draw is not None:
        if count > DRAWS:
            raise InputError(f"{count} images are asked for; {method.label} is drawn {DRAWS} times at most.")
        members = yield from draws(measurement, method)
    else:
        members = yield from _grid(measurement, method)
    band = yield from plausible_band(measurement)
    return (yield from choose(members, count, band, region=region))


def _grid(measurement: Measurement, method: Method) -> Job[list[Variant]]:
    """The images on the grid of the live knobs."""
    axes = family_axes(method.reconstructor)
    grid = [[axis.from_unit(i / (n - 1)) for i in range(n)] for axis, n in zip(axes, COUNTS[len(axes)], strict=True)]
    points = [{**method.knobs, **dict(zip([axis.name for axis in axes], p, strict=True))} for p in product(*grid)]
    points.reverse()  # warm starts come from larger weights
    members = []
    with torch.no_grad():
        for point, image in zip(points, method.family(measurement, points), strict=True):
            members.append(Variant(point, image.abs().float(), measurement.misfit(image)))
            yield Progress(len(members) / len(points), f"{len(members)} of {len(points)} images")
    return members


def drawing(method: Method) -> list[Method]:
    """A method with `Reconstructor.draw` at knobs that draw one image, at 8 seeds from the chosen one on."""
    (seed,) = (knob for knob in method.reconstructor.knobs if knob.name == "seed")
    drawn = method.at(**method.reconstructor.draw or {})
    return [drawn.at(seed=(int(method.knobs["seed"]) + n) % (int(seed.maximum) + 1)) for n in range(DRAWS)]


def draws(measurement: Measurement, method: Method) -> Job[list[Variant]]:
    """Samples or restarts: the 8 images of `drawing`."""
    members: list[Variant] = []

    def unseen(step: Progress) -> Progress:
        return Progress((len(members) + step.fraction) / DRAWS, f"image {len(members) + 1} of {DRAWS}")

    for one in drawing(method):
        with torch.no_grad():
            image = yield from relayed(one.job(measurement), unseen)
        members.append(Variant(dict(one.knobs), image.abs().float(), measurement.misfit(image)))
    return members


def family_axes(reconstructor: Reconstructor) -> tuple[Knob, ...]:
    """The live knobs, whose grid is the family.

    Raises InputError for a method without any, or one of magnitudes only, from which no samples can be predicted.
    """
    if not reconstructor.axes:
        raise InputError(f"{reconstructor.label} has no live knob, so it has one image to show; choose another method.")
    if reconstructor.reference_kind == "rss":
        raise InputError(f"{reconstructor.label} gives only magnitudes, whose data consistency is unknown.")
    return reconstructor.axes


def choose(members: Sequence[Variant], count: int, band: Band, *, region: Tensor | None = None) -> Job[Choice]:
    """The plausible and most different of some images, each with its distance to those before; else the nearest.

    Farthest-point selection (Gonzalez 1985, doi:10.1016/0304-3975(85)90224-5) in 1 - SSIM, the data range that of the
    first image, whose residual is nearest to the band's middle (of squares). For samples and restarts as well as for
    knobs.
    """
    if count < 1:
        raise InputError(f"{count} images are asked for; ask for at least one.")
    plausible = [one for one in members if band.holds(one.consistency)]
    if not plausible:
        nearest_one = min(members, key=lambda one: abs(band.outside(one.consistency)))
        return Choice((replace(nearest_one, distance=0.0, salience=0.0),), band, 0, len(members))
    middle = (band.low**2 + band.high**2) / 2
    best = min(plausible, key=lambda one: abs(one.consistency**2 - middle))
    span = metrics.data_range_of(best.image)
    rows, columns = (slice(None), slice(None)) if region is None else _around(region)
    seen = None if region is None else region[rows, columns]
    stack = torch.stack([one.image[rows, columns] for one in plausible])
    numbers = [plausible.index(best)]
    chosen = [replace(best, distance=0.0, salience=0.0)]
    distances = torch.empty((0, len(plausible)), dtype=torch.float64)
    while len(chosen) < min(count, len(plausible)):
        yield Progress(len(chosen) / count, f"Comparing {len(plausible)} plausible images")
        similar = metrics.ssim(stack, stack[numbers[-1]].expand_as(stack), span, seen)
        distances = torch.cat((distances, (1 - similar).to(distances)[None]))
        nearest, of = distances.min(0)
        last = int(nearest.argmax())
        if nearest[last] <= 0:
            break  # the same image again
        seen_at = salience(plausible[last].image, chosen[int(of[last])].image, band.pixel_noise, region)
        chosen.append(replace(plausible[last], distance=float(nearest[last]), salience=seen_at))
        numbers.append(last)
    alike = len(chosen) < min(count, len(plausible))
    return Choice(tuple(chosen), band, len(plausible), len(members), alike)


def salience(image: Tensor, other: Tensor, noise: float, region: Tensor | None = None) -> float:
    """How visible the difference of two magnitude images is on structures of the size of lesions.

    max over r in the region and d of |((G_d - G_1.6d) * (image - other))(r)| / (noise ||G_d - G_1.6d||_2), G_d a
    Gaussian blob of the half-maximum d = 3, 4, 5.5, 8 pixels: the contrast-to-noise ratio of the best matched blob
    (minus its surroundings). noise: the standard deviation of a pixel's magnitude, white. From 5 on a known structure
    is seen reliably (Rose's criterion); noise alone reaches about 4 somewhere in a whole image.

    image, other: real (rows, columns), in the units of `noise`. region: bool (rows, columns), everywhere if None.
    The difference counts as zero outside of the image. Infinite where there is a difference and no noise.
    """
    difference = (image - other).cpu().double().numpy()
    inside = np.ones(difference.shape, bool) if region is None else region.cpu().numpy()
    point = np.zeros((_POINT, _POINT))
    point[_POINT // 2, _POINT // 2] = 1
    responses = [np.abs(_blob(difference, size)[inside]).max() / np.linalg.norm(_blob(point, size)) for size in LESIONS]
    largest = float(max(responses))
    return largest / noise if noise > 0 else inf if largest > 0 else 0.0


def _blob(image: NDArray[np.float64], size: float) -> NDArray[np.float64]:
    """The difference of Gaussians of the half-maxima `size` and 1.6 times that."""
    inner, outer = (
        gaussian_filter(image, factor * size / HALF_MAXIMUM, mode="constant", truncate=3.0)
        for factor in (1.0, SURROUNDINGS)
    )
    difference: NDArray[np.float64] = inner - outer
    return difference


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
