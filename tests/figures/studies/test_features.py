from pathlib import Path

import polars as pl
import pytest
from matplotlib.figure import Figure

from napari_recon_robust.figures.studies.features import lost_features
from napari_recon_robust.statistics.rates import Rate


def test_rates_are_at_the_published_thresholds_raw_and_scaled(trials: pl.DataFrame, tmp_path: Path) -> None:
    data = pl.read_csv(lost_features(trials, tmp_path / "fnaf.svg").data)
    rows = trials.filter(
        pl.col("perturbation") == "fnaf",
        pl.col("method_label") == "VarNet",
        pl.col("found_for") == "VarNet",
        pl.col("perturbation_knobs").str.contains("multiplexed"),
    )
    for threshold, factor in (("raw", 1.0), ("scaled to 320²", (192 / 320) ** 2)):
        won = (factor * rows["published_loss"] >= 1e-3) & (factor * rows["input_mse"] >= 1e-4)
        found = data.filter(
            pl.col("method_label") == "VarNet", pl.col("search") == "multiplexed", pl.col("threshold") == threshold
        )
        assert found["mean"].to_list() == [pytest.approx(100 * won.mean())]


def test_one_trial_of_each_volume_has_the_exact_interval(trials: pl.DataFrame, tmp_path: Path) -> None:
    one = trials.filter(
        pl.col("method_label") == "TV",
        pl.col("acceleration") == 4,
        pl.col("perturbation_knobs").str.contains("multiplexed"),
    ).unique("volume")
    words = lost_features(one, tmp_path / "fnaf.svg").words
    won = (one["published_loss"] >= 1e-3) & (one["input_mse"] >= 1e-4)
    low, high = Rate(int(won.sum()), 5).interval
    assert f"(exact {100 * low:.0f} to {100 * high:.0f}%)" in words
    assert "exact" not in lost_features(trials, tmp_path / "fnaf.svg").words


def test_panels_without_columns_say_so(trials: pl.DataFrame, tmp_path: Path, drawn: list[Figure]) -> None:
    own = pl.col("found_for") == pl.col("method_label")
    poor = trials.filter((pl.col("perturbation") != "fnaf") | own).drop("feature_row", "image_pixels")
    lost_features(poor, tmp_path / "fnaf.svg")
    words = " ".join(text.get_text() for axes in drawn[0].axes for text in axes.texts)
    assert "no column\nfeature_row" in words
    assert "no trial has another method's feature" in words
