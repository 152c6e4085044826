"""Where a method keeps small features, and how small and faint they may be: a map over all places, and a table."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from math import ceil
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from ..data.measurement import Measurement
from ..data.roi import ROI
from ..ground.arguments import as_number, as_numbers, as_whole
from ..ground.errors import InputError
from ..ground.numbers import finite, written
from ..ground.progress import Job, Progress
from ..ground.table import markdown
from ..perturbations.base import Setup
from ..perturbations.features.crosstalk import Crosstalk, Points
from ..perturbations.features.feature import PARAMETRIC, Feature, check_size
from ..perturbations.features.feature_search import places
from ..perturbations.features.insertion import LOST, ROSE, Insertion, Trial
from ..reconstructors.base import Method, Reconstructor
from .maps import SliceMap

# The distance of features in one image, in sizes; how many of the worst are inserted alone.
APART, VERIFIED = 5.0, 8
SIZES, CONTRASTS = (2.0, 3.0, 4.0, 6.0), (0.2, 0.4)  # of a table


@dataclass(frozen=True)
class WeakPlace:
    """A place of small recovery: of the feature among others, of it alone, and its detectability in the samples."""

    row: int
    column: int
    multiplexed: float
    recovery: float
    detectability: float


@dataclass(frozen=True, eq=False)
class RetentionMap(SliceMap):
    """The recovery of one feature at every position of a grid; 1 is kept, below 0.5 lost where the samples carry it.

    values: float32 (rows, columns), each grid position filling its cell; NaN outside of the tissue and the ROI, where
    nothing is known yet, and where the samples do not carry the feature. positions: (n, 2), row and column. recoveries:
    float32 (n,), NaN while unknown. carried: bool (n,), whether its detectability is 5 or more; False while unknown.
    not_carried: bool (rows, columns), the cells of the others.
    worst: the lowest of those that are carried, inserted again alone, the lowest of these first. Their recoveries are
    of the feature alone, all others of the feature among others in the same image.
    """

    title = "Contrast lost"
    unit = "fraction of the contrast"
    white = 1.0

    values: NDArray[np.float32] = field(repr=False)
    positions: Points = field(repr=False)
    recoveries: NDArray[np.float32] = field(repr=False)
    carried: NDArray[np.bool_] = field(repr=False)
    not_carried: NDArray[np.bool_] = field(repr=False)
    size: float
    contrast: float
    shape: str
    spacing: int
    reconstructions: int
    worst: tuple[WeakPlace, ...] = field(default=(), repr=False)

    @property
    def tried(self) -> int:
        """How many of the positions are known: all of them in a finished map."""
        return int(np.isfinite(self.recoveries).sum())

    @property
    def judged(self) -> NDArray[np.float32]:
        """The recoveries that are known where the samples carry the feature: elsewhere a method has nothing to lose."""
        return self.recoveries[self.carried]

    @property
    def lost(self) -> float:
        """The fraction of the positions that the samples carry at which the feature is lost; 0 before the first."""
        return float((self.judged < LOST).sum() / max(len(self.judged), 1))

    @property
    def overlay(self) -> NDArray[np.float32]:
        """The contrast that is lost, 1 - recovery, float32 (rows, columns) in [0, 1]; 0 where nothing is known."""
        return np.nan_to_num(np.clip(1 - self.values, 0, 1)).astype(np.float32)

    @property
    def legend(self) -> str:
        """The feature, the share of the places with it in the samples that lose it, and how many were tried alone."""
        count, carried = len(self.positions), len(self.judged)
        tried = f"{count} places" if self.tried == count else f"the {self.tried} of {count} places tried so far"
        feature = f"{self.shape} of {self.size:.3g} px, contrast {written(self.contrast)}"
        alone = len(self.worst)
        how = f" The {alone} worst were tried alone, the others many in an image." if 0 < alone < carried else ""
        where = tried if carried == self.tried else f"the {carried} places that the samples carry, of {tried}"
        if self.tried and not carried:
            kept = f"is not carried by the samples at any of {tried}"
        elif self.tried and not self.lost:
            kept = f"keeps at least half of its contrast at all {where.removeprefix('the ')}"
        else:
            kept = f"loses more than half of its contrast at {100 * self.lost:.3g}% of {where}"
        return f"Bright: lost. A {feature}, {kept}.{how}"

    def places(self, count: int) -> list[tuple[ROI, str]]:
        """Boxes around the weakest places, with the recovery in percent."""
        kept = [(roi, written(100 * recovery, ".0f")) for roi, recovery in self.weakest()[:count]]
        return [(roi, f"{roi.label} ({percent}% kept)") for roi, percent in kept]

    def weakest(self) -> list[tuple[ROI, float]]:
        """A box around each of the worst places, within the image and twice as wide as the feature, and the recovery.

        Boxes that would overlap a worse one's are left out.
        """
        side = min(ceil(2 * self.size), *self.values.shape)
        found: list[tuple[ROI, float]] = []
        corners: list[tuple[int, ...]] = []
        for place in self.worst:
            corner = tuple(
                min(max(at - side // 2, 0), length - side)
                for at, length in zip((place.row, place.column), self.values.shape, strict=True)
            )
            if all(max(abs(a - b) for a, b in zip(corner, other, strict=True)) >= side for other in corners):
                corners.append(corner)
                label = f"{'lost' if place.recovery < LOST else 'weak'} {self.shape} {len(corners)}"
                found.append((ROI.box(corner[0], corner[1], side, side, label), place.recovery))
        return found

    def to_json(self) -> dict[str, Any]:
        """Everything but the map itself, as JSON values.

        mean, median and lost are of the `carried` positions, those of `tried` at which the samples carry the feature,
        null without any; alone: at how many of these the feature was alone.
        """
        known = self.judged
        return {
            "shape": self.shape,
            "size": self.size,
            "contrast": self.contrast,
            "spacing": self.spacing,
            "positions": len(self.positions),
            "tried": self.tried,
            "carried": len(known),
            "alone": len(self.worst),
            "reconstructions": self.reconstructions,
            "mean": float(known.mean()) if len(known) else None,
            "median": float(np.median(known)) if len(known) else None,
            "lost": self.lost if len(known) else None,
            "worst": [finite(asdict(place)) for place in self.worst],
        }


@dataclass(frozen=True)
class Cell:
    """One feature: where it was tried, where the samples carry it, and where of these it was recovered, as counts.

    low, high: the exact 95% interval of the recovered fraction (Clopper and Pearson 1934) for independent places; None
    where the samples carry the feature nowhere, so that a method has nothing to lose.
    """

    size: float
    contrast: float
    places: int
    carried: int
    recovered: int
    low: float | None
    high: float | None

    @property
    def words(self) -> str:
        """As a table shows it."""
        if self.low is None:
            return f"none of {self.places} carried"
        carried = "" if self.carried == self.places else f", {self.carried} of {self.places} carried"
        return f"{self.recovered}/{self.carried} [{self.low:.2f}, {self.high:.2f}]{carried}"


@dataclass(frozen=True)
class RecoveryTable:
    """The cells of all sizes and contrasts, contrasts within sizes."""

    shape: str
    cells: tuple[Cell, ...]

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {"shape": self.shape, "cells": [asdict(cell) for cell in self.cells]}

    def markdown(self) -> str:
        """A row for each size, a column for each contrast: recovered of those that the samples carry, and the interval.

        How many they carry is said where it is not all.
        """
        contrasts = dict.fromkeys(cell.contrast for cell in self.cells)
        rows = [
            [f"{size:g} px", *(cell.words for cell in self.cells if cell.size == size)]
            for size in dict.fromkeys(cell.size for cell in self.cells)
        ]
        return markdown(["size", *(f"contrast {written(contrast, '+g')}" for contrast in contrasts)], rows) + "\n"

    @property
    def legend(self) -> str:
        """What the figures of `markdown` are."""
        return (
            f"{self.shape}s recovered (at least {LOST:g} of the contrast) of those that the samples carry "
            "[95% interval of the share]; "
            f"carried: with a signal-to-noise ratio of at least {ROSE:g} in the samples, all where not said."
        )


def retention_map(
    measurement: Measurement,
    method: Method | Reconstructor,
    roi: ROI | None = None,
    *,
    size: float = 4.0,
    contrast: float = 0.4,
    shape: str = "blob",
    spacing: int = 4,
) -> Job[RetentionMap]:
    """The recovery of a feature at every position of a grid in the tissue of the ROI (the whole image by default).

    Features that are five sizes apart, and not on each other's aliases (`Crosstalk`), share a reconstruction, so that
    the whole grid takes a few; the clean scan's calibration serves throughout. The least recovered of those that the
    samples carry are inserted again alone, and the map has what that gives. spacing: of the grid, pixels. A line lies
    along the rows. The previews are maps in the making.
    Raises InputError for a feature, a grid or a region that does not fit.
    """
    spacing = as_whole(spacing, "the spacing", 1)
    size, contrast = as_number(size, "the size"), as_number(contrast, "the contrast")
    insertion = _insertion(measurement, method, roi, [size], [contrast], shape)
    return _map(insertion, size, contrast, shape, spacing)


def recovery_table(
    measurement: Measurement,
    method: Method | Reconstructor,
    roi: ROI | None = None,
    *,
    sizes: Sequence[float] = SIZES,
    contrasts: Sequence[float] = CONTRASTS,
    shape: str = "blob",
    count: int = 30,
    seed: int = 0,
) -> Job[RecoveryTable]:
    """How many features are recovered (0.5 or more), of those at `count` random places that the samples carry.

    Every size is tried with every contrast, one that is given twice once. The places are the same for all; features
    share a reconstruction as in `retention_map`.
    Raises InputError for features or a region that do not fit, or if there are fewer places.
    """
    count, seed = as_whole(count, "the number of places", 1), as_whole(seed, "the seed", 0)
    sizes = tuple(dict.fromkeys(as_numbers(sizes, "the sizes", "(2, 4)")))
    contrasts = tuple(dict.fromkeys(as_numbers(contrasts, "the contrasts", "(0.2, 0.4)")))
    insertion = _insertion(measurement, method, roi, sizes, contrasts, shape)
    return _table(insertion, sizes, contrasts, shape, count, seed)


def _insertion(
    measurement: Measurement,
    method: Method | Reconstructor,
    roi: ROI | None,
    sizes: Sequence[float],
    contrasts: Sequence[float],
    shape: str,
) -> Insertion:
    if shape not in PARAMETRIC:
        raise InputError(f"the shape is {shape!r}; choose one of {', '.join(PARAMETRIC)}.")
    if not sizes or not contrasts:
        raise InputError("there is no size or no contrast; give at least one of each.")
    for size in sizes:
        if not size >= 1:
            raise InputError(f"the size is {size:g}; give at least 1 pixel.")
        check_size(size, measurement.matrix)
    for contrast in contrasts:
        if contrast == 0 or not -1 < contrast <= 3:
            raise InputError(f"the contrast is {contrast:g}; give one above -1 and up to 3 that is not 0.")
    whole = ROI.box(0, 0, *measurement.matrix)
    return Insertion(Setup.of(measurement, method, whole if roi is None else roi), keep=True)


def _map(insertion: Insertion, size: float, contrast: float, shape: str, spacing: int) -> Job[RetentionMap]:
    setup = insertion.setup
    yield Progress(0.0, "Reconstructing without a feature")
    grid = np.zeros(setup.measurement.matrix, bool)
    grid[spacing // 2 :: spacing, spacing // 2 :: spacing] = True
    points = np.argwhere(places(setup, size) & grid)
    if not len(points):
        raise InputError("no position of the grid lies in the region; give a smaller spacing or a larger region.")
    _ = insertion.clean
    groups = _groups(insertion, points, size, shape)
    verified = min(VERIFIED, len(points))
    total = 1 + len(groups) + verified
    recoveries, carried = np.full(len(points), np.nan, np.float32), np.zeros(len(points), bool)

    def so_far(done: int, worst: Sequence[WeakPlace] = ()) -> RetentionMap:
        return RetentionMap(
            values=_painted(points, np.where(carried, recoveries, np.nan), spacing, setup),
            positions=points,
            recoveries=recoveries.copy(),
            carried=carried.copy(),
            not_carried=np.isfinite(_painted(points, np.where(carried, np.nan, recoveries), spacing, setup)),
            size=size,
            contrast=contrast,
            shape=shape,
            spacing=spacing,
            reconstructions=done,
            worst=tuple(worst),
        )

    def feature(place: Points) -> Feature:
        row, column = place.tolist()
        return Feature.of(shape, row, column, size, contrast)

    for done, group in enumerate(groups, start=1):
        yield Progress(done / total, f"Features, image {done} of {len(groups)}", so_far(done))
        features = [feature(place) for place in points[group]]
        recoveries[group] = _recoveries(insertion, features)
        carried[group] = insertion.carried_together(features).cpu().numpy() >= ROSE
    worst: list[WeakPlace] = []
    lowest = np.argsort(np.where(carried, recoveries, np.inf))[: min(verified, carried.sum())]
    for done, index in enumerate(lowest, start=1 + len(groups)):
        yield Progress(done / total, "Trying the worst alone", so_far(done, worst))
        weak = _weak(insertion.trial(feature(points[index])), float(recoveries[index]))
        # Alone it is known exactly: the lowest of many are too low rather than too high.
        recoveries[index], carried[index] = weak.recovery, weak.detectability >= ROSE
        worst = sorted([*worst, weak] if carried[index] else worst, key=lambda place: place.recovery)
    return so_far(1 + len(groups) + len(lowest), worst)


def _groups(insertion: Insertion, points: Points, size: float, shape: str) -> list[Points]:
    """The indices of places (n, 2) in groups of features that share a reconstruction."""
    measurement = insertion.setup.measurement
    readout, phase = measurement.kspace.shape[-2:]
    return Crosstalk.of(measurement.mask, (readout, phase), size, shape, APART * size).groups(points)


def _weak(trial: Trial, multiplexed: float) -> WeakPlace:
    row, column = (round(value) for value in trial.feature.values[:2].tolist())
    return WeakPlace(row, column, multiplexed, trial.recovery, trial.carried)


def _table(
    insertion: Insertion, sizes: tuple[float, ...], contrasts: tuple[float, ...], shape: str, count: int, seed: int
) -> Job[RecoveryTable]:
    from ..statistics.rates import Rate  # scipy.stats takes a while

    setup = insertion.setup
    yield Progress(0.0, "Reconstructing without a feature")
    allowed = np.argwhere(places(setup, max(sizes)))
    if len(allowed) < count:
        raise InputError(f"the region has {len(allowed)} places for features of these sizes; ask for no more of them.")
    points = np.random.default_rng(seed).choice(allowed, count, replace=False)
    _ = insertion.clean
    groups = {size: _groups(insertion, points, size, shape) for size in sizes}
    settings = [(size, contrast) for size in sizes for contrast in contrasts]
    total, done, cells = 1 + sum(len(groups[size]) for size, _ in settings), 1, list[Cell]()
    for size, contrast in settings:
        recovered = carried = 0
        for group in groups[size]:
            message = f"Size {size:g}, contrast {contrast:g}"
            yield Progress(done / total, message, RecoveryTable(shape, tuple(cells)))
            features = [Feature.of(shape, row, column, size, contrast) for row, column in points[group].tolist()]
            seen = np.array([_carried(insertion, feature) for feature in features])
            recovered += int(((_recoveries(insertion, features) >= LOST) & seen).sum())
            carried += int(seen.sum())
            done += 1
        low, high = Rate(recovered, carried).interval if carried else (None, None)
        cells.append(Cell(size, contrast, count, carried, recovered, low, high))
    return RecoveryTable(shape, tuple(cells))


def _recoveries(insertion: Insertion, features: Sequence[Feature]) -> NDArray[np.float32]:
    with torch.no_grad():
        recoveries, _ = insertion.together(features, keep=True)
    return recoveries.cpu().numpy()


def _carried(insertion: Insertion, feature: Feature) -> bool:
    with torch.no_grad():
        z = insertion.kspace(feature.change(insertion.tissue))
    return insertion.detectability(z) >= ROSE


def _painted(points: Points, recoveries: NDArray[np.float32], spacing: int, setup: Setup) -> NDArray[np.float32]:
    """Every pixel of tissue in the region with the value of the grid position whose cell it lies in."""
    empty = np.ones(setup.measurement.matrix, bool)
    empty[tuple(points.T)] = False
    values = np.full(empty.shape, np.nan, np.float32)
    values[tuple(points.T)] = recoveries
    distance, nearest = ndimage.distance_transform_edt(empty, return_indices=True)
    inside = (setup.measurement.foreground & setup.mask.cpu()).numpy() & (distance < spacing / np.sqrt(2) + 0.01)
    return np.where(inside, values[tuple(nearest)], np.nan).astype(np.float32)
