"""How the quality of the regions depends on the pose of the patient."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from ...statistics.estimate import SSIM_SCALE
from . import frame
from .style import Drawn, Sheet, line_looks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Quality against rotation"
_ADVICE = "give the plan the perturbation rotation at several angles"
_WORST, _FLOOR = "worst pose", "fully sampled"
_LOOKS: dict[str, dict[str, Any]] = {
    _WORST: {"linestyle": "-"},
    _FLOOR: {"linestyle": ":", "markerfacecolor": "white"},
}


def quality_against_rotation(trials: pl.DataFrame, path: Path) -> Drawn:
    """Draw the regions' SSIM at the worst pose up to an angle, that of its fully sampled image, and the worst angles.

    Other settings of the rotation, such as its shift, have a line each. Columns beyond the common ones:
    floor_ssim_region_perturbed, the SSIM of the pose's fully sampled image turned back, and worst_angle, in degrees;
    what is not there is not drawn. Raises Lacking where no trial is rotated.
    After Morshuis et al. 2022, arXiv:2208.03161, figure 4.
    """
    rows = frame.need(trials, ["ssim_region_clean", "ssim_region_perturbed"], _ADVICE)
    rows = frame.with_knob(rows.filter(pl.col("perturbation") == "rotation", ~pl.col("control")), "angle")
    rows = frame.need(rows, ["knob_angle"], _ADVICE).with_columns(pl.col("knob_angle").cast(pl.Float64))
    rows = frame.with_pattern(rows)
    worst = _lines(rows, _WORST, pl.col("ssim_region_perturbed"))
    moved = pl.col("knob_angle").min().over("setting") > 0  # else 0° is an angle that was tried, beside a shift
    clean = frame.first_of_each(worst.filter(moved), "setting").with_columns(
        ssim=pl.col("ssim_region_clean"), knob_angle=pl.lit(0.0)
    )
    parts, more = [worst, clean], " The table does not say what turning back a fully sampled image costs."
    if "floor_ssim_region_perturbed" in rows.columns:
        floor = rows.drop_nulls("floor_ssim_region_perturbed")
        parts.append(_lines(floor, _FLOOR, pl.col("floor_ssim_region_perturbed")))
        more = ""
    joined = pl.concat(parts)
    looks = line_looks(joined.select("what", "setting").iter_rows(), _LOOKS)
    data = frame.summarise(
        joined.with_columns(what="setting"), ["method_label", *frame.SAMPLING, "what", "knob_angle"], "ssim", SSIM_SCALE
    )
    samplings = frame.by_sampling(data)
    turned = worst.filter(pl.col("knob_angle") > 0)
    turned = turned.drop_nulls("worst_angle") if "worst_angle" in rows.columns else turned.clear()
    sheet = Sheet.grid(TITLE, data["method_label"], len(samplings) + (not turned.is_empty()), 3)
    for axes, (title, part) in zip(sheet.flat, samplings, strict=False):
        for (name, what), series in frame.parted(part, "method_label", "what"):
            sheet.means(axes, series, "knob_angle", name, dodge=0.03 * sheet.number(name), **looks[what])
        axes.set(xlabel="largest angle tried (°)", title=title)
    sheet.flat[0].set_ylabel("SSIM of the region")
    if not turned.is_empty():
        data = pl.concat([data, _worst(sheet, sheet.flat[len(samplings)], turned, looks)], how="diagonal_relaxed")
        if turned.select("knob_angle", *frame.SAMPLING).n_unique() > 1:
            more += " Where the worst pose lies is a mean over all angles and masks."
    sheet.legend(list(looks.items()))
    return sheet.finish(path, data, frame.counted(data, rows) + more)


def _lines(rows: pl.DataFrame, what: str, ssim: pl.Expr) -> pl.DataFrame:
    """The trials with what they show and its SSIM; `setting` has the knobs that vary beside the angle."""
    return frame.with_setting(rows.with_columns(what=pl.lit(what), ssim=ssim), "what", but=["angle"])


def _worst(sheet: Sheet, axes: "Axes", rows: pl.DataFrame, looks: Mapping[str, dict[str, Any]]) -> pl.DataFrame:
    """How far out the worst angles lie among those that were tried: 100% is at the end of the range."""
    found = rows.with_columns(share=100 * pl.col("worst_angle").abs() / pl.col("knob_angle"))
    data = frame.summarise(found, ["method_label", "setting"], "share", frame.PERCENT)
    settings = frame.names_of(data["setting"])
    for (name, setting), part in frame.parted(data, "method_label", "setting"):
        at = sheet.number(name) + 0.6 * settings.index(setting) / len(settings)
        sheet.point(axes, (at, at, at), frame.bar(part), name, **{**looks[setting], "linestyle": "none"})
    axes.set_xticks([])
    axes.set(
        ylim=(-4, 104), xlabel="method", ylabel="worst angle (% of the largest)", title="where the worst pose lies"
    )
    words = pl.col("setting").str.replace(_WORST, "worst angle", literal=True)
    return data.select(pl.exclude("setting"), words.alias("what"))
