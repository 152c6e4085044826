import polars as pl
import pytest

from helpers.study_table import table
from napari_recon_robust.reports.study_words import methods


@pytest.fixture(scope="module")
def trials() -> pl.DataFrame:
    return table(volumes=3, methods=2, slices=2).with_columns(method=pl.col("method").replace({"tv": "tv"}))


def test_the_paragraph_counts_what_was_done(trials: pl.DataFrame) -> None:
    words = methods(trials).paragraph
    assert words.startswith(f"The study has {len(trials):,} trials on 6 slices of 3 volumes.")
    assert (
        "equispaced at a nominal acceleration of 4; equispaced at a nominal acceleration of 8 (mask seeds: 0)" in words
    )
    assert "6 regions of the kind annotations" in words
    assert "Its budgets were 1%, 2%, 4% of the norm of the k-space" in words
    assert "white complex Gaussian noise of the same norm" in words
    assert "Student's t on the means of volumes" in words


def test_the_paragraph_tells_the_centres_of_masks(trials: pl.DataFrame) -> None:
    """Two masks of one acceleration were told as one."""
    least = pl.lit(12, pl.Int64)
    masks = [
        trials.filter(acceleration=4).with_columns(centre_fraction=pl.lit(0.04), minimum_centre_lines=least),
        trials.filter(acceleration=4).with_columns(centre_fraction=pl.lit(0.3), minimum_centre_lines=least - 12),
        trials.filter(acceleration=8).with_columns(
            mask=pl.lit("acquired"),
            acceleration=pl.lit(None, pl.Float64),
            centre_fraction=pl.lit(None, pl.Float64),
            minimum_centre_lines=pl.lit(None, pl.Int64),
        ),
    ]
    of = "equispaced at a nominal acceleration of 4"
    assert (
        f"Sampling was {of}, the central 4%, at least 12 lines, fully sampled; {of}, the central 30% fully sampled; "
        "acquired (mask seeds: 0)."
    ) in methods(pl.concat(masks)).paragraph


def test_the_paragraph_says_against_what_each_method_is_measured(trials: pl.DataFrame) -> None:
    combined = "is the fully sampled image, whose coils were combined by their sensitivities."
    words = methods(trials.with_columns(method=pl.lit("tv"))).paragraph
    assert f"The reference of TV, VarNet {combined}" in words
    assert "whole image compare" not in words
    two = pl.when(pl.col("method_label") == "TV").then(pl.lit("tv")).otherwise(pl.lit("unet"))
    words = methods(trials.with_columns(method=two)).paragraph
    assert f"The reference of TV {combined}" in words
    assert "The reference of VarNet is the root sum of squares of the fully sampled coil images." in words
    assert "figures of the whole image compare methods of one reference alone" in words


def test_the_paragraph_says_that_undersampled_scans_have_no_reference(trials: pl.DataFrame) -> None:
    """It named a fully sampled image of scans that have none."""
    clean = [name for name in trials.columns if name.endswith("_clean")]

    def undersampled(some: pl.Expr) -> str:
        return methods(trials.with_columns(pl.when(~some).then(name).alias(name) for name in clean)).paragraph

    one, every = undersampled(pl.col("scan") == "head0.h5"), undersampled(pl.lit(value=True))
    own = "were measured against each method's own clean image, as no fully sampled one is known."
    assert f"The perturbed images of 1 undersampled scan {own}" in one
    assert "The reference of TV" in one
    assert f"The perturbed images of 3 undersampled scans {own}" in every
    assert "The reference of" not in every
    assert "undersampled scan" not in methods(trials).paragraph


def test_the_table_tells_against_what_an_own_model_is_measured(trials: pl.DataFrame) -> None:
    """Its code is not run for a report."""
    own = trials.with_columns(method=pl.lit("own.py:f"), method_label=pl.lit("My own"))
    assert "The reference of" not in methods(own).paragraph, "tables of earlier versions do not say"
    words = methods(own.with_columns(reference_kind=pl.lit("combined"))).paragraph
    assert "The reference of My own is the fully sampled image, whose coils were combined" in words


def test_failed_trials_are_counted(trials: pl.DataFrame) -> None:
    failed = trials.with_columns(error=pl.when(pl.int_range(pl.len()) < 2).then(pl.lit("it failed.")))
    assert "of which 2 failed and are left out" in methods(failed).paragraph


def test_all_settings_are_listed_and_references_come_from_the_methods(trials: pl.DataFrame) -> None:
    found = methods(trials)
    assert ("TV (method)", "weight = 1.0") in found.settings
    assert ("worst-case (perturbation)", "algorithm = advrec") in found.settings
    for name in ("Morshuis et al. 2022", "Wang et al. 2004", "Clopper and Pearson 1934"):
        assert name in found.paragraph
        assert any(reference.startswith(name) for reference in found.references)


def test_seeds_are_listed_once_and_not_with_each_perturbation(trials: pl.DataFrame) -> None:
    """Each seed of a perturbation repeated all its settings."""
    knobs = pl.col("perturbation_knobs").str.replace('{"', '{"seed":3,"', literal=True)
    seeded = trials.with_columns(perturbation_knobs=knobs, seed=pl.lit(3, pl.Int64))
    one, both = methods(trials).settings, methods(pl.concat([trials, seeded])).settings
    assert both[:-1] == one[:-1]
    assert both[-1] == ("seeds", "0, 3")


def test_a_method_that_is_not_known_here_is_named_by_its_label(trials: pl.DataFrame) -> None:
    assert (
        "reconstructed by My own"
        in methods(trials.with_columns(method=pl.lit("own.py:f"), method_label=pl.lit("My own"))).paragraph
    )


def test_the_settings_tell_what_computed_the_trials(trials: pl.DataFrame) -> None:
    attempts = {
        name: {
            "versions": {"torch": version, "python": "3.11"},
            "libraries": {"polars": "1"},
            "code": "c" * 64,
            "methods": {"TV": {}, "VarNet": {"own.py": "a" * 64, "deepinv": "0.3"}},
        }
        for name, version in (("one", "2.1"), ("two", "2.2"), ("none", "9"))
    }
    of = pl.when(pl.col("volume") == "head0").then(pl.lit("one")).otherwise(pl.lit("two"))
    settings = dict(methods(trials.with_columns(attempt=of), 0, attempts).settings)
    assert settings["VarNet (code and weights)"] == f"varnet: own.py SHA-256 {'a' * 64}, deepinv 0.3"
    assert settings["TV (code and weights)"] == "tv: this package's own"
    assert settings["versions"] == "torch 2.1, python 3.11, polars 1; or torch 2.2, python 3.11, polars 1"
    assert settings["code of this package"] == f"SHA-256 {'c' * 64}"
