"""What noise of a budget takes from the regions: by the search, by AdvRec's algorithm, by random noise of its size."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import frame
from .style import Drawn, Sheet

if TYPE_CHECKING:
    from polars import DataFrame

TITLE = "Loss against the budget"
_ADVICE = "give the plan a perturbation with budgets, such as worst-case, and the metrics ssim and nmse"
_SCORES = [f"{metric}_region_{state}" for metric in ("ssim", "nmse") for state in frame.STATES]
REGION, ADVREC, RANDOM = "region", "region, AdvRec's algorithm", "region, random noise"
WHOLE = "region, attack on the whole image"
SEARCH = "worst-case"  # the kind of perturbation that searches
_OTHER = {"linestyle": (0, (3, 1, 1, 1, 1, 1)), "marker": "+", "markersize": 4}  # of kinds that do not search
_LOOKS: dict[str, dict[str, Any]] = {
    REGION: {"linestyle": "-"},
    ADVREC: {"linestyle": "-.", "markersize": 3},
    WHOLE: {"linestyle": (0, (1, 1, 4, 1)), "marker": "x", "markersize": 3},
    RANDOM: {"linestyle": "--", "markerfacecolor": "white"},
    "whole image": {"linestyle": ":", "markersize": 2.5},
}


def attacks(trials: "DataFrame") -> "DataFrame":
    """The trials with a budget; `what` says what was done to the region.

    Random noise is that beside our search: AdvRec's algorithm spends less, and so does its control. Other kinds with a
    budget are told apart by their ids. Raises Lacking where no trial has a budget.
    """
    import polars as pl

    rows = frame.need(trials, ["budget", *_SCORES], _ADVICE)
    rows = frame.with_knob(frame.with_knob(rows, "algorithm"), "region").with_columns(
        what=pl.when(pl.col("perturbation") != SEARCH)
        .then(pl.format("region, {}", "perturbation"))
        .when(pl.col("knob_algorithm") == "advrec")
        .then(pl.lit(ADVREC))
        .when(pl.col("knob_region") == "image")
        .then(pl.lit(WHOLE))
        .otherwise(pl.lit(REGION))
    )
    if (rows["what"] == REGION).any():
        rows = rows.filter(~pl.col("control") | (pl.col("what") == REGION))
    return rows.with_columns(what=pl.when("control").then(pl.lit(RANDOM)).otherwise("what"))


def loss_against_budget(trials: "DataFrame", path: Path) -> Drawn:
    """Draw the loss of SSIM and the rise of the relative error over η, a column for each acceleration.

    Each trial is compared with the clean image of its own slice and region. Raises Lacking where no trial has a budget.
    After Morshuis et al. 2022, arXiv:2208.03161, figure 3.
    """
    import polars as pl

    rows = attacks(trials)
    whole = [f"{metric}_image_{state}" for metric in ("ssim", "nmse") for state in frame.STATES]
    if set(whole) <= set(rows.columns):
        image = rows.filter(pl.col("what") == REGION).drop_nulls(whole)
        image = image.with_columns(**{name.replace("image", "region"): pl.col(name) for name in whole})
        rows = pl.concat([rows, image.with_columns(what=pl.lit("whole image"))])
    rows = rows.with_columns(
        eta=100 * pl.col("budget"),
        ssim_loss=pl.col("ssim_region_clean") - pl.col("ssim_region_perturbed"),
        error_rise=100 * (pl.col("nmse_region_perturbed").sqrt() - pl.col("nmse_region_clean").sqrt()),
    )
    by = ["method_label", "acceleration", "what", "eta"]
    data = pl.concat([frame.summarise(rows, by, value) for value in ("ssim_loss", "error_rise")])
    accelerations = frame.names_of(data["acceleration"].sort())
    sheet = Sheet(TITLE, data["method_label"], rows=2, columns=len(accelerations))
    step = min(frame.ranked(data["eta"])) * 0.04
    found = frame.names_of(data["what"])
    looks = {name: look for name, look in _LOOKS.items() if name in found}
    looks |= {name: _OTHER for name in found if name not in looks}
    for line, (value, label) in enumerate((("ssim_loss", "loss of SSIM"), ("error_rise", "rise of rel. RMSE (%)"))):
        for column, acceleration in enumerate(accelerations):
            axes = sheet.panels[line][column]
            part = data.filter(pl.col("value") == value, pl.col("acceleration").eq_missing(acceleration))
            for name, series in frame.parted(part, "method_label", "what"):
                dodge = step * sheet.number(name[0])
                sheet.means(axes, series, "eta", name[0], dodge=dodge, **looks[name[1]])
            axes.axhline(0, color="black", linewidth=0.6)
            axes.set_xlim(0, 1.05 * axes.dataLim.x1)  # a single budget has marks beside it, too
            if line == 0:
                axes.set_title(frame.acceleration_words(acceleration))
            else:
                axes.set_xlabel("budget η (% of the norm of the k-space)")
            if column == 0:
                axes.set_ylabel(label)
    sheet.legend(list(looks.items()))
    return sheet.finish(path, data, frame.counted(data))
