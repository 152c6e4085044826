"""Accuracy against stability: whether the better methods are the weaker ones."""

from pathlib import Path

import polars as pl

from ...ground.numbers import counted
from ...statistics.estimate import SSIM_SCALE
from ...studies.columns import CLEAN
from . import frame
from .correlation import WORDS, correlated, legend, rho_words, sampling_looks
from .style import Drawn, Sheet

TITLE = "Accuracy against stability"
_ADVICE = "give the plan a perturbation, such as worst-case, and the metric ssim"


def accuracy_against_stability(trials: pl.DataFrame, path: Path) -> Drawn:
    """Draw the loss of the regions' SSIM by the strongest perturbation against the SSIM of the clean foreground.

    A panel for each perturbation at each setting of its knobs, a point for each method at an acceleration and pattern.
    Raises Lacking where nothing is perturbed.
    """
    columns = ["ssim_foreground_clean", "ssim_region_clean", "ssim_region_perturbed"]
    rows = frame.need(trials, columns, _ADVICE).filter(~pl.col("control"), pl.col("perturbation") != CLEAN)
    rows = frame.with_pattern(frame.with_setting(frame.need(rows, columns, _ADVICE)))
    rows = rows.with_columns(loss=pl.col("ssim_region_clean") - pl.col("ssim_region_perturbed"))
    by, settings = ["method_label", *frame.SAMPLING], frame.names_of(rows["setting"])
    sheet, parts = Sheet.grid(TITLE, rows["method_label"], len(settings), 2), []
    looks = sampling_looks(rows)
    for axes, setting in zip(sheet.flat, settings, strict=False):
        some = frame.strongest(rows.filter(pl.col("setting") == setting))
        accuracy = frame.summarise(frame.first_of_each_image(some), by, "ssim_foreground_clean", SSIM_SCALE)
        loss = frame.summarise(some, by, "loss")
        points = accuracy.join(loss, on=by, nulls_equal=True, suffix="_of")
        found = correlated(sheet, axes, points, looks)
        head = ", ".join(filter(None, (setting, frame.strength_words(some))))
        axes.axhline(0, color="black", linewidth=0.6)
        axes.set(xlabel="SSIM of the clean foreground", ylabel="loss of the region's SSIM")
        axes.set_title(f"{head}\n{rho_words(found)}{counted(found.units, 'method')}")
        parts += [part.with_columns(perturbation=pl.lit(setting)) for part in (accuracy, loss)]
    legend(sheet, looks)
    data = pl.concat(parts)
    return sheet.finish(path, data, f"{frame.counted(data, rows)} {WORDS}")
