"""Comparisons of a study in words: one becomes a sentence if the interval of its difference excludes zero.

A comparison is between two conditions on the same slices and regions: the mean of their differences with Student's
interval over volumes. Below 3 volumes there is no interval, and so no sentence. Each interval is of 95%, however many
comparisons are made: without any true difference about one in twenty excludes zero. Rates of few volumes are mostly 0
or 100%, for which Student's interval is not made: they also need the exact sign test over volumes, and where all
volumes differ by the same, which leaves no interval, they have the p of that test instead.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import polars as pl
from scipy import stats

from ...perturbations.features.insertion import LOST
from ...statistics import clustered
from ...statistics.estimate import CONFIDENCE, Estimate
from ...studies.columns import CLEAN, DOMAIN
from . import budget, features, frame, shifts

RATES = ("attack rate", "lost")
_SAME = ["scan", "slice", "mask_seed", "region"]  # what both sides of a comparison share, beside what is named
_ADVICE = "run the plan of the paper"


@dataclass(frozen=True)
class Claim:
    """A comparison of a measure between two conditions.

    measure: a name in `MEASURES`. one, other: values of columns. each: the claim is made for every combination of these
    columns, every pattern of masks and every setting of the perturbation that both sides have. It is not made where a
    side has several settings of its method, since their mean is no setting's. words: the sentence; {size} is the size
    of the difference, {more} becomes more or less, {larger} larger or smaller, as `one` is.
    """

    measure: str
    one: Mapping[str, Any]
    other: Mapping[str, Any]
    each: Sequence[str]
    words: str


@dataclass(frozen=True)
class Comparison:
    """A claim in one of its cases. place: the case in words. estimate: one minus other.

    signs: the p of the exact sign test over volumes, which rates are to pass as well; None of what is no rate.
    """

    claim: Claim
    place: str
    estimate: Estimate
    signs: float | None = None

    @property
    def holds(self) -> bool:
        """Whether the interval excludes zero, or of a rate without one the sign test does."""
        passes = self.signs is not None and self.signs <= 1 - CONFIDENCE
        if self.estimate.interval is None:
            return passes
        return self.estimate.excludes_zero and (passes or self.signs is None)

    @property
    def sentence(self) -> str:
        """The sentence that the comparison carries; empty where it does not hold."""
        if not self.holds:
            return ""
        more, larger = ("more", "larger") if self.estimate.value > 0 else ("less", "smaller")
        size = frame.written_by_width(self.estimate.size)
        words = self.claim.words.format(size=size, more=more, larger=larger)
        test = f"; p = {self.signs:.2g} by the exact sign test" if self.estimate.interval is None else ""
        return f"{self.place}: {words} ({self.estimate.units} volumes{test})."


def compared(trials: pl.DataFrame, claims: Sequence[Claim]) -> list[Comparison]:
    """Every comparison of the claims that the trials allow, in their order."""
    return [one for claim in claims for one in _compared(trials, claim)]


def _compared(trials: pl.DataFrame, claim: Claim) -> Iterator[Comparison]:
    try:
        rows = frame.with_pattern(MEASURES[claim.measure](trials))
    except frame.Lacking:
        return
    same, each = [name for name in (*_SAME, "volume") if name in rows.columns], [*claim.each, "pattern", "setting"]
    sides = [side for side in (_filtered(rows, one) for one in (claim.one, claim.other)) if side is not None]
    if len(sides) < 2:
        return
    told = set[tuple[str, str]]().union(*(frame.told_knobs(side, but=claim.each) for side in sides))
    one, other = (_means(frame.with_told(side, told), [*same, *each]) for side in sides)
    pairs = one.join(other, on=[*same, *each], nulls_equal=True, suffix="_other", maintain_order="left")
    for names, part in frame.parted(pairs, *each):
        part = part.filter((pl.col("score") - pl.col("score_other")).is_finite())
        difference = (part["score"] - part["score_other"]).to_list()
        if difference:
            words = (_words(name, value) for name, value in zip(each, names, strict=True))
            place = ", ".join(filter(None, words)) or "All"
            volumes = part["volume"].to_list()
            signs = _signs(difference, volumes) if claim.measure in RATES else None
            yield Comparison(claim, place, clustered.mean(difference, volumes), signs)


def _signs(difference: Sequence[float], volumes: Sequence[str]) -> float:
    """The p of the exact sign test over volumes; those without a difference do not count."""
    means = clustered.volume_means(difference, volumes)
    above, below = int((means > 0).sum()), int((means < 0).sum())
    return float(stats.binomtest(above, above + below).pvalue) if above + below else 1.0


def _means(side: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """The mean of what one side has of one method on one slice, mask and region, for instance over seeds of noise."""
    found = side.group_by(by, maintain_order=True).agg(
        pl.col("score").mean(), methods=pl.col("method_label").n_unique()
    )
    return found.filter(pl.col("methods") == 1).drop("methods")


def _filtered(rows: pl.DataFrame, side: Mapping[str, Any]) -> pl.DataFrame | None:
    if not set(side) <= set(rows.columns):
        return None
    return rows.filter(*(pl.col(name) == value for name, value in side.items()))


def _words(name: str, value: Any) -> str:
    if name == "acceleration":
        return frame.acceleration_words(value)
    return value if isinstance(value, str) else f"{name} {value:g}"


def _losses(trials: pl.DataFrame) -> pl.DataFrame:
    """What attacks take from the region's SSIM; `budget_is` says which of the budgets is the least and the largest."""
    rows = budget.attacks(trials).with_columns(score=pl.col("ssim_region_clean") - pl.col("ssim_region_perturbed"))
    least, largest = pl.col("budget").min().over("what"), pl.col("budget").max().over("perturbation")
    return rows.with_columns(
        budget_is=pl.when(pl.col("budget") == largest)
        .then(pl.lit("largest"))
        .when(pl.col("budget") == least)
        .then(pl.lit("least"))
    )


