from pathlib import Path

import polars as pl
import pytest
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from napari_recon_robust.figures.studies.small_features import features_against_quality
from napari_recon_robust.figures.studies.style import MARKS
from napari_recon_robust.statistics.ranks import rank_correlation

pytestmark = pytest.mark.usefixtures("drawn")


@pytest.mark.slow
def test_the_correlation_is_over_methods_and_accelerations(
    trials: pl.DataFrame, tmp_path: Path, drawn: list[Figure]
) -> None:
    data = pl.read_csv(features_against_quality(trials, tmp_path / "figure.svg").data)
    means = {value: data.filter(pl.col("value") == value) for value in data["value"].unique()}
    quality, recovery = means["ssim_foreground_clean"], means["contrast_recovery_region_clean"]
    found = rank_correlation(quality["mean"], recovery["mean"], quality["method_label"].to_list())
    assert f"ρ = {found.value:.2f} [" in drawn[0].axes[0].get_title()
    assert "12 points of 6 methods" in drawn[0].axes[0].get_title()


@pytest.mark.slow
def test_accelerations_are_told_by_marks_so_that_no_words_lie_on_each_other(
    trials: pl.DataFrame, tmp_path: Path, drawn: list[Figure]
) -> None:
    features_against_quality(trials, tmp_path / "figure.svg")
    assert not any(axes.texts for axes in drawn[0].axes)
    marks = {mark.get_label(): mark for mark in drawn[0].legends[0].legend_handles if isinstance(mark, Line2D)}
    assert [*marks][-2:] == ["R = 4", "R = 8"]
    assert marks["R = 4"].get_markerfacecolor() != marks["R = 8"].get_markerfacecolor() == "white"
    points = [point for point in drawn[0].axes[0].lines if point.get_marker() in MARKS]
    assert sum(point.get_markerfacecolor() == "white" for point in points) == len(points) / 2 == 6


@pytest.mark.slow
def test_masks_of_one_acceleration_are_not_averaged(trials: pl.DataFrame, tmp_path: Path) -> None:
    random = trials.with_columns(mask=pl.lit("random"), ssim_region_clean=pl.lit(0.1))
    alone, both = (
        pl.read_csv(features_against_quality(rows, tmp_path / "figure.svg").data)
        for rows in (trials, pl.concat([trials, random]))
    )
    equispaced = both.filter(pl.col("pattern") == "equispaced")
    assert len(both) == 2 * len(alone)
    assert equispaced["mean"].to_list() == alone["mean"].to_list()
