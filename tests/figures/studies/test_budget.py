from pathlib import Path

import polars as pl
import pytest
from matplotlib.figure import Figure

from napari_recon_robust.figures.studies.budget import loss_against_budget
from napari_recon_robust.statistics.clustered import mean


def test_the_loss_is_that_of_each_slice_from_its_clean_image(trials: pl.DataFrame, tmp_path: Path) -> None:
    drawn = loss_against_budget(trials, tmp_path / "budget.svg")
    data = pl.read_csv(drawn.data)
    found = data.filter(
        pl.col("value") == "ssim_loss",
        pl.col("method_label") == "TV",
        pl.col("acceleration") == 8,
        pl.col("what") == "region, random noise",
        pl.col("eta") == 2,
    ).row(0, named=True)
    rows = trials.filter(
        pl.col("method_label") == "TV", pl.col("acceleration") == 8, pl.col("control"), pl.col("budget") == 0.02
    )
    expected = mean(rows["ssim_region_clean"] - rows["ssim_region_perturbed"], rows["volume"].to_list())
    assert (found["mean"], (found["low"], found["high"])) == (
        pytest.approx(expected.value),
        pytest.approx(expected.interval),
    )
    kinds = {"region", "region, random noise", "region, AdvRec's algorithm", "whole image"}
    assert set(data["what"]) == kinds


def test_there_is_a_column_of_panels_for_each_acceleration(
    trials: pl.DataFrame, tmp_path: Path, drawn: list[Figure]
) -> None:
    loss_against_budget(trials, tmp_path / "budget.svg")
    assert [axes.get_title() for axes in drawn[0].axes] == ["R = 4", "R = 8", "", ""]
