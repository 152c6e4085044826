"""Accuracy against stability: whether the better methods are the weaker ones."""

from pathlib import Path
from typing import TYPE_CHECKING

from ...statistics.ranks import rank_correlation
from . import frame
from .style import Drawn, Sheet

if TYPE_CHECKING:
    from polars import DataFrame

TITLE = "Accuracy against stability"
_ADVICE = "give the plan a perturbation, such as worst-case, and the metric ssim"


def accuracy_against_stability(trials: "DataFrame", path: Path) -> Drawn:
    """Draw the loss of the regions' SSIM by the strongest perturbation against the SSIM of the clean foreground.

    A panel for each kind of perturbation that is there, a point for each method at an acceleration.
    Raises Lacking where nothing is perturbed.
    """
    import polars as pl

    columns = ["ssim_foreground_clean", "ssim_region_clean", "ssim_region_perturbed"]
    rows = frame.need(trials, columns, _ADVICE).filter(~pl.col("control"), pl.col("perturbation") != frame.CLEAN)
    rows = frame.need(rows, columns, _ADVICE)
    rows = rows.with_columns(loss=pl.col("ssim_region_clean") - pl.col("ssim_region_perturbed"))
    by, kinds = ["method_label", "acceleration"], frame.names_of(rows["perturbation"])
    sheet = Sheet(TITLE, rows["method_label"], rows=-(-len(kinds) // 2), columns=min(len(kinds), 2))
    panels, parts = [axes for line in sheet.panels for axes in line], []
    for axes, kind in zip(panels, kinds, strict=False):
        some = frame.strongest(rows.filter(pl.col("perturbation") == kind))
        accuracy, loss = (frame.summarise(some, by, column) for column in ("ssim_foreground_clean", "loss"))
        points = accuracy.join(loss, on=by, nulls_equal=True, suffix="_of")
        for row in points.iter_rows(named=True):
            x, y = ((row[f"mean{end}"], row[f"low{end}"], row[f"high{end}"]) for end in ("", "_of"))
            sheet.point(axes, x, y, row["method_label"])
            if row["acceleration"] is not None:
                text = f"{row['acceleration']:g}×"
                axes.annotate(text, (x[0], y[0]), (3, 3), textcoords="offset points", fontsize=6, color="0.35")
        found = rank_correlation(points["mean"], points["mean_of"], points["method_label"].to_list())
        head = ", ".join(filter(None, (kind, frame.strength_words(some))))
        axes.axhline(0, color="black", linewidth=0.6)
        axes.set(xlabel="SSIM of the clean foreground", ylabel="loss of the region's SSIM")
        axes.set_title(f"{head}\nρ = {frame.written(found)}, {found.units} methods")
        parts += [part.with_columns(perturbation=pl.lit(kind)) for part in (accuracy, loss)]
    for axes in panels[len(kinds) :]:
        axes.set_axis_off()
    sheet.legend(lines=False)
    data = pl.concat(parts)
    return sheet.finish(path, data, frame.counted(data) + " ρ: Spearman; its interval is over methods, none below 5.")
