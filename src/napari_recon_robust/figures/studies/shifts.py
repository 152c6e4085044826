"""In distribution against out of distribution: a panel for each shift, a point for each method at its settings."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ...ground.errors import InputError
from ...ground.numbers import counted
from ...statistics import clustered
from ...statistics.estimate import SSIM_SCALE, Estimate
from ...statistics.lines import Line, fit
from ...statistics.shifts import filtered, share_closed
from ...studies.columns import CLEAN, DOMAIN, INSIDE, PLACE, TUNING
from . import frame
from .style import GREY, Drawn, Sheet

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "In against out of distribution"
_MEASURED = "Clean against shifted measurements"  # where no scan is from another distribution
_ADVICE = (
    "give the plan a table of labels whose column domain is `in` for some scans and the name of the shift for the "
    "others, two accelerations, or a perturbation such as noise-level, contrast or other-mask"
)
_LEFT_OUT = "Lines leave out the methods that lack a volume."
_CHOSEN = "chosen"  # why the plan's filter chose a slice
_WORST = 0.2  # of the slices are filtered
_BASE = "knob_network"  # of test-time training: the id of the network that it trains on
_SETTINGS = ["method", _BASE]  # what several labels of one method share
# What the trials of two methods share that are compared.
_PAIRED = ("volume", *PLACE, "perturbation", "perturbation_knobs", "seed")
# What the trials on both sides share where P itself is measured in another way.
_CHANGED = ("method_label", "scan", "slice", "mask_seed", "region")


@dataclass(frozen=True, eq=False)
class Shift:
    """One shift. inside, outside: the trials on P and on Q, with the score in `score`.

    changed: P itself was measured in another way, so that each method keeps to what it has on both sides.
    sides: what the axes say of them.
    """

    name: str
    inside: pl.DataFrame
    outside: pl.DataFrame
    changed: bool = False
    sides: tuple[str, str] = ("in distribution", "out of distribution")


def inside(trials: pl.DataFrame) -> pl.DataFrame:
    """The trials on scans of the distribution P; all of them if no scan has a domain."""
    return trials.filter(trials[DOMAIN] == INSIDE) if DOMAIN in trials.columns else trials


def outside(trials: pl.DataFrame) -> pl.DataFrame:
    """The trials on scans of other domains; none if no scan has a domain."""
    return trials.filter(~trials[DOMAIN].is_in([INSIDE, TUNING])) if DOMAIN in trials.columns else trials.clear()


def is_tuned(trials: pl.DataFrame) -> bool:
    """Whether there are scans on which the knobs are tuned."""
    return DOMAIN in trials.columns and TUNING in set(trials[DOMAIN])


def untuned(trials: pl.DataFrame) -> pl.DataFrame:
    """The trials without those on scans for tuning knobs."""
    return trials.filter(trials[DOMAIN].ne_missing(TUNING)) if DOMAIN in trials.columns else trials


def tuned(trials: pl.DataFrame) -> pl.DataFrame:
    """Each method at the one setting that is best on the scans for tuning (mean SSIM), without these scans.

    Where there are none, the methods that have one setting. Test-time training of each network is a method of its own.
    """
    rows = frame.with_knob(trials, "network", "knobs")
    if is_tuned(rows):
        tuning = rows.filter(pl.col(DOMAIN) == TUNING, pl.col("ssim_foreground_clean").is_not_null())
        means = tuning.group_by(*_SETTINGS, "method_label", maintain_order=True).agg(
            pl.col("ssim_foreground_clean").mean()
        )
        chosen = means.sort("ssim_foreground_clean", descending=True).unique(_SETTINGS, keep="first")["method_label"]
        kept = rows.filter(pl.col("method_label").is_in(chosen.to_list()), pl.col(DOMAIN).ne_missing(TUNING))
    else:
        kept = rows.filter(pl.col("method_label").n_unique().over(_SETTINGS) == 1)
    return kept.drop(_BASE)


def inside_against_outside(
    trials: pl.DataFrame,
    path: Path,
    *,
    logit: bool = False,
    proxy: str = "",
    trained_there: Mapping[str, str] | None = None,
) -> Drawn:
    """Draw the mean SSIM of each method on P and on Q, the line through them, its band and the diagonal.

    The shifts are the scans whose label `domain` is not `in`, the accelerations beyond the lowest, at the lowest the
    perturbations that shift a measurement, the slices that the plan's filter chose beside its random ones (to which all
    other shifts then keep), and with a proxy the fifth of the slices on which it does worst beside
    equally many random ones; all but the first on scans that are `in`. Patterns have panels of their own, and so have
    accelerations where they are no shift themselves. Scans of the domain `tuning` choose the knobs of each method.
    logit: the line is fitted to logits.
    proxy: label of a method; it is not compared. Test-time training has an arrow from the network that it trains on,
    where that is in the table too, and the caption says what it gains. trained_there: for such methods, the label of
    the same network trained on Q; the share of the gap that was closed is then in the caption.
    Raises Lacking where there is no shift. After Darestani, Chaudhari and Heckel 2021, arXiv:2102.06103, figure 1.
    """
    rows = frame.need(trials, ["ssim_foreground_clean"], _ADVICE)
    rows = frame.with_knob(tuned(rows) if is_tuned(rows) else rows, "network", "knobs")
    rows = frame.with_pattern(rows).with_columns(score=pl.col("ssim_foreground_clean"))
    compared = rows.filter(pl.col("method_label") != proxy)
    shifts = [
        _on_both_sides(replace(shift, name=", ".join(filter(None, (shift.name, pattern)))))
        for (pattern,), part in frame.parted(compared, "pattern")
        for shift in [*_shifts(part), *(_filtered(_at_home(rows), _at_home(part), proxy) if proxy else [])]
    ]
    found = [shift for shift in shifts if not (shift.inside.is_empty() or shift.outside.is_empty())]
    if not found:
        raise frame.Lacking(f"There is no shift in the table: {_ADVICE}.")
    title = _MEASURED if all(shift.changed for shift in found) else TITLE
    sheet = Sheet.grid(title, compared["method_label"], len(found), 2)
    parts, words, left_out = [], [], False
    for axes, shift in zip(sheet.flat, found, strict=False):
        data, line = _line(shift, logit)
        parts.append(data)
        left_out |= line is not None and line.methods < data["method_label"].n_unique()
        _draw(sheet, axes, shift, data, line)
        words += _gained(shift)
        words += _closed(shift, trained_there or {})
        axes.set(xlabel=f"SSIM {shift.sides[0]}", ylabel=f"SSIM {shift.sides[1]}")
    sheet.legend(
        [("no gap", {"linestyle": ":"}), ("line through the methods, 95% band", {"linestyle": "-"})], lines=False
    )
    data = pl.concat(parts)
    scale = "of logits of SSIM" if logit else "of SSIM"
    bands = f"Lines {scale}; bands and gaps: 95% intervals over methods and volumes, none below 3."
    words = [*([_LEFT_OUT] if left_out else []), *words]
    return sheet.finish(path, data, " ".join([frame.counted(data), bands, *words]))


def _on_both_sides(shift: Shift) -> Shift:
    """The shift with what each method has on both sides, where both are of the same slices, seeds and lesions."""
    if not shift.changed:
        return shift
    of = [name for name in _CHANGED if name in shift.inside.columns]
    one, other = (
        side.join(another, on=of, how="semi", nulls_equal=True, maintain_order="left")
        for side, another in ((shift.inside, shift.outside), (shift.outside, shift.inside))
    )
    return replace(shift, inside=one, outside=other)


def _at_home(rows: pl.DataFrame) -> pl.DataFrame:
    """The trials on P, or all of them if the table names no scan of P."""
    found = inside(rows)
    return rows if found.is_empty() else found


def _shifts(rows: pl.DataFrame) -> list[Shift]:
    """The shifts in the table. Shifts of the domain compare all scans; all others keep to scans of P."""
    clean = rows.filter(pl.col("perturbation") == CLEAN)
    if clean.is_empty():  # each perturbed trial has the clean score of its slice
        clean = rows.with_columns(
            perturbation=pl.lit(CLEAN), perturbation_knobs=pl.lit("{}"), seed=pl.lit(None, pl.Int64)
        )
    clean = frame.first_of_each_image(clean)
    found, abroad = [], outside(clean)
    rows, clean = _at_home(rows), _at_home(clean)
    if _CHOSEN in rows.columns and rows[_CHOSEN].null_count() < len(rows):
        drawn, worst = (clean.filter(pl.col(_CHOSEN).is_in([kind, "both"])) for kind in ("random", "filtered"))
        found += [
            Shift(f"slices filtered by a proxy{at}", here, there) for at, here, there in _at_each_rate(drawn, worst)
        ]
        rows, abroad = (some.filter(pl.col(_CHOSEN) != "filtered") for some in (rows, abroad))
        clean = drawn
    if DOMAIN in rows.columns and not inside(clean).is_empty():
        found += [
            Shift(f"{name}{at}", here, scans)
            for at, here, there in _at_each_rate(clean, abroad)
            for (name,), scans in frame.parted(there, DOMAIN)
        ]
    accelerations = frame.ranked(clean["acceleration"])
    for value in accelerations[1:]:
        one, other = (clean.filter(pl.col("acceleration") == at) for at in (accelerations[0], value))
        rates = f"at R = {accelerations[0]:g}", f"at R = {value:g}"
        found.append(Shift(f"R = {accelerations[0]:g} to {value:g}", one, other, changed=True, sides=rates))
    at_first = rows.filter(pl.col("acceleration") == accelerations[0]) if accelerations else rows
    at_first = frame.with_setting(at_first)
    for kind, setting in at_first.select("perturbation", "setting").unique(maintain_order=True).iter_rows():
        shifted = at_first.filter(pl.col("setting") == setting, ~pl.col("control")).drop("setting")
        if _shifts_all(kind, shifted) and "ssim_foreground_perturbed" in rows.columns:
            measured = shifted.drop_nulls("ssim_foreground_perturbed")
            perturbed = measured.with_columns(score=pl.col("ssim_foreground_perturbed"))
            name = setting.replace(kind, kind.replace("-", " "), 1)
            sides = "of clean images", f"under {kind.replace('-', ' ')}"
            found.append(Shift(name, measured, perturbed, changed=True, sides=sides))
    return found


def _at_each_rate(one: pl.DataFrame, other: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame, pl.DataFrame]]:
    """Both sides of a shift at each acceleration, with its words where there are several."""
    rates = frame.names_of(one["acceleration"].sort())
    for rate in rates:
        same = pl.col("acceleration").eq_missing(rate)
        at = f", {frame.acceleration_words(rate)}" if len(rates) > 1 else ""
        yield at, one.filter(same), other.filter(same)


def _shifts_all(kind: str, trials: pl.DataFrame) -> bool:
    """Whether a perturbation shifts the measurement as a whole: it has no budget, and inserts no feature."""
    local = [trials[name] for name in ("budget", "feature_row") if name in trials.columns]
    return kind != CLEAN and not trials.is_empty() and all(column.is_null().all() for column in local)


def _filtered(rows: pl.DataFrame, compared: pl.DataFrame, proxy: str) -> list[Shift]:
    """The slices on which the proxy does worst, and beside them as many random ones."""
    clean = rows.filter(pl.col("method_label") == proxy, pl.col("perturbation") == CLEAN)
    slices = clean.group_by("scan", "slice", maintain_order=True).agg(pl.col("score").mean())
    if slices.is_empty():
        raise InputError(f"the proxy {proxy!r} is no method of the study, or has no clean trials; name another one.")
    chosen = filtered(slices["score"], max(1, round(_WORST * len(slices))))
    others = frame.first_of_each_image(compared.filter(pl.col("perturbation") == CLEAN))
    return [
        Shift(f"{name} slices (proxy: {proxy}){at}", here, some)
        for name, places in (("filtered", chosen.worst), ("random", chosen.random))
        for at, here, some in _at_each_rate(
            others, others.join(slices[places.tolist()], on=["scan", "slice"], how="semi")
        )
    ]


def _line(shift: Shift, logit: bool) -> tuple[pl.DataFrame, Line | None]:
    """The methods' means on both sides, and the line through those that were measured on all volumes."""
    sides = [frame.summarise(part, ["method_label"], "score", SSIM_SCALE) for part in (shift.inside, shift.outside)]
    names = [name for name in sides[0]["method_label"] if name in set(sides[1]["method_label"])]
    data = pl.concat(
        [
            side.with_columns(shift=pl.lit(shift.name), side=pl.lit(of))
            for side, of in zip(sides, ("in", "out"), strict=True)
        ]
    ).filter(pl.col("method_label").is_in(names))
    volumes = [frame.names_of(part["volume"]) for part in (shift.inside, shift.outside)]
    if shift.changed:
        volumes = [volumes[1], volumes[1]]
    scores = [_matrix(part, names, of) for part, of in zip((shift.inside, shift.outside), volumes, strict=True)]
    complete = np.isfinite(scores[0]).all(1) & np.isfinite(scores[1]).all(1)
    try:
        line = fit(scores[0][complete], scores[1][complete], volumes=(volumes[0], volumes[1]), logit=logit)
    except InputError:
        line = None
    return data, line


