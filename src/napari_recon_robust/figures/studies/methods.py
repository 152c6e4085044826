"""The methods beside each other: paired differences of their clean images' SSIM to one of them."""

from pathlib import Path

import polars as pl

from ...ground.errors import InputError
from ...studies.difference import method_difference
from . import frame
from .style import Drawn, Sheet, shortened

TITLE = "Methods against a baseline"
_ADVICE = "give the plan several methods and the metric ssim"
_BLIND = "tv"  # which sees no truth either, and is the baseline where a study has it
_METRICS = {"ssim_foreground_clean": "SSIM of the foreground", "ssim_region_clean": "SSIM of the regions"}
_RENAMED = {"difference": "mean", "pairs": "count", "metric": "value"}


def methods_against_baseline(trials: pl.DataFrame, path: Path) -> Drawn:
    """Draw by how much the SSIM of each method's clean images differs from that of a baseline on the same slices.

    The baseline is total variation, or without it the first method. A row of panels for each acceleration and pattern.
    Raises Lacking for a study of a single method, and where no other one shares a trial with the baseline.
    """
    rows = frame.need(trials, ["ssim_foreground_clean"], _ADVICE, transferred=True)
    labels = frame.names_of(rows["method_label"])
    if len(labels) < 2:
        raise frame.Lacking(f"The study has one method: {_ADVICE}.")
    baseline = next(iter(rows.filter(method=_BLIND)["method_label"]), labels[0])
    metrics = [name for name in _METRICS if name in rows.columns and rows[name].is_finite().any()]
    try:
        data = method_difference(rows, baseline, metrics=metrics, volumes=()).rename(_RENAMED)
    except InputError:
        raise frame.Lacking(
            f"No other method has a finished trial that {baseline} has: run the rest of the study, or see by "
            "recon-robust study status why trials failed."
        ) from None
    data = data.with_columns(
        pl.col("method_label").str.strip_suffix(f" less {baseline}"), pl.lit(baseline).alias("baseline")
    )
    columns = ["method_label", "baseline", *frame.SAMPLING, "value", *frame.MEAN, "p", "p_holm", "tests"]
    shown = frame.with_pattern(data).select(columns)
    samplings = frame.by_sampling(shown)
    sheet = Sheet(TITLE, shown["method_label"], rows=len(samplings), columns=2)
    for panels, (title, part) in zip(sheet.panels, samplings, strict=True):
        for axes, name in zip(panels, metrics, strict=False):
            for row in part.filter(value=name).iter_rows(named=True):
                y = -sheet.number(row["method_label"])
                sheet.point(axes, [row[end] for end in ("mean", "low", "high")], [y, y, y], row["method_label"])
            axes.axvline(0, color="black", linewidth=0.6)
            words = _METRICS[name]
            axes.set(xlabel=f"{words} less that of {baseline}", title=f"{words}\n{title}", yticks=[])
        names = frame.names_of(part["method_label"])
        panels[0].set_yticks([-sheet.number(name) for name in names], [shortened(name) for name in names])
    sheet.legend(lines=False)
    tests = "p in the data: Wilcoxon's test over volumes, adjusted by Holm for all rows of a metric."
    apart = [name for name in labels if name not in (baseline, *shown["method_label"])]
    lacking = f" Left out, for no finished trial is shared with {baseline}: {', '.join(apart)}." if apart else ""
    return sheet.finish(path, shown, f"{frame.counted(shown, rows)} {tests}{lacking}")
