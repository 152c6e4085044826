"""Distribution shifts: slices that a proxy filters, and how much of a gap is closed."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from ..ground.errors import InputError
from .clustered import volume_means
from .estimate import FEWEST, TINY, UPPER, Estimate, finite


@dataclass(frozen=True, eq=False)
class Filtered:
    """Which slices a proxy does worst on, and as many that were drawn from all of them; positions, int (count,)."""

    worst: NDArray[np.intp]
    random: NDArray[np.intp]


def filtered(scores: ArrayLike, count: int, *, seed: int = 0) -> Filtered:
    """The `count` slices with the lowest scores of a proxy, (slices,), beside equally many random ones.

    The proxy must be none of the methods that are compared on these slices.
    """
    found = finite(scores, "scores")
    if not 0 < count <= found.size:
        raise InputError(f"{count} of {found.size} slices cannot be filtered; choose 1 to {found.size}.")
    worst = np.argsort(found, kind="stable")[:count]
    return Filtered(worst, np.sort(np.random.default_rng(seed).choice(found.size, count, replace=False)))


def share_closed(
    without: ArrayLike, closed: ArrayLike, trained_there: ArrayLike, volumes: Sequence[Hashable]
) -> Estimate:
    """The share of the gap on Q that a remedy closes, (closed - without) / (trained there - without).

    All scores are on the same slices of Q, (slices,): of the network trained on P, of the same with the remedy (such as
    test-time training), and of the same network trained on Q. Means are over volumes. The interval is Fieller's (JRSS B
    1954, 16:175) for a ratio of means; it is None below 3 volumes, where all volumes have the same share, and where the
    gap itself may be zero, since then any share fits. NaN where there is no gap.
    """
    base, remedy, target = (finite(scores, "scores") for scores in (without, closed, trained_there))
    if not base.shape == remedy.shape == target.shape:
        raise InputError("a share of the gap needs three scores of each slice; measure all three on the same slices.")
    gained, gap = volume_means(remedy - base, volumes), volume_means(target - base, volumes)
    count, top, bottom = len(gap), gained.mean(), gap.mean()
    share = float(top / bottom) if bottom else float("nan")
    if count < FEWEST or np.ptp(gained - share * gap) <= TINY:
        return Estimate(share, None, count)
    spread = np.cov(gained, gap) * stats.t.ppf(UPPER, count - 1) ** 2 / count
    # the shares r with (top - r bottom)^2 <= t^2 var(top - r bottom)
    square, middle, constant = bottom**2 - spread[1, 1], top * bottom - spread[0, 1], top**2 - spread[0, 0]
    if square <= 0:
        return Estimate(share, None, count)
    root = float(np.sqrt(max(middle**2 - square * constant, 0)))
    return Estimate(share, (float((middle - root) / square), float((middle + root) / square)), count)
