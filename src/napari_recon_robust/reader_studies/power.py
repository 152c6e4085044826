"""How often a study as planned would find the difference that matters, and how many readers and cases it needs.

The true difference is the endpoint's margin. Ratings of lesions follow the model of Roe and Metz 1997
(doi:10.1016/S1076-6332(97)80210-3) with their high data correlation and low reader variance; scores, ranks and choices
have a patient's and a reading's part of equal variance, and a small one of the reader. Cases and lesions of one patient
are not independent: half of the variance of their ratings is the patient's. What has no formula is simulated.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from ..ground.errors import InputError
from ..ground.numbers import counted
from ..statistics.estimate import FEWEST, Values
from ..statistics.rates import Rate
from ..statistics.readers.averages import spread_of
from ..statistics.readers.free_response import (
    UNMARKED,
    FreeResponse,
    even_weights,
    weighted_afroc,
    weighted_afroc_covariance,
)
from ..statistics.readers.interchangeability import interchangeability
from ..statistics.readers.jackknife import patients_read
from ..statistics.readers.obuchowski_rockette import compare, components
from ..statistics.readers.roc import Method, areas, covariance, rarer
from ..statistics.readers.sample_size import MOST_CASES, VAN_DYKE, Variances, design_effect
from ..statistics.readers.shares import share_interval, shares
from ..statistics.readers.visual_grading import visual_grading
from .marks import Marks
from .order import groups
from .plan import Endpoint, EndpointMeasure, Plan
from .ratings import FEWEST_OF_A_KIND, Ratings

DRAWS = 400
AREA = 0.85  # of the better arm, where lesions are detected
RATE = 0.8  # sensitivity or specificity of the better arm
DEVIATION = 1.0  # of a score, in levels of its scale
OF_READERS = 0.011  # of the variance of differences and choices, as in Roe and Metz' model of little variance
OF_PATIENT = 0.5  # of the variance of ratings, the correlation of two cases or lesions of one patient
DISAGREEMENT = 0.2  # of two readers with the same arm, where arms are to be interchangeable
WISHED = 0.8  # power

_OF_CLUSTERS = f", and {100 * OF_PATIENT:.0f}% of the variance of ratings is the patient's"
_CASE, _TEST_CASE, _READER_CASE, _ERROR, _READER = 0.3, 0.3, 0.2, 0.2, 0.0055


@dataclass(frozen=True)
class Power:
    """The share of simulated studies that show what the endpoint asks for. assumed: from what, in words."""

    share: float
    draws: int
    assumed: str

    @property
    def text(self) -> str:
        """One sentence."""
        low, high = Rate(round(self.share * self.draws), self.draws).interval
        ends = f"95% interval {100 * low:.1f} to {100 * high:.1f}%, {self.draws} simulated studies"
        return f"power: {100 * self.share:.0f}% ({ends}), if {self.assumed}"


@dataclass(frozen=True)
class Size:
    """So many readers in all, and int of each case: its patient, its number of lesions, and the group that reads it.

    The readers are dealt out to the groups in turn, as `order.draw` does.
    """

    readers: int
    patients: NDArray[np.intp]
    lesions: NDArray[np.intp]
    groups: NDArray[np.intp]

    @classmethod
    def of(cls, plan: Plan) -> "Size":
        """Of a plan."""
        patients = np.unique([case.patient for case in plan.read], return_inverse=True)[1]
        lesions = np.array([max(len(case.places), 1) if case.lesion else 0 for case in plan.read])
        group_of = {case.id: number for number, cases in enumerate(groups(plan)) for case in cases}
        return cls(plan.design.readers, patients, lesions, np.array([group_of[case.id] for case in plan.read]))

    @property
    def truth(self) -> NDArray[np.bool_]:
        """Whether each case has a lesion."""
        return self.lesions > 0

    @property
    def assigned(self) -> NDArray[np.bool_]:
        """Which reader reads which case, (readers, cases)."""
        return np.asarray(np.arange(self.readers)[:, None] % (self.groups.max() + 1) == self.groups)

    @property
    def clustered(self) -> bool:
        """Whether a patient has several cases."""
        return int(self.patients.max()) + 1 < self.patients.size

    @property
    def design_effect(self) -> float:
        """See `sample_size.design_effect`, of the cases in patients."""
        return design_effect(np.bincount(self.patients), OF_PATIENT)

    def of_patients(self, read: Values) -> Values:
        """The means of each patient's cases, (..., cases) -> (..., patients)."""
        return np.stack([read[..., self.patients == one].mean(-1) for one in range(self.patients.max() + 1)], -1)

    def scaled(self, readers: int, times: int) -> "Size":
        """So many readers, and as many more patients with the same cases."""
        more = np.concatenate([self.patients + number * (self.patients.max() + 1) for number in range(times)])
        return Size(readers, more, np.tile(self.lesions, times), np.tile(self.groups, times))


