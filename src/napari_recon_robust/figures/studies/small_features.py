"""Whether overall quality tells of small features: their recovery against SSIM over methods and accelerations."""

from pathlib import Path
from typing import TYPE_CHECKING

from ...statistics.ranks import rank_correlation
from . import frame
from .style import Drawn, Sheet

if TYPE_CHECKING:
    from polars import DataFrame

TITLE = "Small features against overall quality"
_ADVICE = "give the plan regions that are lesions and the metrics ssim and contrast_recovery"
_VALUES = {"contrast_recovery_region_clean": "contrast recovery", "ssim_region_clean": "SSIM of the lesions"}


def features_against_quality(trials: "DataFrame", path: Path) -> Drawn:
    """Draw the recovery of lesions and their SSIM against the SSIM of the foreground, with the rank correlations.

    A point is a method at an acceleration; the interval of the correlation leaves out one method at a time.
    Raises Lacking where no trial has a region that is a lesion. After Darestani, Chaudhari and Heckel 2021,
    arXiv:2102.06103, figure 5.
    """
    import polars as pl

    rows = frame.need(trials, ["ssim_foreground_clean", "contrast_recovery_region_clean"], _ADVICE)
    rows = rows.filter(pl.col("region_kind").is_in(["annotations", "lesions", "drawn"]))
    rows = frame.first_of_each(frame.need(rows, [*_VALUES], _ADVICE))
    by = ["method_label", "acceleration"]
    columns = ["ssim_foreground_clean", *_VALUES]
    data = pl.concat([frame.summarise(rows, by, column) for column in columns])
    sheet = Sheet(TITLE, data["method_label"], columns=2)
    for axes, (column, label) in zip(sheet.panels[0], _VALUES.items(), strict=True):
        points = data.filter(pl.col("value") == columns[0]).join(
            data.filter(pl.col("value") == column), on=by, nulls_equal=True, suffix="_of"
        )
        for row in points.iter_rows(named=True):
            x, y = ((row[f"mean{end}"], row[f"low{end}"], row[f"high{end}"]) for end in ("", "_of"))
            sheet.point(axes, x, y, row["method_label"])
            if row["acceleration"] is not None:
                text = f"{row['acceleration']:g}×"
                axes.annotate(text, (x[0], y[0]), (3, 3), textcoords="offset points", fontsize=6, color="0.35")
        found = rank_correlation(points["mean"], points["mean_of"], points["method_label"].to_list())
        words = f"ρ = {frame.written(found)}, {len(points)} points of {found.units} methods"
        axes.set(xlabel="SSIM of the foreground", ylabel=label, title=words)
    sheet.legend(lines=False)
    return sheet.finish(path, data, frame.counted(data) + " ρ: Spearman; its interval is over methods, none below 5.")
