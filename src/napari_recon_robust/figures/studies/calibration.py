"""Calibration of posterior intervals: how often the truth lies in an interval that should hold it so often."""

import re
from pathlib import Path

import polars as pl

from . import frame
from .style import GREY, Drawn, Sheet

TITLE = "Calibration of posterior intervals"
_ADVICE = "give the plan a method that draws its image, such as posterior, and the metric coverage"
_COLUMN = re.compile(r"coverage_(\d+)_foreground_clean")


def interval_calibration(trials: pl.DataFrame, path: Path) -> Drawn:
    """Draw the share of pixels whose truth lies in the posterior's interval over what the interval promises.

    A panel for each acceleration and pattern. Raises Lacking where no trial has coverages.
    """
    levels = {int(found[1]): name for name in trials.columns if (found := _COLUMN.fullmatch(name))}
    if not levels:
        raise frame.Lacking(f"The table has no coverage: {_ADVICE}.")
    parts = []
    for level, name in sorted(levels.items()):
        rows = frame.first_of_each_image(frame.need(trials, [name], _ADVICE)).with_columns(share=100 * pl.col(name))
        shares = frame.summarise(frame.with_pattern(rows), ["method_label", *frame.SAMPLING], "share", frame.PERCENT)
        parts.append(shares.with_columns(level=pl.lit(float(level))))
    data = pl.concat(parts)
    samplings = frame.by_sampling(data)
    sheet = Sheet.grid(TITLE, data["method_label"], len(samplings), 3)
    for axes, (title, part) in zip(sheet.flat, samplings, strict=False):
        axes.plot([0, 100], [0, 100], color=GREY, linestyle=":", linewidth=1)
        for (name,), series in frame.parted(part, "method_label"):
            sheet.means(axes, series, "level", name, dodge=0.6 * sheet.number(name))
        axes.set(xlabel="level of the interval (%)", title=title, aspect="equal")
    sheet.flat[0].set_ylabel("pixels that it holds (%)")
    sheet.legend([("calibrated", {"linestyle": ":"})])
    return sheet.finish(path, data, frame.counted(data))
