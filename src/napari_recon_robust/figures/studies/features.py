"""Features that the samples hold and the image loses: the attack rates of FNAF, and where such features lie."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ...perturbations.features.insertion import PUBLISHED_PRESERVED, PUBLISHED_SUCCESS
from ...statistics.clustered import INTERVAL
from ...statistics.estimate import FEWEST
from ...statistics.rates import Rate
from . import frame
from .style import GREY, Drawn, Sheet, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "False-negative features (FNAF)"
_ADVICE = "give the plan the perturbation fnaf, with each algorithm that is to be compared"
RAW, SCALED = "raw", "scaled to 320²"
RANDOM = "random features"
_LEVEL = 4  # searches whose names stand level below their rates; those of more would touch
_MEASURED = ("input_mse", "published_loss", "feature_row", "feature_column")


def searches(trials: pl.DataFrame) -> pl.DataFrame:
    """The trials of FNAF: `search` is the algorithm, or that it was a random feature; `found_for` has no gaps.

    Raises Lacking where no trial of FNAF has a loss.
    """
    rows = frame.need(trials, ["published_loss", "input_mse"], _ADVICE, transferred=True)
    rows = rows.filter(pl.col("perturbation") == "fnaf")
    rows = frame.with_knob(frame.with_knob(rows, "algorithm"), "search")
    rows = frame.need(rows, ["knob_algorithm"], _ADVICE, transferred=True)
    single = (pl.col("knob_algorithm") == "random-search") & (pl.col("knob_search") == 1)
    found_for = pl.col("found_for") if "found_for" in rows.columns else pl.lit(None, pl.String)
    return rows.with_columns(
        search=pl.when(single).then(pl.lit(RANDOM)).otherwise(pl.col("knob_algorithm")),
        found_for=pl.coalesce(found_for, "method_label"),
    )


def success(factor: Any = 1.0) -> pl.Expr:
    """Whether a feature passes both published thresholds. factor: by which its measures are scaled."""
    loss, input_mse = (factor * pl.col(name) for name in ("published_loss", "input_mse"))
    return (loss >= PUBLISHED_SUCCESS) & (input_mse >= PUBLISHED_PRESERVED)


def lost_features(trials: pl.DataFrame, path: Path) -> Drawn:
    """Draw the attack rates of each search, the information preserved against the loss, the places, the transfer.

    An attack succeeds from a published loss of 1e-3 on where the input changes by 1e-4 at least; both are means over
    all pixels, so that they are also scaled to 320 x 320 where the column image_pixels is there. A random search of
    one try is a random feature. feature_row and feature_column are the place relative to the image's size, 0 to 1;
    found_for is the label of the method that a feature was searched for. Rates are over volumes.
    Raises Lacking where no trial of FNAF has a loss. After Cheng et al., MIDL 2020.
    """
    rows = frame.with_pattern(frame.with_setting(searches(trials), "search"))
    rows = rows.with_columns(random=pl.col("search") == RANDOM, search="setting")
    own = rows.filter(pl.col("found_for") == pl.col("method_label"))
    if own.is_empty():
        raise frame.Lacking(f"No feature of the table was searched for the method that it was tried on: {_ADVICE}.")
    data = _rates(own)
    rates, transfers = frame.by_sampling(data), _transfers(rows)
    sheet = Sheet.grid(TITLE, data["method_label"], len(rates) + 2 + max(len(transfers), 1), 2)
    panels = iter(sheet.flat)
    for title, part in rates:
        _draw_rates(sheet, next(panels), part, title if len(rates) > 1 else "")
    _draw_scatter(sheet, next(panels), own)
    _draw_places(sheet, next(panels), own)
    for title, part in transfers:
        _draw_transfer(sheet, next(panels), part, title)
    if not transfers:
        _title(axes := next(panels), "attack rate on another method (%)")
        _say(axes, "no trial has another method's feature\n(column found_for)")
    sheet.legend(lines=False)
    words = frame.counted(data, own) + " Filled: raw; open: scaled to 320²." + _exact(own)
    parts = [data, *(part for _, part in transfers), _points(own)]
    return sheet.finish(path, pl.concat(parts, how="diagonal_relaxed"), words)


def _points(rows: pl.DataFrame) -> pl.DataFrame:
    """What the scatter and the map of places show: a row for each feature, of the value `feature`."""
    columns = ("method_label", *frame.SAMPLING, "search", "volume", "slice", *_MEASURED)
    return rows.select(pl.lit("feature").alias("value"), *(name for name in columns if name in rows.columns))


def _rates(rows: pl.DataFrame) -> pl.DataFrame:
    scales = {RAW: pl.lit(1.0)}
    if "image_pixels" in rows.columns:
        scales[SCALED] = pl.col("image_pixels") / 320**2
    parts = []
    for name, factor in scales.items():
        scaled = rows.with_columns(rate=100 * success(factor).cast(pl.Float64), threshold=pl.lit(name))
        known = scaled.drop_nulls("rate")
        if not known.is_empty():
            parts.append(mean_rates(known, ["method_label", *frame.SAMPLING, "search", "threshold"], "rate"))
    return pl.concat(parts)


def mean_rates(rows: pl.DataFrame, by: list[str], value: str) -> pl.DataFrame:
    """`frame.summarise` of a rate in percent; the interval is exact where each volume's rate is 0 or 100%.

    Student's t has no interval where all volumes are alike.
    """
    data = frame.summarise(rows, by, value, frame.PERCENT)
    shares = rows.group_by([*by, "volume"]).agg(pl.col(value).mean())
    found = []
    for row in data.iter_rows(named=True):
        means = shares.filter(*(pl.col(name).eq_missing(row[name]) for name in by))[value]
        if row["volumes"] >= FEWEST and means.is_in([0.0, 100.0]).all():
            low, high = Rate(int((means == 100).sum()), len(means)).interval
            row |= {"low": 100 * low, "high": 100 * high, "kind": INTERVAL}
        found.append(row)
    return pl.DataFrame(found, schema=data.schema)


def _exact(rows: pl.DataFrame) -> str:
    """The rate of all searches, with its exact interval; "" if a volume has several trials, as they are dependent."""
    searched = rows.filter(~rows["random"])
    if searched.is_empty() or searched["volume"].n_unique() < len(searched):
        return ""
    rate = Rate(len(searched.filter(success())), len(searched))
    low, high = rate.interval
    return f" All searches: {100 * rate.value:.0f}% (exact {100 * low:.0f} to {100 * high:.0f}%)."


def _draw_rates(sheet: Sheet, axes: "Axes", data: pl.DataFrame, sampling: str) -> None:
    searches, step = frame.names_of(data["search"]), min(0.12, 0.84 / len(sheet.looks))
    for (name, search, threshold), part in frame.parted(data, "method_label", "search", "threshold"):
        at = searches.index(search) + step * (sheet.number(name) - (len(sheet.looks) - 1) / 2)
        more = {"markerfacecolor": "white"} if threshold == SCALED else {}
        at += 0.4 * step * (threshold == SCALED)
        sheet.point(axes, (at, at, at), frame.bar(part), name, **more)
    names = [search.replace("-", "\n").replace(" ", "\n") for search in searches]
    if len(searches) <= _LEVEL:
        axes.set_xticks(range(len(searches)), names)
    else:
        axes.set_xticks(range(len(searches)), searches, rotation=30, ha="right", rotation_mode="anchor")
    axes.set(ylabel="attack rate (%)", ylim=(-4, 104))
    _title(axes, "attack rate by search", sampling)


def _draw_scatter(sheet: Sheet, axes: "Axes", rows: pl.DataFrame) -> None:
    for (name, random), part in frame.parted(rows, "method_label", "random"):
        look = sheet.looks[name]
        face = "none" if random else look["color"]
        x, y = (np.maximum(part[column].to_numpy(), 1e-8) for column in ("input_mse", "published_loss"))
        axes.scatter(x, y, s=9, marker=look["marker"], facecolors=face, edgecolors=look["color"], linewidths=0.6)
    axes.axhline(PUBLISHED_SUCCESS, color=GREY, linestyle="--", linewidth=0.8)
    axes.axvline(PUBLISHED_PRESERVED, color=GREY, linestyle="--", linewidth=0.8)
    axes.set(xscale="log", yscale="log", xlabel="change of the input (MSE)", ylabel="loss of the feature")
    axes.set_title("information preserved and lost; open: random")


def _draw_places(sheet: Sheet, axes: "Axes", rows: pl.DataFrame) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_title("where the worst features lie")
    if not {"feature_row", "feature_column"} <= set(rows.columns):
        _say(axes, "the table has no column\nfeature_row and feature_column")
        return
    found = rows.filter(~rows["random"]).drop_nulls(["feature_row", "feature_column"])
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
    bar = sheet.figure.colorbar(drawn, ax=axes, label=f"features (n = {len(found)})", ticks=MaxNLocator(integer=True))
    bar.ax.tick_params(labelsize=7)


def _transfers(rows: pl.DataFrame) -> list[tuple[str, pl.DataFrame]]:
    """The rates of each search whose features were also tried on other methods, with its name.

    On the diagonal are the features that were found for the method itself.
    """
    by = [*frame.SAMPLING, "search"]
    tried = rows.filter((pl.col("found_for") != pl.col("method_label")).any().over(by))
    if tried.is_empty():
        return []
    rates = mean_rates(tried.with_columns(transfer=100.0 * success()), [*by, "found_for", "method_label"], "transfer")
    samplings = frame.by_sampling(rates)
    return [
        (f"{search}, {title}" if len(samplings) > 1 else search, part)
        for title, rate in samplings
        for (search,), part in frame.parted(rate, "search")
    ]


def _draw_transfer(sheet: Sheet, axes: "Axes", data: pl.DataFrame, search: str) -> None:
    _title(axes, "attack rate on another method (%)", search)
    names = list(sheet.looks)
    table = np.full((len(names), len(names)), np.nan)
    for found, method, mean in data.select("found_for", "method_label", "mean").iter_rows():
        table[names.index(found), names.index(method)] = mean
    axes.imshow(table, vmin=0, vmax=100, cmap="cividis", aspect="auto")
    for (row, column), value in np.ndenumerate(table):
        if np.isfinite(value):
            axes.text(column, row, f"{value:.0f}", ha="center", va="center", color="white" if value < 55 else "black")
    ticks = [shortened(str(name)) for name in names]
    axes.set_xticks(range(len(names)), ticks, rotation=20, ha="right")
    axes.set_yticks(range(len(names)), ticks)
    axes.set(xlabel="tried on", ylabel="found for")


def _title(axes: "Axes", *words: str) -> None:
    axes.set_title("\n".join(filter(None, words)))


def _say(axes: "Axes", words: str) -> None:
    axes.text(0.5, 0.5, words, ha="center", va="center", color=GREY, transform=axes.transAxes)
    axes.set_axis_off()
