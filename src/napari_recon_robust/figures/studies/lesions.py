"""Whether lesions are still seen: contrast recovery and detectability by label and size, clean and attacked."""

from collections.abc import Mapping
from itertools import pairwise, product
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ...ground.numbers import counted
from ...studies.columns import CLEAN, INSERTED
from . import frame
from .style import Drawn, Sheet, mark_looks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Detection of lesions"
_ADVICE = (
    "give the plan regions that are lesions (annotations, lesions or drawn) and the metrics contrast_recovery and "
    "detectability"
)
_FAINT = (
    "either each lesion has less than 5% of contrast in the reference, where there is no recovery, or the plan lacks "
    "the metric contrast_recovery; give it other lesions, or the metric"
)
_VALUES = {"contrast_recovery": "contrast recovery", "detectability": "detectability (contrast ÷ spread around)"}
_SCALES = {"contrast_recovery": frame.ENDLESS, "detectability": frame.ENDLESS}
_SIZES = 3  # classes of size, of equally many lesions
_MOST = 6  # labels that are shown, the most frequent ones


def lesion_detection(trials: pl.DataFrame, path: Path) -> Drawn:
    """Draw the contrast recovery and the detectability of lesions by their label and by their size.

    Open marks are of clean images, filled ones of attacked ones at the largest budget; where no perturbation has a
    budget, each kind at each setting has half-filled marks of its own. Where some have one, the others are left out,
    which the caption says. Accelerations and patterns have panels of their own. Sizes are in mm², or in pixels where no
    voxel is known, in three classes of equally many lesions; the six most frequent labels are shown.
    Raises Lacking where no trial has a region that is a lesion.
    """
    clean = [f"{name}_region_clean" for name in _VALUES]
    rows = frame.need(trials, [clean[1], "region_pixels"], _ADVICE)
    rows = rows.filter(pl.col("region_kind").is_in(frame.LESIONS), ~pl.col("control"))
    visible = frame.need(rows, clean, _ADVICE if rows.is_empty() else _FAINT)
    faint = _count(rows) - _count(visible)
    rows = visible
    known = "region_mm2" in rows.columns and not rows["region_mm2"].null_count()
    rows = rows.with_columns(label=pl.col("region_label").replace("", "no label"))
    rows = frame.with_pattern(rows)
    rows, unit = _sized(rows, "region_mm2" if known else "region_pixels"), "mm²" if known else "pixels"
    frequent = rows.group_by("label").len().sort(["len", "label"], descending=[True, False])["label"][:_MOST].to_list()
    states, parts, each = _states(rows), [], ["method_label", *frame.SAMPLING, "class"]
    for by in ("label", "size"):
        for value in _VALUES:
            for state, shown in states.items():
                column = f"{value}_region_{'clean' if state == 'clean' else 'perturbed'}"
                some = shown if by == "size" else shown.filter(pl.col("label").is_in(frequent))
                some = some.drop_nulls(column) if column in rows.columns else some.clear()
                if not some.is_empty():
                    found = frame.summarise(some.rename({by: "class"}), each, column, _SCALES[value])
                    parts.append(found.with_columns(by=pl.lit(by), metric=pl.lit(value), state=pl.lit(state)))
    data = pl.concat(parts)
    looks = mark_looks(frame.names_of(data["state"]), unfilled="clean")
    samplings = frame.by_sampling(data)
    sheet = Sheet(TITLE, data["method_label"], rows=2 * len(samplings), columns=2)
    lines = product(samplings, enumerate(_VALUES.items()))
    for panels, ((title, part), (line, (value, label))) in zip(sheet.panels, lines, strict=True):
        for axes, by in zip(panels, ("label", "size"), strict=True):
            _draw(sheet, axes, part.filter(pl.col("metric") == value, pl.col("by") == by), looks)
            if line == 0:
                classes = "by label" if by == "label" else f"by size ({unit})"
                axes.set_title(f"{title}, {classes}" if len(samplings) > 1 else classes)
        panels[0].set_ylabel(label)
    legend = []
    for state, look in looks.items():
        strength = "" if state == "clean" else frame.strength_words(states[state])
        legend.append((", ".join(filter(None, (state, strength))), {**look, "marker": "o", "linestyle": "none"}))
    sheet.legend(legend, lines=False)
    return sheet.finish(path, data, frame.counted(data, rows) + _left_out(rows) + _measured(rows, faint))


def _left_out(rows: pl.DataFrame) -> str:
    """A sentence on the perturbations that have no budget and are not shown, since others have one."""
    perturbed = rows.filter(rows["perturbation"] != CLEAN)
    without = frame.names_of(perturbed.filter(perturbed["budget"].is_null())["perturbation"])
    if not without or perturbed["budget"].null_count() == len(perturbed):
        return ""
    return f" Perturbations without a budget are not shown: {', '.join(without)}."


def _measured(rows: pl.DataFrame, faint: int) -> str:
    """What the recovery is, where its kinds are in one mean, and how many regions have none."""
    kinds = set(rows["region_kind"])
    told = ""
    if INSERTED in kinds and len(kinds) > 1:
        told += " Of inserted lesions the recovery is that of their change, of other regions the ratio of contrasts."
    if faint:
        told += f" Left out: {counted(faint, 'region')} with less than 5% of contrast in the reference."
    return told


def _count(rows: pl.DataFrame) -> int:
    """Of how many regions there are trials."""
    return rows.select("scan", "slice", "region").n_unique()


def _states(rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """The clean trials, and each perturbation's strongest at each setting; those with a budget alone if any has one."""
    perturbed = rows.filter(rows["perturbation"] != CLEAN)
    attacked = perturbed.drop_nulls("budget")
    parts = frame.parted(frame.with_setting(perturbed if attacked.is_empty() else attacked), "setting")
    return {"clean": frame.first_of_each(rows), **{setting: frame.strongest(part) for (setting,), part in parts}}


def _sized(rows: pl.DataFrame, column: str) -> pl.DataFrame:
    sizes = rows[column].to_numpy().astype(float)
    edges = np.unique(np.quantile(sizes, np.linspace(0, 1, _SIZES + 1)))
    if len(np.unique(sizes)) <= _SIZES:
        return rows.with_columns(pl.Series("size", [f"{size:.3g}" for size in sizes]))
    numbers = np.clip(np.searchsorted(edges, sizes, side="right") - 1, 0, len(edges) - 2)
    names = [f"{low:.3g} to {high:.3g}" for low, high in pairwise(edges)]
    return rows.with_columns(pl.Series("size", [names[number] for number in numbers]))


def _draw(sheet: Sheet, axes: "Axes", data: pl.DataFrame, looks: Mapping[str, dict[str, Any]]) -> None:
    classes = frame.names_of(data["class"])
    if set(data["by"]) == {"size"}:
        classes.sort(key=lambda name: float(name.split()[0]))
    wide = 0.7 / len(sheet.looks)  # of a method's marks beside each other
    step = min(0.05, wide / len(looks))
    for (name, state, of), part in frame.parted(data, "method_label", "state", "class"):
        aside = wide * (sheet.number(name) + 0.5) - 0.35
        at = classes.index(of) + aside + step * list(looks).index(state)
        sheet.point(axes, (at, at, at), frame.bar(part), name, **looks[state])
    axes.set_xticks(range(len(classes)), [fill(str(one), 12, break_long_words=False) for one in classes])
