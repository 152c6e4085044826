from pathlib import Path

import polars as pl
import pytest
from matplotlib.figure import Figure

from napari_recon_robust.figures.studies.frame import Lacking
from napari_recon_robust.figures.studies.methods import methods_against_baseline
from napari_recon_robust.statistics import paired

pytestmark = pytest.mark.usefixtures("drawn")


def test_each_method_is_paired_with_total_variation(trials: pl.DataFrame, tmp_path: Path, drawn: list[Figure]) -> None:
    """Where it stands in the table does not matter."""
    turned = trials.sort("method_label", descending=True, maintain_order=True)
    data = pl.read_csv(methods_against_baseline(turned, tmp_path / "methods.svg").data)
    assert set(data["method_label"]) == set(trials["method_label"]) - {"TV"}
    row = data.filter(method_label="VarNet", acceleration=8, value="ssim_foreground_clean").row(0, named=True)
    clean = trials.filter(perturbation="none", acceleration=8).unique(["method_label", "volume", "slice"])
    one, other = (clean.filter(method_label=name).sort("volume", "slice") for name in ("VarNet", "TV"))
    metric = "ssim_foreground_clean"
    found = paired.difference(one[metric], other[metric], one["volume"].to_list())
    assert row["mean"] == pytest.approx(found.mean.value)
    assert (row["low"], row["high"]) == pytest.approx(found.mean.interval)
    assert (row["volumes"], row["count"], row["p"]) == (found.mean.units, found.pairs, found.wilcoxon)
    titles = [axes.get_title() for axes in drawn[0].axes]
    metrics = ("SSIM of the foreground", "SSIM of the regions")
    assert titles == [f"{metric}\n{rate}" for rate in ("R = 4", "R = 8") for metric in metrics]
    names = [label.get_text() for label in drawn[0].axes[0].get_yticklabels()]
    assert names == data["method_label"].unique(maintain_order=True).to_list()
    assert drawn[0].axes[1].get_xlabel() == "SSIM of the regions less that of TV"


def test_centres_of_masks_have_panels_of_their_own(trials: pl.DataFrame, tmp_path: Path, drawn: list[Figure]) -> None:
    """Another centre by which VarNet gains 0.1 left the mean of both under the name of one acceleration."""
    clean = trials.filter(perturbation="none", acceleration=4)
    gain = pl.when(method_label="VarNet").then(0.1).otherwise(0.0)
    wider = clean.with_columns(
        ssim_foreground_clean=pl.col("ssim_foreground_clean") + gain, centre_fraction=pl.lit(0.3)
    )
    both = pl.concat([clean.with_columns(centre_fraction=pl.lit(0.04)), wider])
    data = pl.read_csv(methods_against_baseline(both, tmp_path / "methods.svg").data)
    found = data.filter(method_label="VarNet", value="ssim_foreground_clean")
    assert found["pattern"].to_list() == ["centre_fraction=0.04", "centre_fraction=0.3"]
    assert found["mean"][1] - found["mean"][0] == pytest.approx(0.1)
    titles = [axes.get_title().partition("\n")[2] for axes in drawn[0].axes]
    assert titles == [f"R = 4, centre_fraction={value}" for value in (0.04, 0.04, 0.3, 0.3)]


def test_without_total_variation_the_first_method_is_the_baseline(trials: pl.DataFrame, tmp_path: Path) -> None:
    others = trials.filter(pl.col("method_label") != "TV")
    data = pl.read_csv(methods_against_baseline(others, tmp_path / "methods.svg").data)
    assert others["method_label"][0] not in data["method_label"]
    assert data["baseline"].unique().to_list() == [others["method_label"][0]], "the axis told it, the data did not"


def test_one_method_is_beside_none(trials: pl.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(Lacking, match="one method: give the plan several methods"):
        methods_against_baseline(trials.filter(method_label="TV"), tmp_path / "methods.svg")


def test_a_baseline_that_shares_no_trial_leaves_the_figure_out(trials: pl.DataFrame, tmp_path: Path) -> None:
    """It ended the report."""
    apart = trials.filter((pl.col("method_label") == "TV") == (pl.col("volume") == "head0"))
    with pytest.raises(Lacking, match="No other method has a finished trial that TV has: run the rest"):
        methods_against_baseline(apart, tmp_path / "methods.svg")


def test_total_variation_is_known_by_its_id_whatever_its_label(trials: pl.DataFrame, tmp_path: Path) -> None:
    """An own model called "TV net" was the baseline, and a label of blanks ended in a traceback."""
    labels = {"TV": "classical", "VarNet": "TV net", "U-Net": " "}
    named = trials.with_columns(pl.col("method_label").replace(labels))
    turned = named.sort("method", descending=True, maintain_order=True)
    data = pl.read_csv(methods_against_baseline(turned, tmp_path / "methods.svg").data)
    assert data["baseline"].unique().to_list() == ["classical"]


def test_a_method_that_shares_no_trial_with_the_baseline_is_named(trials: pl.DataFrame, tmp_path: Path) -> None:
    names = set(trials["method_label"]) - {"TV"}
    assert len(names) > 1
    slices = pl.col("slice") + 100 * (pl.col("method_label") == "VarNet")
    words = methods_against_baseline(trials.with_columns(slice=slices), tmp_path / "methods.svg").words
    assert words.endswith("Left out, for no finished trial is shared with TV: VarNet.")
    assert "Left out" not in methods_against_baseline(trials, tmp_path / "methods.svg").words
