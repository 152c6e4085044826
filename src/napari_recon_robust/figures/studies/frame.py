"""What the figures of a study need of its table: columns, knobs, and means with intervals over volumes.

The table has a row for each trial. Its column `volume` names the independent unit of all statistics.
"""

from collections.abc import Collection, Iterable, Sequence
from math import floor, inf, isfinite, log10
from operator import itemgetter
from typing import Any

import polars as pl

from ...ground import numbers
from ...ground.errors import InputError
from ...ground.knob import stored
from ...statistics import clustered
from ...statistics.clustered import INTERVAL, SPREAD
from ...statistics.estimate import Estimate, Interval
from ...studies.columns import (
    DOMAIN,
    INSERTED,
    PLACE,
    POOLED_MASK,
    STATES,
    pattern_words,
    plan_regions_first,
    told_words,
    varied,
)
from ...studies.plan import IMAGE_METRICS
from ...studies.table import typed

SLICE = (*PLACE, "method_label")  # what has one clean image
SAMPLING = ("acceleration", "pattern")  # what has a panel or a point of its own
LESIONS = ("annotations", INSERTED, "drawn")  # the kinds of regions that are lesions
PERCENT = (0.0, 100.0)
ENDLESS = (-inf, inf)
MEAN = ("mean", "low", "high", "kind", "volumes", "count")  # what a summary says of each mean
_UNDERSAMPLED = "the scans are undersampled, and it needs fully sampled images to measure against; give such scans"
_POOLED = {"region_kind": "kinds of regions", DOMAIN: "domains of scans", "chosen": "chosen slices"}


class Lacking(InputError):
    """A figure that cannot be drawn: the sentence says what the plan of the study lacks."""


def need(trials: pl.DataFrame, columns: Iterable[str], advice: str, *, transferred: bool = False) -> pl.DataFrame:
    """The trials without an error that have all these values; `Lacking`, with this advice, where there is none.

    transferred: also trials of perturbations that were found for another method. Where the scans are undersampled, and
    a figure lacks what only others have, the sentence says so instead.
    """
    names = list(columns)
    missing = [name for name in names if name not in trials.columns]
    if missing:
        raise Lacking(f"The table has no column {missing[0]}: {advice}.")
    rows = typed(trials if "error" not in trials.columns else trials.filter(trials["error"].is_null()))
    if "found_for" in rows.columns and not transferred:
        rows = rows.filter(rows["found_for"].is_null() | (rows["found_for"] == rows["method_label"]))
    for name in names:
        values = rows[name]
        left = rows.filter(values.is_finite() if values.dtype.is_float() else values.is_not_null())
        if left.is_empty() and name.endswith(STATES) and _is_undersampled(rows):
            raise Lacking(f"No trial carries this figure: {_UNDERSAMPLED}.")
        rows = left
    if rows.is_empty():
        raise Lacking(f"No trial carries this figure: {advice}.")
    return rows


def _is_undersampled(trials: pl.DataFrame) -> bool:
    """Whether no trial has a fully sampled image, so that what was measured is against the clean one."""
    pairs = [tuple(f"{metric}_region_{state}" for state in STATES) for metric in IMAGE_METRICS]
    known = [(clean, changed) for clean, changed in pairs if {clean, changed} <= set(trials.columns)]
    measured = [clean for clean, changed in known if trials[changed].is_not_null().any()]
    return bool(measured) and all(trials[clean].is_null().all() for clean in measured)


def with_knob(trials: pl.DataFrame, name: str, column: str = "perturbation_knobs") -> pl.DataFrame:
    """The trials with the knob of that name as a column `knob_NAME`; null where a trial does not have it.

    Raises FileFormatError where the column holds anything else than objects of JSON.
    """
    values = [stored(text).get(name) for text in trials[column].to_list()]
    return trials.with_columns(pl.Series(f"knob_{name}", values, strict=False))


def with_setting(trials: pl.DataFrame, of: str = "perturbation", *, but: Collection[str] = ()) -> pl.DataFrame:
    """The trials with a column `setting`: what the column `of` says, and the perturbation's knobs that vary beside it.

    Seeds are left out, since means are taken over them. but: other knobs to leave out, such as the one on an axis.
    """
    values = with_told(trials, told_knobs(trials, of, but=but), of)["setting"]
    return trials.with_columns(pl.format("{} {}", of, values).str.strip_chars_end().alias("setting"))


