from pathlib import Path

import polars as pl
import pytest

from napari_recon_robust.figures.studies.calibration import interval_calibration
from napari_recon_robust.figures.studies.frame import Lacking

pytestmark = pytest.mark.usefixtures("drawn")


@pytest.mark.slow
def test_coverages_are_shown_over_the_levels_that_the_table_has(trials: pl.DataFrame, tmp_path: Path) -> None:
    data = pl.read_csv(interval_calibration(trials, tmp_path / "figure.svg").data)
    assert data["method_label"].unique().to_list() == ["VarNet"]
    assert data["level"].unique().sort().to_list() == [50, 75, 90]
    assert all(abs(mean - level - 2) < 4 for mean, level in data.select("mean", "level").iter_rows())


def test_a_table_without_coverages_says_what_the_plan_lacks(tmp_path: Path) -> None:
    with pytest.raises(Lacking, match="such as posterior, and the metric coverage"):
        interval_calibration(pl.DataFrame({"volume": ["a"]}), tmp_path / "figure.svg")


@pytest.mark.slow
def test_masks_of_one_acceleration_are_not_averaged(trials: pl.DataFrame, tmp_path: Path) -> None:
    random = trials.with_columns(
        mask=pl.lit("random"), coverage_90_foreground_clean=pl.col("coverage_90_foreground_clean") - 0.1
    )
    alone, both = (
        pl.read_csv(interval_calibration(rows, tmp_path / "figure.svg").data)
        for rows in (trials, pl.concat([trials, random]))
    )
    equispaced = both.filter(pl.col("pattern") == "equispaced")
    assert len(both) == 2 * len(alone)
    assert equispaced["mean"].to_list() == alone["mean"].to_list()


def test_an_image_counts_once_however_many_regions_it_has(trials: pl.DataFrame, tmp_path: Path) -> None:
    """A slice with nine regions, of which half of the pixels are held, beside one with one region and all of them."""
    drawn = trials.filter(pl.col("acceleration") == 4).drop_nulls("coverage_90_foreground_clean")
    slices = [
        drawn.with_columns(
            slice=pl.lit(number), region=pl.lit(f"annotations-{region}"), coverage_90_foreground_clean=pl.lit(share)
        )
        for number, share, regions in ((0, 0.5, 9), (1, 1.0, 1))
        for region in range(regions)
    ]
    both = pl.concat(slices)
    data = pl.read_csv(interval_calibration(both, tmp_path / "figure.svg").data).filter(pl.col("level") == 90)
    assert data.select("mean", "count").row(0) == (75.0, 10)
    inserted = both.with_columns(region_kind=pl.lit("lesions"))
    data = pl.read_csv(interval_calibration(inserted, tmp_path / "figure.svg").data).filter(pl.col("level") == 90)
    assert data.select("mean", "count").row(0) == (55.0, 50)