def _matrix(rows: pl.DataFrame, names: list[str], volumes: list[str]) -> Any:
    """The mean score of each method on each volume, NaN where it was not measured."""
    table = np.full((len(names), len(volumes)), np.nan)
    means = rows.group_by("method_label", "volume").agg(pl.col("score").mean())
    for name, volume, score in means.iter_rows():
        if name in names and volume in volumes:
            table[names.index(name), volumes.index(volume)] = score
    return table


def _draw(sheet: Sheet, axes: "Axes", shift: Shift, data: pl.DataFrame, line: Line | None) -> None:
    for (name,), part in frame.parted(data, "method_label"):
        x, y = (frame.bar(part.filter(pl.col("side") == side)) for side in ("in", "out"))
        sheet.point(axes, x, y, name)
    limits, title = axes.get_ylim(), shift.name
    ends = (min(data["mean"].to_list()), max(data["mean"].to_list()))
    axes.plot(ends, ends, color=GREY, linestyle=":", linewidth=1)
    if line is not None:
        axes.plot(line.at, line.values, color=GREY)
        if line.low is not None and line.high is not None:
            axes.fill_between(line.at, line.low, line.high, color=GREY, alpha=0.2, linewidth=0)
        points = data["method_label"].n_unique()
        of = "" if line.methods == points else f" of {points}"
        title += (
            f": {line.methods}{of} methods, {_counted(line)}\nR² {line.r2:.2f}, gap {frame.written_by_width(line.gap)}"
        )
    axes.set_title(title)
    axes.set_ylim(min(limits[0], ends[0]), max(limits[1], ends[1]))
    for name, before in _trained_on_the_slice(shift):
        tail, head = (
            data.filter(pl.col("method_label") == one).sort("side")["mean"].to_list() for one in (before, name)
        )
        if tail and head:
            arrow = {"arrowstyle": "->", "color": sheet.looks[name]["color"], "linewidth": 0.8}
            axes.annotate("", (head[0], head[1]), (tail[0], tail[1]), arrowprops=arrow)


