from pathlib import Path

import polars as pl
import pytest
from matplotlib.figure import Figure

from napari_recon_robust.figures.studies.stability import accuracy_against_stability

pytestmark = pytest.mark.usefixtures("drawn")


@pytest.mark.slow
def test_each_setting_of_a_perturbation_has_its_panel_at_its_strongest(
    trials: pl.DataFrame, tmp_path: Path, drawn: list[Figure]
) -> None:
    data = pl.read_csv(accuracy_against_stability(trials, tmp_path / "figure.svg").data)
    titles = [axes.get_title().split("\n")[0] for axes in drawn[0].axes]
    attacks = [f"worst-case algorithm={name}, η = 4%" for name in ("ascent", "advrec")]
    assert titles == [*attacks, *(f"rotation angle={angle}" for angle in (1, 2, 4)), "noise-level"]
    at_4 = data.filter(pl.col("value") == "loss", pl.col("acceleration") == 4)
    losses = at_4.filter(pl.col("perturbation") == "worst-case algorithm=ascent")
    assert losses.sort("mean")["method_label"][-1] == "VarNet"
    rows = trials.filter(
        pl.col("perturbation_knobs") == '{"angle": 4.0}', pl.col("method_label") == "TV", pl.col("acceleration") == 4
    )
    (found,) = at_4.filter(pl.col("perturbation") == "rotation angle=4", pl.col("method_label") == "TV")["mean"]
    assert found == pytest.approx((rows["ssim_region_clean"] - rows["ssim_region_perturbed"]).mean())


@pytest.mark.slow
def test_two_methods_are_not_ranked(trials: pl.DataFrame, tmp_path: Path, drawn: list[Figure]) -> None:
    two = trials.filter(pl.col("method_label").is_in(["TV", "VarNet"]), pl.col("acceleration") == 4)
    figure = accuracy_against_stability(two, tmp_path / "figure.svg")
    assert drawn[0].axes[0].get_title().split("\n")[1] == "2 methods"
    assert "none is given below 5 methods" in figure.words
    accuracy_against_stability(two.filter(pl.col("method_label") == "TV"), tmp_path / "figure.svg")
    assert drawn[1].axes[0].get_title().split("\n")[1] == "1 method"


@pytest.mark.thorough
def test_masks_of_one_acceleration_are_not_averaged(trials: pl.DataFrame, tmp_path: Path) -> None:
    random = trials.with_columns(mask=pl.lit("random"), ssim_region_perturbed=pl.col("ssim_region_perturbed") - 0.1)
    alone, both = (
        pl.read_csv(accuracy_against_stability(rows, tmp_path / "figure.svg").data)
        for rows in (trials, pl.concat([trials, random]))
    )
    equispaced = both.filter(pl.col("pattern") == "equispaced")
    assert len(both) == 2 * len(alone)
    assert equispaced["mean"].to_list() == alone["mean"].to_list()


def test_an_image_counts_once_however_many_regions_it_has(trials: pl.DataFrame, tmp_path: Path) -> None:
    """A slice with more regions weighed more in the accuracy, and not in the figure of methods."""
    attacked = trials.filter(perturbation="rotation", perturbation_knobs='{"angle": 4.0}', acceleration=4)
    other = attacked.with_columns(
        slice=pl.lit(9, pl.Int64), ssim_foreground_clean=pl.col("ssim_foreground_clean") - 0.3
    )
    more = other.with_columns(region=pl.lit("annotations-2"))
    once, often = (
        pl.read_csv(accuracy_against_stability(rows, tmp_path / "figure.svg").data).filter(
            value="ssim_foreground_clean"
        )
        for rows in (pl.concat([attacked, other]), pl.concat([attacked, other, more]))
    )
    assert often["mean"].to_list() == pytest.approx(once["mean"].to_list())
