import re
from pathlib import Path

import polars as pl
import pytest

from napari_recon_robust.figures.studies.all_figures import FIGURES, draw_all
from napari_recon_robust.studies.columns import CLEAN


@pytest.mark.thorough
def test_a_study_with_everything_gives_every_figure(trials: pl.DataFrame, tmp_path: Path) -> None:
    found = draw_all(trials, tmp_path)
    assert found.lacking == {}
    assert list(found.drawn) == list(FIGURES)
    for name, drawn in found.drawn.items():
        assert drawn.path == tmp_path / f"{name}.svg"
        page = re.search(rb"/MediaBox \[ ?0 0 ([\d.]+) ", drawn.path.with_suffix(".pdf").read_bytes())
        assert page is not None
        assert float(page[1]) / 72 == pytest.approx(3.5) or float(page[1]) / 72 == pytest.approx(7.1)  # inches
        assert {"mean", "low", "high", "kind", "volumes", "count"} <= set(pl.read_csv(drawn.data).columns)


@pytest.mark.thorough
@pytest.mark.usefixtures("drawn")
def test_no_interval_of_an_ssim_reaches_beyond_one(trials: pl.DataFrame, tmp_path: Path) -> None:
    scores = [name for name in trials.columns if name.startswith("ssim")]
    near = pl.col("volume").replace_strict({"head0": 0.9, "head1": 0.95, "head2": 0.999}, default=None)
    three = trials.filter(pl.col("volume").is_in(["head0", "head1", "head2"]))
    for drawn in draw_all(three.with_columns(near.alias(name) for name in scores), tmp_path).drawn.values():
        data = pl.read_csv(drawn.data, infer_schema_length=None)
        of_ssim = data.filter(pl.col("value").str.contains("^ssim_.*clean$|^ssim$|^score$"))
        assert of_ssim.filter(pl.col("high") > 1).is_empty()


@pytest.mark.thorough
@pytest.mark.usefixtures("drawn")
def test_scans_on_which_knobs_are_tuned_are_in_no_figure(trials: pl.DataFrame, tmp_path: Path) -> None:
    some = trials.filter(pl.col("method_label").is_in(["TV", "VarNet"]), pl.col("acceleration") == 4)
    domain = pl.when(pl.col("volume") == "head0").then(pl.lit("tuning")).otherwise(pl.lit("in"))
    found = draw_all(some.with_columns(label_domain=domain, region_label=pl.lit("mass")), tmp_path)
    assert list(found.drawn) == list(FIGURES)
    volumes = {name: pl.read_csv(drawn.data)["volumes"].max() for name, drawn in found.drawn.items()}
    assert volumes == dict.fromkeys(FIGURES, 4)


@pytest.mark.thorough
@pytest.mark.usefixtures("drawn")
def test_clean_trials_of_one_volume_say_what_the_other_figures_lack(trials: pl.DataFrame, tmp_path: Path) -> None:
    clean = trials.filter(pl.col("perturbation") == CLEAN, pl.col("volume") == "head0")
    found = draw_all(clean.drop([name for name in clean.columns if name.startswith("coverage")]), tmp_path)
    assert list(found.drawn) == ["methods", "lesions", "shifts", "small-features"]
    assert "give the plan a perturbation with budgets" in found.lacking["Loss against the budget"]
    assert "the perturbation rotation" in found.lacking["Quality against rotation"]
    assert "such as posterior, and the metric coverage" in found.lacking["Calibration of posterior intervals"]
    assert "a spread and no interval" in found.drawn["small-features"].words