def told_knobs(trials: pl.DataFrame, of: str = "perturbation", *, but: Collection[str] = ()) -> set[tuple[str, str]]:
    """The knobs of perturbations that vary in these trials, seeds aside: (what the column `of` says, knob)."""
    changes = trials.select(of, "perturbation_knobs").iter_rows()
    return {(kind, name) for kind, name in varied(changes) if name not in ("seed", *but)}


def with_told(trials: pl.DataFrame, told: Collection[tuple[str, str]], of: str = "perturbation") -> pl.DataFrame:
    """The trials with a column `setting`: the values of these knobs, empty where a trial has none of them."""
    changes = list(trials.select(of, "perturbation_knobs").iter_rows())
    named = {
        (kind, knobs): told_words(knobs, {name for other, name in told if other == kind})
        for kind, knobs in set(changes)
    }
    return trials.with_columns(pl.Series("setting", [named[change] for change in changes], dtype=pl.String))


def with_pattern(trials: pl.DataFrame) -> pl.DataFrame:
    """The trials with a column `pattern`: the settings in which masks of one acceleration differ, empty if in none.

    Seeds of masks are left out, since means are taken over them.
    """
    masks = trials.select(name for name in POOLED_MASK if name in trials.columns)
    words = pattern_words([*masks.iter_rows(named=True)])
    return trials.with_columns(pl.Series("pattern", words, dtype=pl.String))


def summarise(trials: pl.DataFrame, by: Sequence[str], value: str, scale: Interval = ENDLESS) -> pl.DataFrame:
    """The mean of a column in each group, over volumes.

    Columns: those of `by`, and value (the column's name), mean, low, high, kind, volumes, count. Where there are 3
    volumes that are not all alike, low and high are the ends of Student's interval within the scale, else the quartiles
    of all values; `kind` says which.
    """
    rows = []
    for names, group in trials.group_by(list(by), maintain_order=True):
        values, volumes = group[value].to_list(), group["volume"].to_list()
        found = clustered.mean(values, volumes).within(*scale)
        low, high, kind = clustered.bars(found, values)
        rows.append(
            {
                **dict(zip(by, names, strict=True)),
                "value": value,
                "mean": found.value,
                "low": low,
                "high": high,
                "kind": kind,
                "volumes": found.units,
                "count": len(values),
            }
        )
    return pl.DataFrame(rows)


def bar(row: pl.DataFrame) -> tuple[float, ...]:
    """Mean, low and high of the only row of a summary."""
    return row.select("mean", "low", "high").row(0)


def counted(data: pl.DataFrame, rows: pl.DataFrame | None = None) -> str:
    """How many volumes and values are behind each mean of a summary, and what its bars are.

    rows: the trials behind it. If they have several kinds of regions and the like, these are listed, since each mean is
    over all of them. Methods that lack volumes or trials which others have beside them are named.
    """
    volumes, values = _range(data["volumes"].to_list(), "volume"), _range(data["count"].to_list(), "trial")
    kinds = data["kind"].unique().sort().to_list()
    bars = (
        f"bars: {kinds[0]}"
        if len(kinds) == 1
        else f"bars: {INTERVAL}; below 3 volumes, or where all are alike, {SPREAD}"
    )
    return f"Each mean: {volumes}, {values}; {bars}.{incomplete(data)}{pooled(rows) if rows is not None else ''}"


def incomplete(data: pl.DataFrame) -> str:
    """A sentence on the methods whose means are over less than those of others beside them, with the least of each."""
    if "method_label" not in data.columns:
        return ""
    beside = [name for name in data.columns if name not in ("method_label", *MEAN)]
    lacking = dict[str, tuple[float, str]]()
    for _, part in parted(data, *beside):
        for of, unit in (("volumes", "volume"), ("count", "trial")):
            most = max(part[of].to_list())
            for name, number in part.filter(pl.col(of) < most).select("method_label", of).iter_rows():
                least = (number / most, f"{name} ({number} of {numbers.counted(most, unit)})")
                lacking[name] = min(lacking.get(name, least), least, key=itemgetter(0))
    named = ", ".join(words for _, words in lacking.values())
    told = f" Trials are missing of {named}: means of these cannot be compared with those of the other methods."
    return told if lacking else ""