def _counted(line: Line) -> str:
    """How many volumes a line rests on, and how many of them are on both sides, in words."""
    inside, outside = line.volumes
    if inside == outside == line.shared:
        return counted(inside, "volume")
    return f"{inside} and {outside} volumes" + (f", {line.shared} of both" if line.shared else "")


def _trained_on_the_slice(shift: Shift) -> list[tuple[str, str]]:
    """The methods that train a network on the slice, each with the method that is this network without it."""
    rows = shift.outside
    found = []
    for (name, base), _ in frame.parted(rows.drop_nulls(_BASE), "method_label", _BASE):
        without = frame.names_of(rows.filter(pl.col("method") == base)["method_label"])
        found += [(name, without[0])] if len(without) == 1 else []
    return found


def _gained(shift: Shift) -> list[str]:
    """What training on the slice gains on Q, or loses, in words; the bare difference where its interval holds zero."""
    words = []
    for name, before in _trained_on_the_slice(shift):
        pairs = _paired(shift, name, before)
        if not pairs.is_empty():
            found = clustered.mean(pairs[name] - pairs[before], pairs["volume"].to_list())
            more = "more" if found.value > 0 else "less"
            words.append(
                f"{shift.name}: {name} has {frame.written_by_width(found.size)} {more} SSIM than {before}."
                if found.excludes_zero
                else f"{shift.name}: the SSIM of {name} less that of {before} is {frame.written_by_width(found)}."
            )
    return words


def _paired(shift: Shift, *names: str) -> pl.DataFrame:
    """The scores of some methods on Q, a column for each, where all of them were measured at the same settings."""
    rows = shift.outside
    same = [name for name in _PAIRED if name in rows.columns]
    scores = [
        rows.filter(pl.col("method_label") == name).group_by(same).agg(pl.col("score").mean().alias(name))
        for name in names
    ]
    return reduce(lambda one, other: one.join(other, on=same, nulls_equal=True), scores)


def _closed(shift: Shift, trained_there: Mapping[str, str]) -> list[str]:
    """How much of the gap training on the slice closes, in words."""
    words = []
    for name, there in trained_there.items():
        before = dict(_trained_on_the_slice(shift)).get(name)
        if before is None:
            raise InputError(f"{name!r} trains no network of the study on the slice; name one that does.")
        pairs = _paired(shift, name, before, there)
        if not pairs.is_empty():
            found: Estimate = share_closed(pairs[before], pairs[name], pairs[there], pairs["volume"].to_list())
            words.append(f"{shift.name}: {name} closes {found.text('{:.0%}'.format)} of the gap to {there}.")
    return words
