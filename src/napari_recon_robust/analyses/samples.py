"""Quality against the number of samples: a network made for one mask may get worse when it is given more."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import isfinite, nan
from statistics import fmean, stdev
from typing import Any

import torch

from ..data.measurement import Measurement, as_single
from ..evaluation import metrics
from ..evaluation.measures import MEASURES
from ..evaluation.metrics import Metrics
from ..ground.arguments import as_list, as_whole
from ..ground.errors import InputError
from ..ground.numbers import finite, written
from ..ground.progress import Job, Progress
from ..physics.sampling import Sampling
from ..reconstructors.base import Method, Reconstructor


@dataclass(frozen=True)
class MaskScore:
    """One mask: its nominal acceleration and seed, its effective R, the quality on the foreground.

    lines: how many phase-encoding lines it samples; None where it does not sample whole ones.
    """

    acceleration: float
    seed: int
    effective: float
    metrics: Metrics
    lines: int | None = None


@dataclass(frozen=True)
class Level:
    """The masks of one acceleration: means, and standard deviations of the metrics over the masks, None of one mask."""

    acceleration: float
    masks: int
    effective: float
    lines: float | None
    mean: Metrics
    spread: Metrics | None

    def to_json(self) -> dict[str, Any]:
        """As JSON values, with all means and spreads side by side; what is not finite is null."""
        facts = {name: value for name, value in vars(self).items() if name not in ("mean", "spread")}
        spread = {f"{name}_spread": None if self.spread is None else getattr(self.spread, name) for name in MEASURES}
        return finite({**facts, **vars(self.mean), **spread})


@dataclass(frozen=True)
class Fall:
    """A measure ("SSIM" or "NMSE") that is worse with many samples than with few. before, after: its means."""

    measure: str
    few: Level
    many: Level
    before: float
    after: float

    @property
    def words(self) -> str:
        """From which to which acceleration, from which to which value."""
        moved = "falls" if self.after < self.before else "rises"
        return (
            f"from R = {self.few.effective:.3g} to {self.many.effective:.3g} {self.measure} {moved} "
            f"from {written(self.before)} to {written(self.after)}"
        )


# By how much each has to be worse than a value to be told. PSNR falls where NMSE rises.
_WATCHED: dict[str, Callable[[float], float]] = {"ssim": lambda _: 1e-3, "nmse": lambda before: 1e-2 * before}


@dataclass(frozen=True)
class SamplesCurve:
    """The quality of one method on one slice. reference: the kind of fully sampled image that it is measured against.

    points: fewest samples first, as `levels`.
    """

    points: tuple[MaskScore, ...]
    reference: str

    @property
    def levels(self) -> list[Level]:
        """The means at each acceleration."""
        return [_level(list(points)) for _, points in groupby(self.points, lambda point: point.acceleration)]

    @property
    def falls(self) -> list[Fall]:
        """Where SSIM or NMSE is worse than the best with fewer samples, by more than the spread of either, visibly."""
        found = []
        for name, least in _WATCHED.items():
            sign = -1 if MEASURES[name].larger_is_worse else 1
            for index, many in enumerate(self.levels):
                fewer = [level for level in self.levels[:index] if level.effective > many.effective]
                if not fewer:
                    continue
                few = max(fewer, key=lambda level: sign * getattr(level.mean, name))
                spread = max(getattr(level.spread, name) if level.spread else 0.0 for level in (few, many))
                before, after = (getattr(level.mean, name) for level in (few, many))
                if sign * (before - after) > max(spread, least(before)):
                    found.append(Fall(MEASURES[name].name, few, many, before, after))
        return found

    @property
    def sentence(self) -> str:
        """What becomes of the quality as samples are added."""
        if len(self.levels) < 2:
            return "One acceleration says nothing on what more samples do; give several."
        if not self.falls:
            return "The quality does not fall anywhere as samples are added."
        text = f"The quality falls although samples are added: {'; '.join(fall.words for fall in self.falls)}."
        masks = {level.masks for fall in self.falls for level in (fall.few, fall.many)}
        if 1 in masks:
            each = "It is one mask each" if masks == {1} else "Of some accelerations it is one mask"
            text += f" {each}: how much another mask changes is not known."
        return text

    def to_json(self) -> dict[str, Any]:
        """As JSON values; what is not finite is null."""
        return {
            "reference": self.reference,
            "masks": [{**vars(point), "metrics": point.metrics.to_json()} for point in self.points],
            "levels": [level.to_json() for level in self.levels],
            "falls": [
                {"measure": fall.measure, "from": fall.few.acceleration, "to": fall.many.acceleration}
                for fall in self.falls
            ],
            "sentence": self.sentence,
        }


def quality_by_samples(
    measurement: Measurement,
    method: Method | Reconstructor,
    accelerations: Sequence[float],
    *,
    sampling: Sampling | None = None,
    seeds: Sequence[int] = (0, 1, 2),
) -> Job[SamplesCurve]:
    """The quality of one method, its knobs fixed, on one slice under more and more samples.

    method: a reconstructor is at its defaults.
    measurement: one whose fully sampled k-space is known; its own samples do not count, and its calibration makes the
    reference, the same for all masks. Sensitivities and noise are estimated from each mask's samples. sampling: of
    which the acceleration and the seed are varied. Equal masks of several seeds count once. The previews are curves.
    Antun et al. 2020, doi:10.1073/pnas.1907377117, the third test. Raises InputError at once for a batch of slices,
    without a fully sampled k-space, without accelerations or seeds, or for knobs that do not fit.
    """
    if as_single(measurement).full is None:
        raise InputError("this scan is undersampled, so that samples cannot be added; give a fully sampled one.")
    numbers = [as_whole(seed, "one of the seeds", 0) for seed in as_list(seeds, "the seeds")]
    if not accelerations or not numbers:
        raise InputError("no acceleration or no seed is given; give at least one of each.")
    base = (Sampling() if sampling is None else sampling).model_dump()
    samplings = [
        Sampling(**base | {"acceleration": acceleration, "seed": seed})
        for acceleration in sorted(set(accelerations), reverse=True)
        for seed in numbers
    ]
    method = method.at()
    if not method.is_image:
        raise InputError(f"these knobs of {method.label} ask for a map, not for an image; measure an image.")
    return _measured(measurement, method, samplings)


def _measured(measurement: Measurement, method: Method, samplings: Sequence[Sampling]) -> Job[SamplesCurve]:
    full = measurement.full
    assert full is not None
    acquired = measurement.acquired.cpu()
    points: list[MaskScore] = []
    seen: set[tuple[float, bytes]] = set()
    kind = method.reference_kind
    reference, tissue = measurement.reference(kind), measurement.foreground
    assert reference is not None
    for index, sampling in enumerate(samplings):
        done = SamplesCurve(tuple(points), kind)
        yield Progress(index / len(samplings), f"Reconstructing at {sampling.acceleration:g}x", done)
        mask = acquired & sampling.mask(*full.shape[-2:])
        key = (sampling.acceleration, mask.numpy().tobytes())
        if key in seen:
            continue
        seen.add(key)
        sampled = measurement.with_kspace(full, full=full, mask=mask.to(full.device))
        with torch.no_grad():
            image = method(sampled)
        scores = metrics.measure(image.cpu(), reference.cpu(), tissue=tissue)["foreground"]
        lines = int(sampled.sampled.sum()) if sampled.lines else None
        points.append(MaskScore(sampling.acceleration, int(sampling.seed), sampled.acceleration, scores, lines))
    return SamplesCurve(tuple(points), kind)


def _level(points: Sequence[MaskScore]) -> Level:
    values = {name: [getattr(point.metrics, name) for point in points] for name in MEASURES}
    lines = [point.lines for point in points if point.lines is not None]
    return Level(
        acceleration=points[0].acceleration,
        masks=len(points),
        effective=fmean(point.effective for point in points),
        lines=fmean(lines) if lines else None,
        mean=Metrics(**{name: fmean(each) for name, each in values.items()}),
        spread=Metrics(**{name: _deviation(each) for name, each in values.items()}) if len(points) > 1 else None,
    )


def _deviation(values: Sequence[float]) -> float:
    """The standard deviation; NaN where a value is infinite, as the PSNR of identical images."""
    return stdev(values) if all(map(isfinite, values)) else nan
