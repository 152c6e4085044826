import re
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from napari_recon_robust.figures.studies import frame
from napari_recon_robust.figures.studies.result_table import write_results
from napari_recon_robust.studies.columns import DOMAIN
from napari_recon_robust.studies.difference import method_difference


def test_each_mean_is_that_of_the_figures_with_its_interval_and_n(trials: pl.DataFrame, tmp_path: Path) -> None:
    found = write_results(trials, tmp_path)
    assert found is not None
    clean, perturbed = found.tables
    assert clean.heads[:4] == ("R", "method", "n", "SSIM")
    assert [row[:2] for row in clean.rows[:2]] == [("4", name) for name in frame.names_of(trials["method_label"])[:2]]
    rows = frame.first_of_each_image(trials.filter(pl.col("acceleration") == 4, pl.col("method_label") == "TV"))
    expected = frame.summarise(rows, ["method_label"], "ssim_foreground_clean", (-1.0, 1.0)).row(0, named=True)
    (row,) = (row for row in clean.rows if row[:2] == ("4", "TV"))
    assert row[3] == "{mean:.4f} [{low:.4f}, {high:.4f}]".format(**expected)
    assert row[2] == "5"
    attacked = dict(zip(perturbed.heads, next(row for row in perturbed.rows if row[3]), strict=True))
    assert float(attacked["η (%)"]) > 0
    assert attacked["SSIM lost"] != attacked["to random noise"] != ""
    assert {"attack rate (%)", "contrast recovery"} <= set(perturbed.heads)
    exact = "Attack rates of 0 or 100% in each volume have the exact interval"
    assert exact in found.words
    without = write_results(trials.drop("published_loss"), tmp_path / "without")
    assert without is not None
    assert exact not in without.words


def test_the_tables_are_written_in_three_formats(trials: pl.DataFrame, tmp_path: Path) -> None:
    found = write_results(trials, tmp_path / "new")
    assert found is not None
    texts = {suffix: (tmp_path / "new" / f"results.{suffix}").read_text() for suffix in ("csv", "md", "tex")}
    assert texts == found.texts
    data = pl.read_csv(texts["csv"].encode())
    assert {"method_label", "perturbation", "budget", "value", *frame.MEAN} <= set(data.columns)
    assert texts["md"].count("\n|---") == 2
    assert texts["tex"].count(r"\begin{tabular}") == 2
    assert r"$\eta$ (\%)" in texts["tex"]


def test_starts_and_domains_have_rows_and_few_volumes_no_interval(trials: pl.DataFrame, tmp_path: Path) -> None:
    some = trials.filter(pl.col("volume").is_in(["head0", "head1"]), pl.col("acceleration") == 4)
    some = some.with_columns(
        pl.when(pl.col("volume") == "head0").then(pl.lit("in")).otherwise(pl.lit("3 T")).alias(DOMAIN),
        start_ssim_foreground_clean=pl.when(pl.col("method_label") == "DIP").then(0.5),
    )
    found = write_results(some, tmp_path)
    assert found is not None
    clean = found.tables[0]
    assert clean.heads[:3] == ("domain", "R", "method")
    assert {row[0] for row in clean.rows} == {"in", "3 T"}
    (start,) = (row for row in clean.rows if row[:3] == ("in", "4", "DIP (start)"))
    assert start[3:] == ("1", "0.5000", *[""] * (len(clean.heads) - 5))
    assert "domains of scans" not in found.words
    assert not re.search(r"\[[\d.]", found.texts["md"])


@pytest.mark.parametrize("failed", [True, False])
def test_a_study_that_measured_nothing_has_no_tables(failed: bool, trials: pl.DataFrame, tmp_path: Path) -> None:
    some = (
        trials.with_columns(error=pl.lit("it is cut off."))
        if failed
        else trials.select(
            name for name in trials.columns if trials[name].dtype != pl.Float64 or name in ("acceleration", "budget")
        )
    )
    assert write_results(some, tmp_path) is None
    assert not list(tmp_path.iterdir())


def test_undersampled_scans_are_apart_since_their_images_are_measured_against_their_own(
    trials: pl.DataFrame, tmp_path: Path
) -> None:
    """Their SSIM of nearly 1 lifted the mean of perturbed images above that of the clean ones."""
    undersampled = pl.col("volume") == "head0"
    of_truth = ("_clean", "contrast_recovery_region_perturbed", "detectability_region_perturbed")
    both = trials.with_columns(
        *(pl.when(~undersampled).then(name).alias(name) for name in trials.columns if name.endswith(of_truth)),
        ssim_foreground_perturbed=pl.when(undersampled).then(0.9996).otherwise("ssim_foreground_perturbed"),
    )
    found, whole = write_results(both, tmp_path), write_results(trials.filter(~undersampled), tmp_path / "whole")
    assert found is not None
    assert whole is not None
    perturbed, expected = found.tables[1], whole.tables[1]
    place, ssim = (perturbed.heads.index(head) for head in ("measured against", "SSIM of the foreground"))
    rows = [row for row in perturbed.rows if row[place] == "fully sampled image"]
    assert tuple((*row[:place], *row[place + 1 :]) for row in rows) == expected.rows
    assert {row[ssim] for row in perturbed.rows if row not in rows} == {"0.9996"}
    assert "Undersampled scans have rows of their own" in found.words
    assert "measured against" not in expected.heads
    assert "Undersampled" not in whole.words

    alone = write_results(both.filter(undersampled), tmp_path / "alone")
    assert alone is not None
    assert "measured against" in alone.tables[-1].heads
    place = alone.tables[-1].heads.index("measured against")
    assert {row[place] for row in alone.tables[-1].rows} == {"clean image"}, "the attack rate's target too"


@pytest.mark.parametrize("undersampled", [False, True])
def test_a_table_read_from_csv_gives_the_same_although_empty_columns_have_no_type_there(
    undersampled: bool, trials: pl.DataFrame, tmp_path: Path
) -> None:
    starts = {"start_ssim_foreground_clean": pl.Float64, "published_loss": pl.Float64, "input_mse": pl.Float64}
    emptied = {name: pl.Float64 for name in trials.columns if undersampled and name.endswith("_clean")} | starts
    trials = trials.with_columns(pl.lit(None, kind).alias(name) for name, kind in emptied.items())
    trials.write_csv(tmp_path / "table.csv")
    again = pl.read_csv(tmp_path / "table.csv", infer_schema_length=None)
    assert again["published_loss"].dtype == pl.String
    known, found = write_results(trials, tmp_path / "known"), write_results(again, tmp_path / "found")
    assert known is not None
    assert found is not None
    assert found.texts == known.texts
    one, other = (method_difference(each, "TV") for each in (trials, again))
    assert_frame_equal(one, other, check_dtypes=False)
