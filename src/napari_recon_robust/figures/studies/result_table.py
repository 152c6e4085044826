"""The results of a study in tables as papers print them: means with their intervals over volumes, and n."""

from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

import polars as pl

from ...ground import numbers
from ...ground.table import frame_to_csv, latex, markdown
from ...ground.writing import said, write
from ...statistics.clustered import INTERVAL
from ...statistics.estimate import SSIM_SCALE, Interval
from ...studies.columns import CLEAN, DOMAIN, FEATURE, STATES
from ...studies.rows import OWN, against
from . import features, frame


@dataclass(frozen=True)
class _Value:
    """A column of means. name: of what is averaged. digits: how it is written. scale: beyond which no value lies."""

    name: str
    head: str
    digits: str
    scale: Interval = frame.ENDLESS


_LOST, _RISE, _RATE, _RANDOM = "ssim_lost", "error_rise", "attack_rate", "_random"
_OF_LESIONS = ("contrast_recovery_region", "detectability_region")  # and of features
_TABLES = {
    "Clean images": (
        _Value("ssim_foreground_clean", "SSIM", ".4f", SSIM_SCALE),
        _Value("psnr_foreground_clean", "PSNR (dB)", ".2f"),
        _Value("nmse_foreground_clean", "NMSE", ".3g", (0.0, inf)),
        _Value("ssim_region_clean", "SSIM of the region", ".4f", SSIM_SCALE),
        _Value("contrast_recovery_region_clean", "contrast recovery", ".2f"),
        _Value("detectability_region_clean", "detectability", ".2f"),
    ),
    "Perturbed images": (
        _Value(_LOST, "SSIM lost", ".4f"),
        _Value(_LOST + _RANDOM, "to random noise", ".4f"),
        _Value(_RISE, "rise of rel. RMSE (%)", ".2f"),
        _Value(_RISE + _RANDOM, "by random noise", ".2f"),
        _Value("ssim_foreground_perturbed", "SSIM of the foreground", ".4f", SSIM_SCALE),
        _Value("contrast_recovery_region_perturbed", "contrast recovery", ".2f"),
        _Value("detectability_region_perturbed", "detectability", ".2f"),
        _Value(_RATE, "attack rate (%)", ".0f", frame.PERCENT),
    ),
}
_HEADS = {
    DOMAIN: "domain",
    "acceleration": "R",
    "pattern": "pattern",
    "method_label": "method",
    "perturbation": "perturbation",
    "budget": "η (%)",
    "against": "measured against",
}
_WORDS = (
    "Mean [95% interval over volumes]; no interval is given below 3 volumes or where all are alike. n: volumes. SSIM, "
    "PSNR and NMSE of clean images are of the foreground. Lost SSIM and the rise of the relative RMSE are of the "
    "regions, against the clean image of the same samples."
)
_OWN = (
    " Undersampled scans have rows of their own: the SSIM of their perturbed images is against the method's own clean "
    "image."
)
_EXACT = " Attack rates of 0 or 100% in each volume have the exact interval, also where all are alike."