def pooled(rows: pl.DataFrame) -> str:
    """A sentence on what a reader would not expect in one mean, such as several kinds of regions."""
    several = {
        words: rows[name].drop_nulls().unique(maintain_order=True).to_list()
        for name, words in _POOLED.items()
        if name in rows.columns
    }
    told = [f"{words} ({', '.join(values)})" for words, values in several.items() if len(values) > 1]
    return f" Means are over {' and '.join(told)} together." if told else ""


def parted(data: pl.DataFrame, *by: str) -> list[tuple[tuple[Any, ...], pl.DataFrame]]:
    """The groups by these columns in the order of their first appearance, each with its names."""
    return [(tuple(names), group) for names, group in data.group_by(list(by), maintain_order=True)]


def first_of_each(trials: pl.DataFrame, *more: str) -> pl.DataFrame:
    """One trial for each clean image and region, since all perturbations of it repeat its clean scores.

    more: further columns of which each value keeps its own.
    """
    names = [name for name in (*SLICE, *more) if name in trials.columns]
    trials = plan_regions_first(trials) if "perturbation" in trials.columns else trials
    return trials.unique(names, keep="first", maintain_order=True)


def first_of_each_image(trials: pl.DataFrame) -> pl.DataFrame:
    """One trial for each clean image as a whole, which its regions repeat; an inserted lesion makes its own image."""
    inserted = pl.when(pl.col("region_kind") == INSERTED).then("region")
    return first_of_each(trials.with_columns(region=inserted) if "region_kind" in trials.columns else trials)


def strongest(trials: pl.DataFrame) -> pl.DataFrame:
    """The trials of the largest budget of each perturbation, or of all its trials where it has none; and clean ones."""
    largest = pl.col("budget").max().over("perturbation")
    return trials.filter(largest.is_null() | (pl.col("budget") == largest))


def strength_words(trials: pl.DataFrame) -> str:
    """The budgets of some trials in words; empty where there is none."""
    budgets = ranked(trials["budget"])
    return " and ".join(f"η = {100 * budget:g}%" for budget in budgets) if budgets else ""


def written(estimate: Estimate, decimals: int = 2) -> str:
    """An estimate with so many decimals, and its interval."""
    return estimate.text(lambda value: numbers.written(value, f".{decimals}f"))


def written_by_width(estimate: Estimate) -> str:
    """An estimate with the decimals that give its interval's width two digits, or in three digits without an interval.

    Where zero lies outside, there are as many that neither end is written as zero.
    """
    if estimate.interval is None:
        return estimate.text(numbers.written)
    low, high = estimate.interval
    decimals = 1 - floor(log10(high - low))
    if estimate.excludes_zero:
        decimals = max(decimals, -floor(log10(min(abs(low), abs(high)))))
    return written(estimate, max(decimals, 0))


def acceleration_words(acceleration: float | None) -> str:
    """An acceleration as the title of a panel."""
    return "as acquired" if acceleration is None else f"R = {acceleration:g}"


def by_sampling(data: pl.DataFrame) -> list[tuple[str, pl.DataFrame]]:
    """The part of each acceleration and pattern, the lowest acceleration first, with the title of its panel."""
    parts = parted(data.sort("acceleration", maintain_order=True), *SAMPLING)
    return [(", ".join(filter(None, (acceleration_words(rate), pattern))), part) for (rate, pattern), part in parts]


def names_of(values: Iterable[Any]) -> list[Any]:
    """The distinct values in the order of their first appearance."""
    return list(dict.fromkeys(values))


def ranked(values: Iterable[float | None]) -> list[float]:
    """The distinct finite numbers, the smallest first."""
    return sorted({value for value in values if value is not None and isfinite(value)})


def _range(numbers: Sequence[int], name: str) -> str:
    low, high = min(numbers), max(numbers)
    return f"{low if low == high else f'{low} to {high}'} {name}{'' if high == 1 else 's'}"
