from pathlib import Path

import polars as pl
import pytest

from napari_recon_robust.figures.studies.rotation import quality_against_rotation


@pytest.mark.slow
def test_the_curve_begins_at_the_clean_image_and_shows_what_interpolation_costs(
    trials: pl.DataFrame, tmp_path: Path
) -> None:
    data = pl.read_csv(quality_against_rotation(trials, tmp_path / "rotation.svg").data)
    worst = data.filter(pl.col("what") == "worst pose", pl.col("method_label") == "TV", pl.col("acceleration") == 4)
    assert worst["knob_angle"].to_list() == [1, 2, 4, 0]
    floor = data.filter(pl.col("what") == "interpolation alone", pl.col("knob_angle") == 4)
    assert floor["mean"].round(6).unique().to_list() == [0.982]


@pytest.mark.slow
def test_what_the_table_does_not_know_is_said(trials: pl.DataFrame, tmp_path: Path) -> None:
    poor = trials.drop("floor_ssim_region_perturbed", "worst_angle")
    assert "does not say what interpolation" in quality_against_rotation(poor, tmp_path / "rotation.svg").words
