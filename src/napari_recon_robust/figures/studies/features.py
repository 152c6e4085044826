"""Features that are in the data and missing in the image: FNAF's attack rates, and what the samples knew."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...perturbations.features.insertion import PUBLISHED_PRESERVED, PUBLISHED_SUCCESS
from ...statistics.rates import Rate
from . import frame
from .style import GREY, Drawn, Sheet

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from polars import DataFrame

TITLE = "False-negative features (FNAF)"
_ADVICE = "give the plan the perturbation fnaf, with each algorithm that is to be compared"
RAW, SCALED = "raw", "scaled to 320²"
_RANDOM = "random features"


def lost_features(trials: "DataFrame", path: Path) -> Drawn:
    """Draw the attack rates of each search, the information preserved against the loss, the places, the transfer.

    An attack succeeds from a published loss of 1e-3 on where the input changes by 1e-4 at least; both are means over
    all pixels, so that they are also scaled to 320 x 320 where the column image_pixels is there. A random search of
    one try is a random feature. feature_row and feature_column are the place relative to the image's size, 0 to 1;
    found_for is the label of the method that a feature was searched for. Rates are over volumes.
    Raises Lacking where no trial of FNAF has a loss. After Cheng et al., MIDL 2020.
    """
    import polars as pl

    rows = frame.need(trials, ["published_loss", "input_mse"], _ADVICE).filter(pl.col("perturbation") == "fnaf")
    rows = frame.need(frame.with_knob(frame.with_knob(rows, "algorithm"), "search"), ["knob_algorithm"], _ADVICE)
    single = (pl.col("knob_algorithm") == "random-search") & (pl.col("knob_search") == 1)
    rows = rows.with_columns(search=pl.when(single).then(pl.lit(_RANDOM)).otherwise(pl.col("knob_algorithm")))
    if "found_for" not in rows.columns:
        rows = rows.with_columns(found_for=pl.col("method_label"))
    own = rows.filter(pl.col("found_for") == pl.col("method_label"))
    data = _rates(own)
    sheet = Sheet(TITLE, data["method_label"], rows=2, columns=2)
    _draw_rates(sheet, data)
    _draw_scatter(sheet, own)
    _draw_places(sheet, own)
    transfer = _draw_transfer(sheet, rows)
    sheet.legend(lines=False)
    words = frame.counted(data) + " Filled: raw; open: scaled to 320²." + _exact(own)
    return sheet.finish(path, pl.concat([data, transfer], how="diagonal") if transfer is not None else data, words)


def _rates(rows: "DataFrame") -> "DataFrame":
    import polars as pl

    scales = {RAW: pl.lit(1.0)}
    if "image_pixels" in rows.columns:
        scales[SCALED] = pl.col("image_pixels") / 320**2
    parts = []
    for name, factor in scales.items():
        success = (factor * pl.col("published_loss") >= PUBLISHED_SUCCESS) & (
            factor * pl.col("input_mse") >= PUBLISHED_PRESERVED
        )
        scaled = rows.with_columns(rate=100 * success.cast(pl.Float64), threshold=pl.lit(name))
        parts.append(frame.summarise(scaled.drop_nulls("rate"), ["method_label", "search", "threshold"], "rate"))
    return pl.concat(parts)


def _exact(rows: "DataFrame") -> str:
    """The exact interval of all searches together where each volume gives one trial; nothing else may take it."""
    searched = rows.filter(rows["search"] != _RANDOM)
    if searched.is_empty() or searched["volume"].n_unique() < len(searched):
        return ""
    won = (searched["published_loss"] >= PUBLISHED_SUCCESS) & (searched["input_mse"] >= PUBLISHED_PRESERVED)
    rate = Rate(int(won.sum()), len(searched))
    low, high = rate.interval
    return f" All searches: {100 * rate.value:.0f}% (exact {100 * low:.0f} to {100 * high:.0f}%)."


def _draw_rates(sheet: Sheet, data: "DataFrame") -> None:
    axes, searches = sheet.panels[0][0], frame.names_of(data["search"])
    for (name, search, threshold), part in frame.parted(data, "method_label", "search", "threshold"):
        at = searches.index(search) + 0.12 * (sheet.number(name) - (len(sheet.looks) - 1) / 2)
        more = {"markerfacecolor": "white"} if threshold == SCALED else {}
        (mean,), (low,), (high,) = (part[column].to_list() for column in ("mean", "low", "high"))
        at += 0.05 * (threshold == SCALED)
        sheet.point(axes, (at, at, at), (mean, max(low, 0), min(high, 100)), name, **more)
    axes.set_xticks(range(len(searches)), [search.replace("-", "\n").replace(" ", "\n") for search in searches])
    axes.set(ylabel="attack rate (%)", ylim=(-4, 104), title="attack rate by search")


def _draw_scatter(sheet: Sheet, rows: "DataFrame") -> None:
    axes = sheet.panels[0][1]
    for (name, random), part in frame.parted(
        rows.with_columns(random=rows["search"] == _RANDOM), "method_label", "random"
    ):
        look = sheet.looks[name]
        face = "none" if random else look["color"]
        x, y = (np.maximum(part[column].to_numpy(), 1e-8) for column in ("input_mse", "published_loss"))
        axes.scatter(x, y, s=9, marker=look["marker"], facecolors=face, edgecolors=look["color"], linewidths=0.6)
    axes.axhline(PUBLISHED_SUCCESS, color=GREY, linestyle="--", linewidth=0.8)
    axes.axvline(PUBLISHED_PRESERVED, color=GREY, linestyle="--", linewidth=0.8)
    axes.set(xscale="log", yscale="log", xlabel="change of the input (MSE)", ylabel="loss of the feature")
    axes.set_title("information preserved and lost; open: random")


def _draw_places(sheet: Sheet, rows: "DataFrame") -> None:
    axes = sheet.panels[1][0]
    axes.set_title("where the worst features lie")
    if not {"feature_row", "feature_column"} <= set(rows.columns):
        _say(axes, "the table has no column\nfeature_row and feature_column")
        return
    found = rows.filter(rows["search"] != _RANDOM).drop_nulls(["feature_row", "feature_column"])
    drawn = axes.hexbin(
        found["feature_column"].to_numpy(),
        found["feature_row"].to_numpy(),
        gridsize=14,
        extent=(0, 1, 0, 1),
        mincnt=1,
        cmap="cividis",
        linewidths=0.2,
    )
    axes.set(xlim=(0, 1), ylim=(1, 0), aspect="equal", xlabel="column / width", ylabel="row / height")
    sheet.figure.colorbar(drawn, ax=axes, label=f"features (n = {len(found)})")


def _draw_transfer(sheet: Sheet, rows: "DataFrame") -> "DataFrame | None":
    axes = sheet.panels[1][1]
    axes.set_title("attack rate on another method (%)")
    if (rows["found_for"] == rows["method_label"]).all():
        _say(axes, "no trial has another method's feature\n(column found_for)")
        return None
    won = (rows["published_loss"] >= PUBLISHED_SUCCESS) & (rows["input_mse"] >= PUBLISHED_PRESERVED)
    by = ["found_for", "method_label"]
    data = frame.summarise(rows.with_columns(transfer=100.0 * won), by, "transfer")
    names = list(sheet.looks)
    table = np.full((len(names), len(names)), np.nan)
    for found, method, mean in data.select(*by, "mean").iter_rows():
        table[names.index(found), names.index(method)] = mean
    axes.imshow(table, vmin=0, vmax=100, cmap="cividis", aspect="auto")
    for (row, column), value in np.ndenumerate(table):
        if np.isfinite(value):
            axes.text(column, row, f"{value:.0f}", ha="center", va="center", color="white" if value < 55 else "black")
    axes.set_xticks(range(len(names)), names, rotation=20, ha="right")
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="tried on", ylabel="found for")
    return data


def _say(axes: "Axes", words: str) -> None:
    axes.text(0.5, 0.5, words, ha="center", va="center", color=GREY, transform=axes.transAxes)
    axes.set_axis_off()
