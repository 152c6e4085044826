"""Whether overall quality tells of small features: their recovery against SSIM over methods and accelerations."""

from pathlib import Path

import polars as pl

from ...ground.numbers import counted
from ...statistics.estimate import SSIM_SCALE
from . import frame
from .correlation import WORDS, correlated, legend, rho_words, sampling_looks
from .style import Drawn, Sheet

TITLE = "Small features against overall quality"
_ADVICE = "give the plan regions that are lesions and the metrics ssim and contrast_recovery"
_VALUES = {"contrast_recovery_region_clean": "contrast recovery", "ssim_region_clean": "SSIM of the lesions"}
_SCALES = {
    "ssim_foreground_clean": SSIM_SCALE,
    "contrast_recovery_region_clean": frame.ENDLESS,
    "ssim_region_clean": SSIM_SCALE,
}


def features_against_quality(trials: pl.DataFrame, path: Path) -> Drawn:
    """Draw the recovery of lesions and their SSIM against the SSIM of the foreground, with the rank correlations.

    A point is a method at an acceleration and pattern; the interval of the correlation leaves out one method at a time.
    Raises Lacking where no trial has a region that is a lesion. After Darestani, Chaudhari and Heckel 2021,
    arXiv:2102.06103, figure 5.
    """
    rows = frame.need(trials, ["ssim_foreground_clean", "contrast_recovery_region_clean"], _ADVICE)
    rows = rows.filter(pl.col("region_kind").is_in(frame.LESIONS))
    rows = frame.with_pattern(frame.first_of_each(frame.need(rows, [*_VALUES], _ADVICE)))
    by = ["method_label", *frame.SAMPLING]
    data = pl.concat([frame.summarise(rows, by, column, scale) for column, scale in _SCALES.items()])
    sheet = Sheet(TITLE, data["method_label"], columns=2)
    looks = sampling_looks(rows)
    for axes, (column, label) in zip(sheet.panels[0], _VALUES.items(), strict=True):
        points = data.filter(pl.col("value") == "ssim_foreground_clean").join(
            data.filter(pl.col("value") == column), on=by, nulls_equal=True, suffix="_of"
        )
        found = correlated(sheet, axes, points, looks)
        words = f"{rho_words(found)}{counted(len(points), 'point')} of {counted(found.units, 'method')}"
        axes.set(xlabel="SSIM of the foreground", ylabel=label, title=words)
    legend(sheet, looks)
    return sheet.finish(path, data, f"{frame.counted(data, rows)} {WORDS}")