def _slopes(trials: pl.DataFrame) -> pl.DataFrame:
    """The same for each percent of the budget."""
    return _losses(trials).with_columns(score=pl.col("score") / (100 * pl.col("budget")))


def _poses(trials: pl.DataFrame) -> pl.DataFrame:
    """What the worst pose within the largest angle takes from the region's SSIM, also if it is fully sampled."""
    needed = ["ssim_region_clean", "ssim_region_perturbed", "floor_ssim_region_perturbed"]
    rows = frame.with_knob(frame.need(trials, needed, _ADVICE), "angle")
    rows = rows.filter(pl.col("knob_angle") == pl.col("knob_angle").max())
    worst = pl.col("ssim_region_clean") - pl.col("ssim_region_perturbed")
    return pl.concat(
        [
            rows.with_columns(what=pl.lit("worst pose"), score=worst),
            rows.with_columns(what=pl.lit("fully sampled"), score=1 - pl.col("floor_ssim_region_perturbed")),
        ]
    )


def _attacks(trials: pl.DataFrame) -> pl.DataFrame:
    """Whether a feature passes the published thresholds, in percent; `own` if it was found for the method itself."""
    rows = features.searches(trials)
    return rows.with_columns(score=100.0 * features.success(), own=pl.col("found_for") == pl.col("method_label"))


def _losing(trials: pl.DataFrame) -> pl.DataFrame:
    """Whether a feature lost more than half of its contrast, in percent."""
    rows = frame.need(_attacks(trials), ["contrast_recovery_region_perturbed"], _ADVICE, transferred=True)
    return rows.with_columns(score=100.0 * (pl.col("contrast_recovery_region_perturbed") < LOST))


def _clean_images(trials: pl.DataFrame, needed: str) -> pl.DataFrame:
    """A row for each clean image, whatever perturbs it elsewhere."""
    rows = frame.first_of_each_image(frame.need(trials, [needed], _ADVICE))
    return rows.with_columns(perturbation=pl.lit(CLEAN), perturbation_knobs=pl.lit("{}"))


def _quality(trials: pl.DataFrame) -> pl.DataFrame:
    """SSIM of the foreground of clean images; `network` is what test-time training trains on."""
    rows = _clean_images(trials, "ssim_foreground_clean")
    rows = frame.with_knob(frame.with_knob(rows, "weight", "knobs"), "network", "knobs")
    return rows.rename({"knob_weight": "weight", "knob_network": "network"}).with_columns(
        score=pl.col("ssim_foreground_clean")
    )


def _shifted(trials: pl.DataFrame) -> pl.DataFrame:
    """What a perturbation of the whole measurement takes from the foreground's SSIM, at each of its settings, on P."""
    needed = ["ssim_foreground_clean", "ssim_foreground_perturbed"]
    rows = frame.need(shifts.inside(trials), needed, _ADVICE).filter(pl.col("budget").is_null(), ~pl.col("control"))
    rows = frame.with_knob(rows, "factor")
    return rows.with_columns(score=pl.col(needed[0]) - pl.col(needed[1])).rename({"knob_factor": "factor"})


def _outside(trials: pl.DataFrame) -> pl.DataFrame:
    """SSIM of the foreground on Q, which `shift` names: scans of another domain, or scans of P that are perturbed."""
    parts = []
    with suppress(frame.Lacking):
        scans = _quality(shifts.outside(trials))
        parts.append(scans.with_columns(shift=pl.col(DOMAIN)))
    with suppress(frame.Lacking):
        perturbed = frame.with_knob(_shifted(trials), "network", "knobs").rename({"knob_network": "network"})
        score = pl.col("ssim_foreground_perturbed")
        parts.append(perturbed.with_columns(score=score, shift=pl.col("perturbation")))
    if not parts:
        raise frame.Lacking(f"No trial is out of distribution: {_ADVICE}.")
    return pl.concat(parts, how="diagonal_relaxed")


def _covered(trials: pl.DataFrame) -> pl.DataFrame:
    """The share of pixels in the posterior's 90% interval, beside 90%, in percent."""
    rows = _clean_images(trials, "coverage_90_foreground_clean")
    found = rows.with_columns(what=pl.lit("found"), score=100 * pl.col("coverage_90_foreground_clean"))
    return pl.concat([found, found.with_columns(what=pl.lit("promised"), score=pl.lit(90.0))])


MEASURES: dict[str, Callable[[pl.DataFrame], pl.DataFrame]] = {
    "loss": _losses,
    "slope": _slopes,
    "pose": _poses,
    "attack rate": _attacks,
    "lost": _losing,
    "quality": _quality,
    "shift": _shifted,
    "quality outside": _outside,
    "coverage": _covered,
}