@dataclass(frozen=True)
class ResultTable:
    """One table. heads: of its columns. rows: their cells as they are written."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Results:
    """The tables of a study. words: what their figures are. texts: all of them as "csv", "md" and "tex"."""

    tables: tuple[ResultTable, ...]
    words: str
    texts: dict[str, str]


def write_results(trials: pl.DataFrame, folder: Path) -> Results | None:
    """Write the results into a folder, as results.csv, results.md and results.tex; None where nothing was measured.

    The first table is of the clean images, of the foreground once for each image. The second is of what each
    perturbation takes at each budget, beside random noise of its norm. The CSV has a row for each mean, as the data of
    the figures; means are over volumes, as theirs. Domains of scans have rows of their own, and so have images of
    undersampled scans, which are measured against the method's own clean ones.
    The folder is made if it is missing; WritingError if it cannot be written.
    """
    try:
        rows = frame.with_pattern(frame.need(trials, (), "run the study"))
    except frame.Lacking:
        return None
    domain = [DOMAIN] if DOMAIN in rows.columns and rows[DOMAIN].n_unique() > 1 else []
    by = [*domain, *frame.SAMPLING, "method_label"]
    parts = [part.with_columns(table=pl.lit(title)) for title, part in _summaries(rows, by)]
    if not parts:
        return None
    data = pl.concat(parts, how="diagonal_relaxed")
    tables = tuple(_table(title, part) for (title,), part in frame.parted(data, "table"))
    texts = {
        "csv": frame_to_csv(data).decode(),
        "md": "\n\n".join(f"**{one.title}**\n\n{markdown(one.heads, one.rows)}" for one in tables) + "\n",
        "tex": "\n\n".join(f"% {one.title}\n{latex(one.heads, one.rows)}" for one in tables) + "\n",
    }
    with said(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for suffix, text in texts.items():
        write(folder / f"results.{suffix}", text.encode())
    exact = _EXACT if _RATE in data["value"] else ""
    own = _OWN if "against" in data.columns and OWN in data["against"] else ""
    return Results(tables, f"{_WORDS}{exact}{own}{frame.incomplete(data)}{frame.pooled(rows.drop(domain))}", texts)


def _summaries(rows: pl.DataFrame, by: list[str]) -> list[tuple[str, pl.DataFrame]]:
    """The means of each value that the trials have, with the title of its table."""
    found, (clean, perturbed) = [], _TABLES
    images, regions = frame.first_of_each_image(rows), frame.first_of_each(rows)
    for value in _TABLES[clean]:
        of = images if "_foreground_" in value.name else regions
        found.append((clean, _means(of, by, value)))
        if (start := f"start_{value.name}") in of.columns:  # of methods that were trained on from others
            label = pl.format("{} (start)", "method_label").alias("method_label")
            found.append((clean, _means(of.with_columns(label, pl.col(start).alias(value.name)), by, value)))
    changed = _changed(rows)
    changed = changed.with_columns(against=against(changed))
    drawn = changed.filter("control")
    drawn = drawn.rename({name: name + _RANDOM for name in (_LOST, _RISE) if name in drawn.columns})
    changed = changed.filter(~pl.col("control"))
    for value in _TABLES[perturbed]:
        of = drawn if value.name.endswith(_RANDOM) else changed
        means = _means(of, [*by, "setting", "budget", "against"], value)
        found.append((perturbed, means.rename({"setting": "perturbation"}, strict=False)))
    return [(title, part) for title, part in found if not part.is_empty()]


def _changed(rows: pl.DataFrame) -> pl.DataFrame:
    """The perturbed trials with what they took, as far as it was measured."""
    rows = frame.with_setting(rows.filter(pl.col("perturbation") != CLEAN))
    ssim, nmse = ([f"{metric}_region_{state}" for state in STATES] for metric in ("ssim", "nmse"))
    new = {}
    if set(ssim) <= set(rows.columns):
        new[_LOST] = pl.col(ssim[0]) - pl.col(ssim[1])
    if set(nmse) <= set(rows.columns):
        new[_RISE] = 100 * (pl.col(nmse[1]).sqrt() - pl.col(nmse[0]).sqrt())
    if {"published_loss", "input_mse"} <= set(rows.columns):
        new[_RATE] = 100 * features.success().cast(pl.Float64)
    return rows.with_columns(**new)


def _means(rows: pl.DataFrame, by: list[str], value: _Value) -> pl.DataFrame:
    """The means of a value in each group; no rows where no trial has it."""
    if value.name not in rows.columns:
        return pl.DataFrame()
    rows = rows.filter(pl.col(value.name).is_finite())
    if value.name.startswith(_OF_LESIONS):
        rows = rows.filter(pl.col("region_kind").is_in(frame.LESIONS) | (pl.col("perturbation") == FEATURE))
    if value.name == _RATE:
        return features.mean_rates(rows, by, value.name)
    return frame.summarise(rows, by, value.name, value.scale)


def _table(title: str, data: pl.DataFrame) -> ResultTable:
    """The means of one table, those of a group in one row; columns that tell nothing are left out."""
    names = [name for name in _HEADS if name in data.columns and data[name].null_count() < len(data)]
    told = [
        name for name in names if name not in ("pattern", "against") or data[name].n_unique() > 1 or OWN in data[name]
    ]
    values = [value for value in _TABLES[title] if value.name in data["value"]]
    order = {name: frame.names_of(data[name]) for name in ("method_label", *names)}
    groups = frame.parted(data, *names)
    groups.sort(key=lambda group: [_place(name, value, order) for name, value in zip(names, group[0], strict=True)])
    rows = []
    for group, part in groups:
        at = dict(zip(names, group, strict=True))
        means = {row["value"]: row for row in part.iter_rows(named=True)}
        low, high = min(part["volumes"].to_list()), max(part["volumes"].to_list())
        cells = [_cell(means.get(value.name), value.digits) for value in values]
        rows.append((*(_named(name, at[name]) for name in told), f"{low}" if low == high else f"{low}–{high}", *cells))
    heads = (*(_HEADS[name] for name in told), "n", *(value.head for value in values))
    return ResultTable(title, heads, tuple(rows))


def _place(name: str, value: Any, order: dict[str, list[Any]]) -> float:
    """Where a group comes: numbers by their size, others as they first come."""
    if name in ("acceleration", "budget"):
        return -inf if value is None else float(value)
    return order[name].index(value)


def _named(name: str, value: Any) -> str:
    if name == "acceleration":
        return "as acquired" if value is None else f"{value:g}"
    if value is None:
        return ""
    return f"{100 * value:g}" if name == "budget" else str(value)


def _cell(mean: dict[str, Any] | None, digits: str) -> str:
    """A mean with its interval; without one alone, since quartiles would be taken for it."""
    if mean is None:
        return ""
    value, low, high = (numbers.written(mean[name], digits) for name in ("mean", "low", "high"))
    return f"{value} [{low}, {high}]" if mean["kind"] == INTERVAL else value
