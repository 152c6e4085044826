"""How often a study as planned would find the difference that matters, by simulated studies.

The true difference is the endpoint's margin. Ratings of lesions follow the model of Roe and Metz 1997
(doi:10.1016/S1076-6332(97)80210-3) with their high data correlation and low reader variance; scores and choices have a
patient's and a reading's part of equal variance.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from ..statistics import clustered
from ..statistics.estimate import FEWEST, Values
from ..statistics.readers.obuchowski_rockette import compare
from ..statistics.readers.roc import areas, covariance, jackknife_covariance
from .plan import Endpoint, Plan

DRAWS = 400
AREA = 0.85  # of the better arm, where lesions are detected
RATE = 0.8  # sensitivity or specificity of the better arm
DEVIATION = 1.0  # of a score, in levels of its scale

_CASE, _TEST_CASE, _READER_CASE, _ERROR, _READER = 0.3, 0.3, 0.2, 0.2, 0.0055


@dataclass(frozen=True)
class Power:
    """The share of simulated studies whose 95% interval excludes no difference. assumed: from what, in words."""

    share: float
    draws: int
    assumed: str

    @property
    def text(self) -> str:
        """One sentence."""
        error = 1.96 * np.sqrt(self.share * (1 - self.share) / self.draws)
        return (
            f"power: {100 * self.share:.0f}% (±{100 * error:.0f}%, {self.draws} simulated studies), if {self.assumed}"
        )


def power(plan: Plan, draws: int = DRAWS, seed: int = 0) -> Power | None:
    """The power for the plan's endpoint; None without one, or where too few patients or readers give no interval."""
    endpoint = plan.endpoint
    if endpoint is None:
        return None
    rng = np.random.default_rng(seed)
    if endpoint.measure in ("mean", "preference"):
        return _of_means(plan, endpoint, draws, rng)
    return _of_lesions(plan, endpoint, draws, rng)


def _of_means(plan: Plan, endpoint: Endpoint, draws: int, rng: np.random.Generator) -> Power | None:
    """A mean over patients, of differences of scores or of choices."""
    patients = np.unique([case.patient for case in plan.read], return_inverse=True)[1]
    readers = plan.design.readers // plan.design.groups
    if patients.max() + 1 < FEWEST:
        return None
    shape = (draws, len(patients), readers)
    of_patient = rng.standard_normal((draws, patients.max() + 1))[:, patients, None]
    latent = np.sqrt(0.5) * (of_patient + rng.standard_normal(shape))
    if endpoint.measure == "preference":
        share = min(0.5 + endpoint.margin, 0.999)
        read = (latent < stats.norm.ppf(share)).astype(float) - 0.5
        assumed = f"{100 * share:.0f}% of choices are for {endpoint.arms[0]}"
    else:
        read = endpoint.margin + DEVIATION * latent
        assumed = f"scores differ by {endpoint.margin:g} on average, with a standard deviation of {DEVIATION:g}"
    means = np.stack([read[:, patients == one].mean((1, 2)) for one in range(patients.max() + 1)], 1)
    low, high = clustered.student(means)
    return Power(float(((low > 0) | (high < 0)).mean()), draws, assumed)


def _of_lesions(plan: Plan, endpoint: Endpoint, draws: int, rng: np.random.Generator) -> Power | None:
    truth = np.array([bool(case.lesion) for case in plan.read])
    readers = plan.design.readers // plan.design.groups
    if readers < 2 or min(truth.sum(), (~truth).sum()) < 2:
        return None
    best = AREA if endpoint.measure == "auc" else RATE
    worse = max(best - endpoint.margin, 0.01)
    if endpoint.measure == "auc":
        shift = np.sqrt(2) * stats.norm.ppf([best, worse])
        assumed = f"areas under the ROC curve are {best:g} and {worse:g}"
    else:
        shift = stats.norm.ppf([best, worse])
        assumed = f"{endpoint.measure} is {best:g} and {worse:g}"
    found = [_found(_ratings(shift, readers, truth, rng), truth, endpoint.measure) for _ in range(draws)]
    return Power(float(np.mean(found)), draws, assumed)


def _ratings(shift: Values, readers: int, truth: np.ndarray, rng: np.random.Generator) -> Values:
    """Latent ratings (2, readers, cases); those with a lesion are shifted."""

    def part(variance: float, *shape: int) -> Values:
        return np.asarray(np.sqrt(variance) * rng.standard_normal(shape))

    cases = len(truth)
    drawn = part(_CASE, 1, 1, cases) + part(_TEST_CASE, 2, 1, cases) + part(_READER_CASE, 1, readers, cases)
    drawn = drawn + part(_ERROR, 2, readers, cases)
    of_reader = part(_READER, 1, readers, 1) + part(_READER, 2, readers, 1)
    return np.asarray(drawn + (shift[:, None, None] + of_reader) * truth)


def _found(ratings: Values, truth: np.ndarray, measure: str) -> bool:
    """Whether the interval of the difference excludes 0."""
    if measure == "auc":
        result = compare(areas(ratings, truth), covariance(ratings, truth, "delong"))
    else:
        right = (ratings > 0)[..., truth].astype(float)
        left = np.stack([np.delete(right, case, 2).mean(2).ravel() for case in range(right.shape[2])])
        result = compare(right.mean(2), jackknife_covariance(left))
    interval = result.differences[0, 1].interval
    return interval is not None and (interval[0] > 0 or interval[1] < 0)