def power(plan: Plan, draws: int = DRAWS, seed: int = 0) -> Power | None:
    """The power for the plan's endpoint; None without one, or where too few patients or readers give no interval."""
    return None if plan.endpoint is None else power_of(plan, Size.of(plan), draws, seed)


def power_of(plan: Plan, size: Size, draws: int = DRAWS, seed: int = 0) -> Power | None:
    """The power for the plan's endpoint with other numbers of readers and cases."""
    endpoint, rng = plan.endpoint, np.random.default_rng(seed)
    if endpoint is None or size.patients.max() + 1 < FEWEST:
        return None
    if endpoint.measure in ("mean", "preference"):
        return _of_means(plan, endpoint, size, draws, rng)
    if endpoint.measure in ("visual-grading", "interchangeability"):
        return _of_grades(endpoint, size, draws, rng)
    return _of_lesions(endpoint, len(plan.arms), size, draws, rng)


def table(plan: Plan, readers: Sequence[int] | None = None, times: Sequence[int] = (1, 2, 4)) -> list[str]:
    """The power with so many readers, and as many times the patients, a line for each number of readers.

    readers: in all, by default 2, 4, 6 and 8, or 1 to 4 in each group of a split-plot design.
    """
    size, lines, several = Size.of(plan), [], plan.design.groups
    each = (2, 4, 6, 8) if several == 1 else (1, 2, 3, 4)
    for count in [several * one for one in each] if readers is None else readers:
        found = [power_of(plan, size.scaled(count, factor), draws=100) for factor in times]
        cells = [
            "–" if one is None else f"{100 * one.share:.0f}% with {factor * size.truth.size} cases"
            for one, factor in zip(found, times, strict=True)
        ]
        lines.append(f"{counted(count, 'reader')}: {', '.join(cells)}")
    return lines


def variances_of(pilot: Ratings | Marks, measure: EndpointMeasure) -> Variances:
    """The variances of Obuchowski and Rockette that a pilot shows, of areas under the ROC or the wAFROC curve.

    They are those of cases that are each of another patient: the design effect of a pilot's patients is taken off.
    measure: `auc`, for which the highest mark of a case is its rating, or `wafroc`. Raises InputError for fewer than
    two arms or readers, too few cases, readers who share no case, or ratings where marks are needed.
    """
    if len(pilot.arms) < 2:
        raise InputError("a pilot of one arm shows no variance of differences; name one with two.")
    if measure == "wafroc":
        if isinstance(pilot, Ratings):
            raise InputError(
                "the endpoint's area is under the wAFROC curve, and the pilot has no marks; name one that has."
            )
        pilot = pilot.paired()[0]
        _check_two(pilot.readers)
        marks = pilot.free_response()
        read = ~np.isnan(marks.false[0])
        figures, errors = weighted_afroc(marks), weighted_afroc_covariance(marks, patients=pilot.patients)
    else:
        pilot = (pilot.highest() if isinstance(pilot, Marks) else pilot).paired()[0]
        _check_two(pilot.readers)
        read = pilot.read
        figures = areas(pilot.values, pilot.truth)
        errors = covariance(pilot.values, pilot.truth, patients=pilot.patients)
    effect = design_effect([*Counter(pilot.patients).values()], OF_PATIENT)
    return Variances.of_parts(components(figures, errors), read).clustered(1 / effect)


def _check_two(readers: Sequence[str]) -> None:
    if len(readers) < 2:  # who do not show how readers differ
        raise InputError("fewer than two readers of the pilot rated two cases of each kind in all arms; name another.")


def sizes(
    difference: float, variances: Variances = VAN_DYKE, readers: Sequence[int] | None = None, groups: int = 1
) -> list[str]:
    """For each number of readers the fewest cases that show a difference of areas with a power of 80%, in words.

    variances: of a pilot; by default those that were published of Van Dyke's readers, each case of another patient.
    readers: by default 3 to 10, or 1 to 4 in each of the groups of a split-plot design.
    """
    if readers is None:
        readers = range(3, 11) if groups == 1 else [groups * each for each in (1, 2, 3, 4)]
    found = [(count, variances.cases_for(difference, count, WISHED, groups)) for count in readers]
    return [f"{count} readers: {_enough(cases)}" for count, cases in found]


def _enough(cases: range) -> str:
    """Which numbers of cases suffice, in words."""
    if not cases:
        return f"no number of cases up to {MOST_CASES}"
    return f"{cases[0]} cases" + (f", but not {cases.stop} or more" if cases.stop <= MOST_CASES else "")


