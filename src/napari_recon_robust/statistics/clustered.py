"""Means and intervals that are clustered by volume, since the slices of one volume are not independent.

The mean of each volume is one observation. A plain bootstrap over volumes and slices is too narrow: it covers 86% where
95% is meant at four volumes, and 94% at twenty.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from ..ground.errors import InputError
from .estimate import CONFIDENCE, FEWEST, Estimate, Interval, Values, finite

RESAMPLES = 2000
FEWEST_RESAMPLED = 4  # of three volumes, one in nine resamples repeats a single volume and has no standard error
_TAILS = (1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2


@dataclass(frozen=True)
class Spread:
    """Quartiles of slices or lesions that are not independent; they describe these and infer nothing about others."""

    low: float
    median: float
    high: float
    count: int


def volume_means(values: ArrayLike, volumes: Sequence[Hashable]) -> Values:
    """The mean of each volume's values, float64 (volumes,), in the order in which the volumes come first."""
    found = finite(values)
    if found.shape != (len(volumes),):
        raise InputError(f"there are {found.size} values and {len(volumes)} volumes; name one volume for each value.")
    order = {volume: number for number, volume in enumerate(dict.fromkeys(volumes))}
    numbers = np.array([order[volume] for volume in volumes])
    return np.bincount(numbers, found) / np.bincount(numbers)


def mean(values: ArrayLike, volumes: Sequence[Hashable]) -> Estimate:
    """The mean of the volumes' means with Student's t interval, m ± t(n-1) s / sqrt(n); none below 3 volumes."""
    means = volume_means(values, volumes)
    interval = _single(*student(means)) if len(means) >= FEWEST else None
    return Estimate(float(means.mean()), interval, len(means))


def bootstrap_mean(values: ArrayLike, volumes: Sequence[Hashable], *, seed: int = 0) -> Estimate:
    """The mean of the volumes' means with the interval of `studentised`, which suits skewed scores; none below 4."""
    means = volume_means(values, volumes)
    interval = _single(*studentised(means, seed=seed)) if len(means) >= FEWEST_RESAMPLED else None
    return Estimate(float(means.mean()), interval, len(means))


def student(means: Values) -> tuple[Values, Values]:
    """The ends of Student's t interval over the last axis of independent means, (..., volumes) -> (...), (...)."""
    count = means.shape[-1]
    half = stats.t.ppf(_TAILS[1], count - 1) * means.std(-1, ddof=1) / np.sqrt(count)
    return means.mean(-1) - half, means.mean(-1) + half


def studentised(means: Values, *, seed: int = 0) -> tuple[Values, Values]:
    """The ends of the studentised bootstrap interval over the last axis, (..., volumes) -> (...), (...).

    t* = (m* - m) / s*, and the interval is from m - t*(97.5%) s to m - t*(2.5%) s, for the standard errors s and s* of
    the volumes and of a resample of them. 2,000 resamples; the same ones for the same seed.
    Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 12.5, doi:10.1201/9780429246593.
    """
    count = means.shape[-1]
    drawn = np.random.default_rng(seed).multinomial(count, [1 / count] * count, RESAMPLES).T / count
    mean, deviation = means.mean(-1, keepdims=True), means.std(-1, keepdims=True)
    relative = np.divide(means - mean, deviation, out=np.zeros_like(means), where=deviation > 0)
    resampled = relative @ drawn
    variance = np.maximum(relative**2 @ drawn - resampled**2, 1e-12)  # a resample of one volume alone has none
    low, high = np.quantile(resampled / np.sqrt(variance / (count - 1)), _TAILS, axis=-1)
    error = deviation[..., 0] / np.sqrt(count - 1)
    return mean[..., 0] - high * error, mean[..., 0] - low * error


def spread(values: ArrayLike) -> Spread:
    """The quartiles of the values, for slices or lesions of fewer than 3 volumes."""
    found = finite(values)
    low, median, high = np.quantile(found, (0.25, 0.5, 0.75)).tolist()
    return Spread(low, median, high, found.size)


def _single(low: Values, high: Values) -> Interval:
    return float(low), float(high)
