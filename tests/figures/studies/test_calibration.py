from pathlib import Path

import polars as pl
import pytest

from napari_recon_robust.figures.studies.calibration import interval_calibration
from napari_recon_robust.figures.studies.frame import Lacking


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