def _of_means(plan: Plan, endpoint: Endpoint, size: Size, draws: int, rng: np.random.Generator) -> Power | None:
    """A mean over readers and patients, of differences of scores or ranks or of choices."""
    margin, arms, reads = endpoint.margin, len(plan.arms), size.assigned
    reads = reads[[np.unique(size.patients[own]).size >= FEWEST for own in reads]]  # others are left out
    if not len(reads):
        return None
    shape = (draws, *reads.shape)
    of_patient = rng.standard_normal((draws, 1, size.patients.max() + 1))[..., size.patients]
    latent = np.sqrt(0.5) * (of_patient + rng.standard_normal(shape))
    if len(reads) > 1:  # what a single reader finds holds for this reader alone
        latent = np.sqrt(1 - OF_READERS) * latent + np.sqrt(OF_READERS) * rng.standard_normal((*shape[:2], 1))
    shares = endpoint.measure == "preference" and arms == 2
    if endpoint.measure == "preference":
        behind = max(1 / arms - margin / 2, 0.0)
        ahead = min(behind + margin, 1.0)
        first, last = stats.norm.ppf(ahead), stats.norm.isf(behind)
        read = (latent < first).astype(float) - (latent > last) * (not shares)
        assumed = f"{100 * ahead:.0f}% of choices are for {endpoint.arms[0]}, {100 * behind:.0f}% for the other"
    else:
        ranked = plan.at_once
        deviation = np.sqrt(arms * (arms + 1) / 6) if ranked else DEVIATION  # that of ranks drawn by lot
        read = margin + deviation * latent
        what = "ranks" if ranked else "scores"
        assumed = f"{what} differ by {margin:g} on average, with a standard deviation of {deviation:.3g}"
    if len(reads) > 1:
        assumed += f", and {100 * OF_READERS:.1f}% of the variance is the readers'"
    found = spread_of(size.of_patients(np.where(reads, read, np.nan)))
    readings, units = int(reads.sum()), np.unique(size.patients[reads.any(0)]).size
    low, high = share_interval(found, readings, units) if shares else found.interval
    null = 0.5 if shares else 0.0
    return Power(float(((low > null) | (high < null)).mean()), draws, assumed)


def _of_grades(endpoint: Endpoint, size: Size, draws: int, rng: np.random.Generator) -> Power | None:
    """Scores of the same cases in two arms, shown to differ, or calls, shown to be interchangeable."""
    found, patients, reads = [], size.patients.tolist(), size.assigned
    if endpoint.measure == "visual-grading":
        area = min(0.5 + endpoint.margin, 0.999)
        shift = _shift_of(area)[:, None, None]
        varying = np.full(size.truth.size, size.readers > 1)  # what a single reader finds holds for this reader alone
        for _ in range(draws):
            drawn = shift + _ratings(np.zeros(2), size.readers, varying, size.patients, rng)
            levels = np.where(reads, np.clip(np.rint(drawn), -2, 2), np.nan)
            low, high = visual_grading(levels[0], levels[1], patients).area.interval or (0.0, 1.0)
            found.append(low > 0.5 or high < 0.5)
        assumed = f"the area under the visual grading curve is {area:g}{_OF_CLUSTERS * size.clustered}"
        return Power(float(np.mean(found)), draws, assumed)
    if reads.sum(0).max() < 2:
        return None
    agreeing = np.cos(np.pi * DISAGREEMENT)  # the correlation of two normal ratings whose signs differ so often
    part = partial(_part, size.patients, rng)
    for _ in range(draws):
        of_case = part(agreeing, 1, 1)
        calls = of_case + part(1 - agreeing, 2, size.readers) > 0
        new, old = np.where(reads, calls, np.nan)
        interval = interchangeability(new.T, old.T, patients).index.interval
        found.append(interval is not None and interval[1] < endpoint.margin)
    assumed = f"two readers disagree at {100 * DISAGREEMENT:.0f}% of cases, whichever arm they have"
    assumed += _OF_CLUSTERS * size.clustered
    return Power(float(np.mean(found)), draws, assumed)


def _shift_of(area: float) -> Values:
    """The means of two normal scores, rounded to levels from -2 to 2, whose visual grading curve has this area."""
    edges = np.arange(-1.5, 2)

    def lacking(apart: float) -> float:
        first, second = (np.diff(stats.norm.cdf(edges, mean), prepend=0, append=1) for mean in (apart / 2, -apart / 2))
        return float(first @ (second.cumsum() - second / 2)) - area

    return float(optimize.brentq(lacking, 0, 20)) * np.array([0.5, -0.5])


