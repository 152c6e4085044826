"""One measure against another: a point for each method at an acceleration and pattern, and their rank correlation."""

from typing import TYPE_CHECKING

from polars import DataFrame

from ...statistics.estimate import Estimate
from ...statistics.ranks import rank_correlation
from .style import Sheet

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WORDS = "ρ: Spearman, none below 3 points; its interval is over methods, none below 5."


def correlated(sheet: Sheet, axes: "Axes", points: DataFrame) -> Estimate:
    """Draw the points, each with its bars, acceleration and pattern, and return Spearman's correlation over methods.

    points: a row for each point; mean, low and high of one measure, and mean_of, low_of and high_of of the other.
    """
    for row in points.iter_rows(named=True):
        x, y = ((row[f"mean{end}"], row[f"low{end}"], row[f"high{end}"]) for end in ("", "_of"))
        sheet.point(axes, x, y, row["method_label"])
        rate = "" if row["acceleration"] is None else f"{row['acceleration']:g}×"
        text = " ".join(filter(None, (rate, row["pattern"])))
        axes.annotate(text, (x[0], y[0]), (3, 3), textcoords="offset points", fontsize=6, color="0.35")
    return rank_correlation(points["mean"], points["mean_of"], points["method_label"].to_list())
