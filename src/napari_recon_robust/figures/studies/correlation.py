"""One measure against another: a point for each method at an acceleration and pattern, and their rank correlation."""

from collections.abc import Mapping
from math import isfinite
from typing import TYPE_CHECKING, Any

from polars import DataFrame

from ...statistics.estimate import Estimate
from ...statistics.ranks import rank_correlation
from . import frame
from .style import Sheet, mark_looks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WORDS = "ρ: Spearman, with its interval over methods; none is given below 5 methods."


def sampling_looks(rows: DataFrame) -> dict[str, dict[str, Any]]:
    """How the marks of each acceleration and pattern are filled: fully, not at all, and then by halves.

    Words beside the points would lie on each other, since one method's points are often close.
    """
    names = [name for name, _ in frame.by_sampling(rows)]
    return mark_looks(names, unfilled=names[1] if len(names) > 1 else "")


def correlated(sheet: Sheet, axes: "Axes", points: DataFrame, looks: Mapping[str, dict[str, Any]]) -> Estimate:
    """Draw the points, each with its bars, and return Spearman's correlation over methods.

    points: a row for each point; mean, low and high of one measure, and mean_of, low_of and high_of of the other.
    looks: of each acceleration and pattern.
    """
    for sampling, part in frame.by_sampling(points):
        for row in part.iter_rows(named=True):
            x, y = ([row[f"{name}{end}"] for name in ("mean", "low", "high")] for end in ("", "_of"))
            sheet.point(axes, x, y, row["method_label"], **looks[sampling])
    return rank_correlation(points["mean"], points["mean_of"], points["method_label"].to_list())


def rho_words(rho: Estimate) -> str:
    """The correlation at the beginning of a line; "" where there is none."""
    return f"ρ = {frame.written(rho)}, " if isfinite(rho.value) else ""


def legend(sheet: Sheet, looks: Mapping[str, dict[str, Any]]) -> None:
    """The legend of such a figure: the methods, then the accelerations and patterns."""
    sheet.legend([(name, {"marker": "o", "linestyle": "none", **look}) for name, look in looks.items()], lines=False)