def _of_lesions(endpoint: Endpoint, arms: int, size: Size, draws: int, rng: np.random.Generator) -> Power | None:
    reads = [
        own for own in size.assigned if min((own & size.truth).sum(), (own & ~size.truth).sum()) >= FEWEST_OF_A_KIND
    ]
    if len(reads) < 2:
        return None
    of_area = endpoint.measure in ("auc", "wafroc")
    best = AREA if of_area else RATE
    worse = max(best - endpoint.margin, 0.01)
    shift = (np.sqrt(2) if of_area else 1.0) * stats.norm.ppf([best, worse, *[best] * (arms - 2)])
    if of_area:
        name = "ROC" if endpoint.measure == "auc" else "wAFROC"
        assumed = f"areas under the {name} curve are {best:g} and {worse:g}"
        assumed += ", each lesion and each case without one is marked once" if name == "wAFROC" else ""
    else:
        assumed = f"{endpoint.measure} is {best:g} and {worse:g}"
    assumed += ", others are as the better one" if arms > 2 else ""
    if size.clustered or (endpoint.measure == "wafroc" and size.lesions.max() > 1):
        assumed += _OF_CLUSTERS
    try:
        found = [_differ(endpoint.measure, shift, size, np.array(reads), rng) for _ in range(draws)]
    except InputError:  # all cases of one kind are of one patient, and there is no interval
        return None
    return Power(float(np.mean(found)), draws, assumed)


def _differ(measure: str, shift: Values, size: Size, reads: NDArray[np.bool_], rng: np.random.Generator) -> bool:
    """Whether the interval of the first two arms' difference excludes 0 in one simulated study of all arms.

    reads: who reads which case.
    """
    # of specificity the cases without a lesion are those that a rating above 0 is right for
    truth = ~size.truth if measure == "specificity" else size.truth
    of = np.repeat(np.arange(truth.size), np.maximum(size.lesions, 1) if measure == "wafroc" else 1)
    ratings = np.where(reads[:, of], _ratings(shift, len(reads), truth[of], size.patients[of], rng), np.nan)
    method: Method = "delong" if reads.all() and not size.clustered else "jackknife"
    patients = size.patients.tolist()
    units = rarer(reads, truth, patients)
    if measure == "auc":
        figures, errors = areas(ratings, truth), covariance(ratings, truth, method, patients)
    elif measure == "wafroc":
        marks = _marked(ratings, of, truth)
        figures, errors = weighted_afroc(marks), weighted_afroc_covariance(marks, method, patients)
    else:
        right = np.where(np.isnan(ratings), np.nan, ratings > 0)
        figures, errors = shares(right[..., truth], size.patients[truth])
        units = patients_read(reads[:, truth], size.patients[truth].tolist())
    return compare(figures, errors, patients=units).p_of[0, 1] < 0.05


def _marked(ratings: Values, of: NDArray[np.intp], truth: NDArray[np.bool_]) -> FreeResponse:
    """Ratings (arms, readers, units) of all lesions and of all cases without, for the case of each, as marks."""
    false = np.full((*ratings.shape[:2], truth.size), UNMARKED)
    false[..., of] = np.where(truth[of] & ~np.isnan(ratings), UNMARKED, ratings)
    return FreeResponse(ratings[..., truth[of]], of[truth[of]], false, truth, even_weights(of[truth[of]]))


def _part(patients: NDArray[np.intp], rng: np.random.Generator, variance: float, *shape: int) -> Values:
    """A normal part (*shape, units) of ratings of cases or lesions, half of whose variance is the patient's."""
    own, whose = rng.standard_normal((*shape, patients.size)), rng.standard_normal((*shape, patients.max() + 1))
    return np.sqrt(variance) * (np.sqrt(1 - OF_PATIENT) * own + np.sqrt(OF_PATIENT) * whose[..., patients])


def _ratings(
    shift: Values, readers: int, truth: NDArray[np.bool_], patients: NDArray[np.intp], rng: np.random.Generator
) -> Values:
    """Latent ratings (arms, readers, units) of cases or lesions; those with a lesion are shifted."""
    arms = len(shift)

    def of_reader(*shape: int) -> Values:
        return np.asarray(np.sqrt(_READER) * rng.standard_normal(shape))

    part = partial(_part, patients, rng)
    drawn = part(_CASE, 1, 1) + part(_TEST_CASE, arms, 1) + part(_READER_CASE, 1, readers) + part(_ERROR, arms, readers)
    return np.asarray(drawn + (shift[:, None, None] + of_reader(1, readers, 1) + of_reader(arms, readers, 1)) * truth)
