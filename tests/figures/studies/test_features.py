from pathlib import Path

import polars as pl
import pytest
from matplotlib.figure import Figure

from helpers.study_table import with_knobs
from napari_recon_robust.figures.studies.features import lost_features
from napari_recon_robust.figures.studies.frame import Lacking
from napari_recon_robust.statistics.rates import Rate

pytestmark = pytest.mark.usefixtures("drawn")


@pytest.mark.thorough
def test_rates_are_at_the_published_thresholds_raw_and_scaled(trials: pl.DataFrame, tmp_path: Path) -> None:
    data = pl.read_csv(lost_features(trials, tmp_path / "fnaf.svg").data)
    rows = trials.filter(
        pl.col("perturbation") == "fnaf",
        pl.col("method_label") == "VarNet",
        pl.col("found_for") == "VarNet",
        pl.col("acceleration") == 8,
        pl.col("perturbation_knobs").str.contains("multiplexed"),
    )
    for threshold, factor in (("raw", 1.0), ("scaled to 320²", (192 / 320) ** 2)):
        won = (factor * rows["published_loss"] >= 1e-3) & (factor * rows["input_mse"] >= 1e-4)
        found = data.filter(
            pl.col("method_label") == "VarNet",
            pl.col("acceleration") == 8,
            pl.col("search") == "multiplexed",
            pl.col("threshold") == threshold,
        )
        assert found["mean"].to_list() == [pytest.approx(100 * won.mean())]


@pytest.mark.slow
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


@pytest.mark.slow
def test_panels_without_columns_say_so(trials: pl.DataFrame, tmp_path: Path, drawn: list[Figure]) -> None:
    own = pl.col("found_for") == pl.col("method_label")
    poor = trials.filter((pl.col("perturbation") != "fnaf") | own).drop("feature_row", "image_pixels")
    lost_features(poor, tmp_path / "fnaf.svg")
    words = " ".join(text.get_text() for axes in drawn[0].axes for text in axes.texts)
    assert "no column\nfeature_row" in words
    assert "no trial has another method's feature" in words


@pytest.mark.slow
def test_each_feature_of_the_scatter_and_of_the_map_is_in_the_data(trials: pl.DataFrame, tmp_path: Path) -> None:
    data = pl.read_csv(lost_features(trials, tmp_path / "fnaf.svg").data).filter(pl.col("value") == "feature")
    own = trials.filter(pl.col("perturbation") == "fnaf", pl.col("found_for") == pl.col("method_label"))
    columns = ["method_label", "published_loss", "input_mse", "feature_row", "feature_column", "volume", "slice"]
    assert sorted(data.select(columns).rows()) == sorted(own.select(columns).rows())
    assert "random features" in set(data["search"])


@pytest.mark.thorough
def test_a_feature_without_a_name_was_found_for_its_own_method(trials: pl.DataFrame, tmp_path: Path) -> None:
    own = pl.col("found_for") == pl.col("method_label")
    unnamed = trials.with_columns(found_for=pl.when(~own).then("found_for"))
    named, found = (pl.read_csv(lost_features(one, tmp_path / "fnaf.svg").data) for one in (trials, unnamed))
    assert found.equals(named)


@pytest.mark.slow
def test_a_rate_of_all_or_nothing_has_the_exact_interval(trials: pl.DataFrame, tmp_path: Path) -> None:
    """Student's would have no width."""
    sure = trials.filter(pl.col("perturbation") == "fnaf").with_columns(
        published_loss=pl.lit(1.0), input_mse=pl.lit(1.0), image_pixels=pl.lit(320 * 320)
    )
    data = pl.read_csv(lost_features(sure, tmp_path / "fnaf.svg").data).filter(pl.col("mean") == 100)
    low, high = Rate(5, 5).interval
    assert len(data) > 10
    assert data["low"].to_list() == [pytest.approx(100 * low)] * len(data)
    assert data["high"].to_list() == [pytest.approx(100 * high)] * len(data)


@pytest.mark.slow
def test_images_of_unknown_size_have_raw_rates_alone(trials: pl.DataFrame, tmp_path: Path) -> None:
    unknown = trials.with_columns(image_pixels=pl.lit(None, pl.Float64))
    rates = pl.read_csv(lost_features(unknown, tmp_path / "fnaf.svg").data)["threshold"].drop_nulls()
    assert set(rates) == {"raw"}


def test_features_that_were_searched_for_others_alone_are_lacking(trials: pl.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(Lacking, match="No feature of the table was searched for the method"):
        lost_features(trials.with_columns(found_for=pl.lit("another")), tmp_path / "fnaf.svg")


@pytest.mark.thorough
def test_each_setting_of_a_search_has_a_rate_of_its_own(trials: pl.DataFrame, tmp_path: Path) -> None:
    """All features of 10 pixels pass and none of 4; half of all is the rate of neither."""
    searched = trials.filter(pl.col("perturbation") == "fnaf").with_columns(input_mse=pl.lit(1.0))
    both = [
        with_knobs(searched, size=size).with_columns(published_loss=pl.lit(loss))
        for size, loss in ((10, 1.0), (4, 0.0))
    ]
    data = pl.read_csv(lost_features(pl.concat(both), tmp_path / "fnaf.svg").data)
    rates = data.filter(pl.col("value").is_in(["rate", "transfer"]))
    assert {(search.split("size=")[1], mean) for search, mean in rates.select("search", "mean").iter_rows()} == {
        ("10", 100.0),
        ("4", 0.0),
    }
    assert "random features size=4" in set(rates["search"])


@pytest.mark.thorough
def test_each_acceleration_has_its_rates(trials: pl.DataFrame, tmp_path: Path, drawn: list[Figure]) -> None:
    loss = pl.when(pl.col("acceleration") == 8).then(1.0).otherwise(0.0)
    known = trials.with_columns(published_loss=loss, input_mse=pl.lit(1.0))
    data = pl.read_csv(lost_features(known, tmp_path / "fnaf.svg").data).drop_nulls("mean")
    assert set(data.select("acceleration", "mean").iter_rows()) == {(4.0, 0.0), (8.0, 100.0)}
    titles = [axes.get_title() for axes in drawn[0].axes]
    assert [title.split("\n")[1] for title in titles if "\n" in title] == [
        "R = 4",
        "R = 8",
        "multiplexed, R = 4",
        "multiplexed, R = 8",
    ]


@pytest.mark.slow
def test_a_transfer_stands_beside_the_own_features_of_the_same_search(trials: pl.DataFrame, tmp_path: Path) -> None:
    """Nothing else was tried on other methods, and so random features are no part of its diagonal."""
    multiplexed = pl.col("perturbation_knobs").str.contains("multiplexed")
    known = trials.with_columns(published_loss=pl.when(multiplexed).then(1.0).otherwise(0.0), input_mse=pl.lit(1.0))
    data = pl.read_csv(lost_features(known, tmp_path / "fnaf.svg").data).filter(pl.col("value") == "transfer")
    assert set(data["mean"]) == {100.0}
