"""How the quality of the regions depends on the pose of the patient."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import frame
from .style import Drawn, Sheet

if TYPE_CHECKING:
    from polars import DataFrame

TITLE = "Quality against rotation"
_ADVICE = "give the plan the perturbation rotation at several angles"
_LOOKS: dict[str, dict[str, Any]] = {
    "worst pose": {"linestyle": "-"},
    "interpolation alone": {"linestyle": ":", "markerfacecolor": "white"},
}


def quality_against_rotation(trials: "DataFrame", path: Path) -> Drawn:
    """Draw the regions' SSIM at the worst pose up to an angle, what interpolation alone costs, and the worst angles.

    Columns beyond the common ones: floor_ssim_region_perturbed, the SSIM of the truth turned and turned back, and
    worst_angle, in degrees; what is not there is not drawn. Raises Lacking where no trial is rotated.
    After Morshuis et al. 2022, arXiv:2208.03161, figure 4.
    """
    import polars as pl

    rows = frame.need(trials, ["ssim_region_clean", "ssim_region_perturbed"], _ADVICE)
    rows = frame.with_knob(rows.filter(pl.col("perturbation") == "rotation", ~pl.col("control")), "angle")
    rows = frame.need(rows, ["knob_angle"], _ADVICE)
    parts = [
        rows.with_columns(what=pl.lit("worst pose"), ssim=pl.col("ssim_region_perturbed")),
        rows.with_columns(what=pl.lit("worst pose"), ssim=pl.col("ssim_region_clean"), knob_angle=pl.lit(0.0)),
    ]
    if "floor_ssim_region_perturbed" in rows.columns:
        floor = rows.drop_nulls("floor_ssim_region_perturbed")
        parts.append(floor.with_columns(what=pl.lit("interpolation alone"), ssim=pl.col("floor_ssim_region_perturbed")))
    joined = pl.concat([part.with_columns(pl.col("knob_angle").cast(pl.Float64)) for part in parts])
    data = frame.summarise(joined, ["method_label", "acceleration", "what", "knob_angle"], "ssim")
    accelerations = frame.names_of(data["acceleration"].sort())
    angles = "worst_angle" in rows.columns and rows["worst_angle"].is_not_null().any()
    sheet = Sheet(TITLE, data["method_label"], columns=len(accelerations) + bool(angles))
    for axes, acceleration in zip(sheet.panels[0], accelerations, strict=False):
        part = data.filter(pl.col("acceleration").eq_missing(acceleration))
        for (name, what), series in frame.parted(part, "method_label", "what"):
            sheet.means(axes, series, "knob_angle", name, dodge=0.03 * sheet.number(name), **_LOOKS[what])
        axes.set(xlabel="largest angle tried (°)", title=frame.acceleration_words(acceleration))
    sheet.panels[0][0].set_ylabel("SSIM of the region")
    if angles:
        data = pl.concat([data, _worst(sheet, rows)], how="diagonal")
    sheet.legend([(name, look) for name, look in _LOOKS.items() if name in set(data["what"])])
    lacking = "" if len(parts) == 3 else " The table does not say what interpolation alone costs."
    return sheet.finish(path, data, frame.counted(data) + lacking)


def _worst(sheet: Sheet, rows: "DataFrame") -> "DataFrame":
    """How far out the worst angles lie among those that were tried: 100% is at the end of the range."""
    import polars as pl

    axes, found = sheet.panels[0][-1], rows.drop_nulls("worst_angle")
    found = found.with_columns(share=100 * pl.col("worst_angle").abs() / pl.col("knob_angle"))
    data = frame.summarise(found, ["method_label"], "share").with_columns(what=pl.lit("worst angle"))
    for (name,), part in frame.parted(data, "method_label"):
        (mean,), (low,), (high,) = (part[column].to_list() for column in ("mean", "low", "high"))
        sheet.point(axes, [sheet.number(name)] * 3, (mean, low, high), name)
    axes.set_xticks([])
    axes.set(
        ylim=(-4, 104), xlabel="method", ylabel="worst angle (% of the largest)", title="where the worst pose lies"
    )
    return data
