from pathlib import Path

import polars as pl
import pytest
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from helpers.study_table import with_knobs
from napari_recon_robust.figures.studies.frame import Lacking
from napari_recon_robust.figures.studies.lesions import lesion_detection

pytestmark = pytest.mark.usefixtures("drawn")


@pytest.mark.thorough
def test_lesions_are_parted_by_label_and_by_size(trials: pl.DataFrame, tmp_path: Path, drawn: list[Figure]) -> None:
    data = pl.read_csv(lesion_detection(trials, tmp_path / "lesions.svg").data)
    assert set(data.filter(pl.col("by") == "label")["class"]) == {"lacunar infarct", "mass", "white matter lesion"}
    assert data.filter(pl.col("by") == "size")["class"].n_unique() == 3
    assert drawn[0].axes[1].get_title() == "R = 4, by size (mm²)"
    assert [axes.get_title() for axes in drawn[0].axes if "label" in axes.get_title()] == [
        "R = 4, by label",
        "R = 8, by label",
    ]


@pytest.mark.thorough
def test_attacked_lesions_are_those_of_the_largest_budget(trials: pl.DataFrame, tmp_path: Path) -> None:
    figure = lesion_detection(trials, tmp_path / "lesions.svg")
    data = pl.read_csv(figure.data)
    found = data.filter(
        pl.col("by") == "label",
        pl.col("class") == "mass",
        pl.col("state") == "worst-case algorithm=advrec",
        pl.col("metric") == "detectability",
        pl.col("method_label") == "TV",
        pl.col("acceleration") == 8,
    ).row(0, named=True)
    rows = trials.filter(
        pl.col("budget") == 0.04,
        pl.col("perturbation_knobs").str.contains("advrec"),
        pl.col("region_label") == "mass",
        pl.col("method_label") == "TV",
        pl.col("acceleration") == 8,
    )
    expected = rows.group_by("volume").agg(pl.col("detectability_region_perturbed").mean())
    assert found["mean"] == pytest.approx(expected["detectability_region_perturbed"].mean())
    assert found["kind"] == "quartiles, a spread and no interval"  # two volumes have a mass
    assert set(data["state"]) == {"clean", "worst-case algorithm=ascent", "worst-case algorithm=advrec"}
    assert figure.words.endswith(" Perturbations without a budget are not shown: rotation, noise-level, fnaf.")


@pytest.mark.thorough
def test_settings_without_a_budget_have_a_state_each(trials: pl.DataFrame, tmp_path: Path, drawn: list[Figure]) -> None:
    turned = pl.col("perturbation_knobs").is_in(['{"angle": 1.0}', '{"angle": 4.0}'])
    some = trials.filter(pl.col("perturbation").is_in(["none", "noise-level"]) | turned)
    figure = lesion_detection(some, tmp_path / "lesions.svg")
    assert "not shown" not in figure.words
    data = pl.read_csv(figure.data)
    means = data.filter(pl.col("metric") == "contrast_recovery").group_by("state").agg(pl.col("mean").mean())
    found = dict(means.iter_rows())
    assert found["noise-level"] < found["rotation angle=4"] - 0.05
    assert found["rotation angle=4"] < found["rotation angle=1"] < found["clean"]
    names = [text.get_text() for text in drawn[0].legends[0].get_texts()]
    assert names[-4:] == ["clean", "rotation angle=1", "rotation angle=4", "noise-level"]


@pytest.mark.thorough
def test_regions_without_contrast_are_counted_and_kinds_of_recovery_told(trials: pl.DataFrame, tmp_path: Path) -> None:
    clean = trials.filter(pl.col("perturbation") == "none")
    scans = clean["scan"].unique(maintain_order=True)
    faint = (pl.col("scan") == scans[0]) & (pl.col("slice") == clean["slice"][0])
    some = clean.with_columns(
        region_kind=pl.when(pl.col("scan") == scans[1]).then(pl.lit("lesions")).otherwise(pl.col("region_kind")),
        contrast_recovery_region_clean=pl.when(~faint).then(pl.col("contrast_recovery_region_clean")),
    )
    words = lesion_detection(some, tmp_path / "lesions.svg").words
    assert "Left out: 1 region with less than 5% of contrast in the reference." in words
    assert "Of inserted lesions the recovery is that of their change, of other regions the ratio of contrasts." in words
    assert "Left out" not in lesion_detection(clean, tmp_path / "all.svg").words
    none = clean.with_columns(contrast_recovery_region_clean=pl.lit(None, pl.Float64))
    with pytest.raises(Lacking, match="either each lesion has less than 5% of contrast"):
        lesion_detection(none, tmp_path / "none.svg")


def test_whole_images_are_no_lesions(trials: pl.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(Lacking, match="give the plan regions that are lesions"):
        lesion_detection(trials.with_columns(region_kind=pl.lit("image")), tmp_path / "lesions.svg")


@pytest.mark.thorough
def test_few_sizes_are_classes_of_their_own(trials: pl.DataFrame, tmp_path: Path) -> None:
    two = trials.with_columns(region_mm2=pl.when(pl.col("volume") == "head0").then(20.0).otherwise(50.0))
    data = pl.read_csv(lesion_detection(two, tmp_path / "lesions.svg").data)
    assert set(data.filter(pl.col("by") == "size")["class"]) == {"20", "50"}


@pytest.mark.thorough
def test_many_settings_have_marks_that_differ(trials: pl.DataFrame, tmp_path: Path, drawn: list[Figure]) -> None:
    turned = trials.filter(pl.col("perturbation") == "rotation", pl.col("method_label") == "TV")
    lesion_detection(pl.concat([with_knobs(turned, angle=angle) for angle in range(1, 10)]), tmp_path / "lesions.svg")
    marks = [handle for handle in drawn[0].legends[0].legend_handles if isinstance(handle, Line2D)][1:]
    assert len(marks) == 10
    assert len({(mark.get_fillstyle(), mark.get_markersize(), mark.get_markerfacecolor()) for mark in marks}) == 10
