"""Two-alternative forced choice, in which readers may prefer a side."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from ...ground.errors import InputError
from .. import clustered
from ..estimate import Estimate, Values, numbered
from ..rates import Rate, fisher
from .jackknife import estimated


@dataclass(frozen=True)
class ForcedChoice:
    """How often the target was chosen, and whether its side mattered.

    chosen: share of trials in which the target was chosen, over patients. on_left, on_right: the same where the target
    stood there. bias: p-value of Fisher's exact test that both are equal; None where a patient has several trials,
    which are not independent. sensitivity: d' = (z(H) - z(F)) / sqrt(2). criterion: -(z(H) + z(F)) / sqrt(2), negative
    for readers that prefer the left. Here H is the share of trials with the target on the left in which the left was
    chosen, F the same with the target on the right; half a trial is added to each (Hautus, Behavior Research Methods
    1995, doi:10.3758/BF03203619). unbiased: Phi(d' / sqrt(2)), the share that a reader who prefers no side would have
    chosen; its interval is of `jackknife.estimated`.
    Macmillan and Creelman, Detection Theory, 2004, chapter 7, doi:10.4324/9781410611147.
    """

    chosen: Estimate
    on_left: Rate
    on_right: Rate
    bias: float | None
    sensitivity: float
    criterion: float
    unbiased: Estimate


def forced_choice(chose_left: ArrayLike, target_left: ArrayLike, patients: Sequence[Hashable]) -> ForcedChoice:
    """Analyse trials, bool (trials,) each: whether the left image was chosen, and whether the target stood there.

    patients: whose images each trial shows. Raises InputError where the target never stood on one of the sides, since
    a side that is preferred cannot be told from the target then.
    """
    chose, target = np.asarray(chose_left, bool), np.asarray(target_left, bool)
    if chose.shape != target.shape or chose.shape != (len(patients),):
        raise InputError(f"{chose.size} choices do not fit {target.size} trials of {len(patients)} patients.")
    if target.all() or not target.any():
        raise InputError("the target always stood on the same side; show it on both sides.")
    of, people = numbered(patients)
    # trials, and those in which the left was chosen, of each patient with the target on the left and on the right
    left, right, hits, false = (
        np.bincount(of[kind], minlength=people) for kind in (target, ~target, target & chose, ~target & chose)
    )
    on_left = Rate(int(hits.sum()), int(left.sum()))
    on_right = Rate(int((right - false).sum()), int(right.sum()))
    h, f = (_scored(one.sum(), all.sum()) for one, all in ((hits, left), (false, right)))
    sensitivity = float(h - f) / 2**0.5
    return ForcedChoice(
        chosen=clustered.mean((chose == target).astype(float), patients),
        on_left=on_left,
        on_right=on_right,
        bias=fisher(on_left, on_right) if people == len(of) else None,
        sensitivity=sensitivity,
        criterion=-float(h + f) / 2**0.5,
        unbiased=_unbiased(sensitivity, hits, left, false, right),
    )


def _scored(chosen: NDArray[np.int_], trials: NDArray[np.int_]) -> Values:
    found: Values = stats.norm.ppf((chosen + 0.5) / (trials + 1))
    return found


def _unbiased(sensitivity: float, *counts: NDArray[np.int_]) -> Estimate:
    value = float(stats.norm.cdf(sensitivity / 2**0.5))
    hits, left, false, right = (count.sum() - count for count in counts)
    return estimated(value, stats.norm.cdf((_scored(hits, left) - _scored(false, right)) / 2)).within(0.0, 1.0)
