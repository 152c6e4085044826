"""What regions lose to noise of a given budget: found by our search or by AdvRec's algorithm, or drawn at random."""

from pathlib import Path
from typing import Any

import polars as pl

from ...studies.columns import STATES
from . import frame
from .style import Drawn, Sheet, line_looks

TITLE = "Loss against the budget"
_ADVICE = "give the plan a perturbation with budgets, such as worst-case, and the metrics ssim and nmse"
_SCORES = [f"{metric}_region_{state}" for metric in ("ssim", "nmse") for state in STATES]
REGION, ADVREC, RANDOM = "region", "region, AdvRec's algorithm", "region, random noise (control)"
WHOLE = "region, attack on the whole image"
SEARCH = "worst-case"  # the kind of perturbation that searches
_ACROSS = 2
_TICKS = 3  # budgets that are named on the axis
_ASIDE = "The marks of methods stand beside each other around each budget."
_LOOKS: dict[str, dict[str, Any]] = {
    REGION: {"linestyle": "-"},
    ADVREC: {"linestyle": "-.", "fillstyle": "top"},
    WHOLE: {"linestyle": (0, (1, 1, 4, 1)), "marker": "x", "markersize": 3},
    RANDOM: {"linestyle": "--", "markerfacecolor": "white", "markersize": 6},
    # Both are near 0, so that the mark of one lies within the open mark of the other.
    "whole image": {"linestyle": ":", "fillstyle": "left", "markersize": 3},
}


def attacks(trials: pl.DataFrame) -> pl.DataFrame:
    """The trials with a budget; the column `what` says what was done to the region.

    Random noise is the control of our search: AdvRec's algorithm spends less of the budget, and so does its control.
    Other kinds of perturbation with a budget are named by their ids. Without our search the controls of all kinds are
    kept, and named after them.
    Raises Lacking where no trial has a budget.
    """
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
    found = frame.names_of(rows["what"])
    ours = next((what for what in (REGION, WHOLE, ADVREC) if what in found), None)
    if ours is not None:
        rows = rows.filter(~pl.col("control") | (pl.col("what") == ours))
    beside = pl.lit(RANDOM) if ours or len(found) == 1 else pl.format("{} beside {}", pl.lit(RANDOM), "perturbation")
    return rows.with_columns(what=pl.when("control").then(beside).otherwise("what"))


def loss_against_budget(trials: pl.DataFrame, path: Path) -> Drawn:
    """Draw the loss of SSIM and the rise of the relative error over η, a column for each acceleration and pattern.

    The settings of a perturbation have a line each. Each trial is compared with the clean image of its own slice and
    region. Raises Lacking where no trial has a budget.
    After Morshuis et al. 2022, arXiv:2208.03161, figure 3.
    """
    rows = attacks(trials)
    whole = [f"{metric}_image_{state}" for metric in ("ssim", "nmse") for state in STATES]
    if set(whole) <= set(rows.columns):
        image = rows.filter(pl.col("what") == REGION).drop_nulls(whole)
        image = image.with_columns(**{name.replace("image", "region"): pl.col(name) for name in whole})
        rows = pl.concat([rows, image.with_columns(what=pl.lit("whole image"))])
    rows = rows.with_columns(
        eta=100 * pl.col("budget"),
        ssim_loss=pl.col("ssim_region_clean") - pl.col("ssim_region_perturbed"),
        error_rise=100 * (pl.col("nmse_region_perturbed").sqrt() - pl.col("nmse_region_clean").sqrt()),
    )
    rows = frame.with_pattern(frame.with_setting(rows, "what"))
    kinds = rows.select(pl.when("control").then(pl.lit(RANDOM)).otherwise("what"), "setting")
    looks = line_looks(kinds.iter_rows(), _LOOKS)
    by = ["method_label", *frame.SAMPLING, "what", "eta"]
    rows = rows.with_columns(what="setting")
    data = pl.concat([frame.summarise(rows, by, value) for value in ("ssim_loss", "error_rise")])
    samplings = frame.by_sampling(data)
    across = min(len(samplings), _ACROSS)
    sheet = Sheet(TITLE, data["method_label"], rows=2 * -(-len(samplings) // across), columns=across)
    budgets = frame.ranked(data["eta"])
    step = min(budgets) * min(0.04, 0.24 / len(sheet.looks))
    for line, (value, label) in enumerate((("ssim_loss", "loss of SSIM"), ("error_rise", "rise of rel. RMSE (%)"))):
        for number, (title, part) in enumerate(samplings):
            block, column = divmod(number, across)
            axes = sheet.panels[2 * block + line][column]
            for name, series in frame.parted(part.filter(pl.col("value") == value), "method_label", "what"):
                dodge = step * (sheet.number(name[0]) - (len(sheet.looks) - 1) / 2)
                sheet.means(axes, series, "eta", name[0], dodge=dodge, **looks[name[1]])
            axes.axhline(0, color="black", linewidth=0.6)
            axes.set_xlim(0, 1.05 * axes.dataLim.x1)  # a single budget has marks beside it, too
            if len(budgets) <= _TICKS:
                axes.set_xticks([0.0, *budgets], [f"{budget:g}" for budget in (0.0, *budgets)])
            if line == 0:
                axes.set_title(title)
            else:
                axes.set_xlabel("budget η (% of the norm of the k-space)")
            if column == 0:
                axes.set_ylabel(label)
    sheet.legend([(name, {"marker": "o", **look}) for name, look in looks.items()])
    words = frame.counted(data, rows)
    return sheet.finish(path, data, f"{words} {_ASIDE}" if len(sheet.looks) > 1 else words)
