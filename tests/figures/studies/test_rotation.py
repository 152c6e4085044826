from pathlib import Path

import polars as pl
import pytest

from helpers.study_table import with_knobs
from napari_recon_robust.figures.studies.rotation import quality_against_rotation

pytestmark = pytest.mark.usefixtures("drawn")


@pytest.mark.slow
def test_the_curve_begins_at_the_clean_image_and_shows_the_fully_sampled_image(
    trials: pl.DataFrame, tmp_path: Path
) -> None:
    data = pl.read_csv(quality_against_rotation(trials, tmp_path / "rotation.svg").data)
    worst = data.filter(pl.col("what") == "worst pose", pl.col("method_label") == "TV", pl.col("acceleration") == 4)
    assert worst["knob_angle"].to_list() == [1, 2, 4, 0]
    floor = data.filter(pl.col("what") == "fully sampled", pl.col("knob_angle") == 4)
    assert floor["mean"].round(6).unique().to_list() == [0.982]


@pytest.mark.slow
def test_what_the_table_does_not_know_is_said(trials: pl.DataFrame, tmp_path: Path) -> None:
    poor = trials.drop("floor_ssim_region_perturbed", "worst_angle")
    assert "does not say what turning back" in quality_against_rotation(poor, tmp_path / "rotation.svg").words


@pytest.mark.slow
def test_each_shift_has_a_line_of_its_own(trials: pl.DataFrame, tmp_path: Path) -> None:
    turned = trials.filter(pl.col("perturbation") == "rotation", pl.col("acceleration") == 4)
    levels = {0: 0.842, 4: 0.442}
    both = [
        with_knobs(turned, shift=shift).with_columns(ssim_region_perturbed=pl.lit(level))
        for shift, level in levels.items()
    ]
    data = pl.read_csv(quality_against_rotation(pl.concat(both), tmp_path / "rotation.svg").data)
    for shift, level in levels.items():
        found = data.filter(pl.col("what") == f"worst pose shift={shift}", pl.col("knob_angle") > 0)["mean"]
        assert found.to_list() == [pytest.approx(level)] * 18
    assert set(data.filter(pl.col("value") == "share")["what"]) == {"worst angle shift=0", "worst angle shift=4"}


@pytest.mark.slow
def test_a_clean_image_counts_once_however_many_angles_there_are(trials: pl.DataFrame, tmp_path: Path) -> None:
    drawn = quality_against_rotation(trials, tmp_path / "rotation.svg")
    assert set(pl.read_csv(drawn.data).filter(pl.col("knob_angle") == 0)["count"]) == {5}
    assert "a mean over all angles and masks" in drawn.words


@pytest.mark.slow
def test_a_shift_alone_is_no_clean_image_and_has_no_worst_angle(trials: pl.DataFrame, tmp_path: Path) -> None:
    turned = trials.filter(pl.col("perturbation") == "rotation")
    moved = turned.with_columns(
        perturbation_knobs=pl.lit('{"angle": 0.0, "shift": 4.0}'), worst_angle=0.0, ssim_region_perturbed=pl.lit(0.3)
    )
    data = pl.read_csv(quality_against_rotation(moved, tmp_path / "rotation.svg").data)
    assert data.filter(pl.col("what") == "worst pose")["mean"].to_list() == [pytest.approx(0.3)] * 12
    assert set(data["what"]) == {"worst pose", "fully sampled"}
