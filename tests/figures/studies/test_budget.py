from pathlib import Path

import polars as pl
import pytest
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from helpers.study_table import with_knobs
from napari_recon_robust.figures.studies.budget import loss_against_budget
from napari_recon_robust.statistics.clustered import mean

pytestmark = pytest.mark.usefixtures("drawn")


@pytest.mark.slow
def test_the_loss_is_that_of_each_slice_from_its_clean_image(trials: pl.DataFrame, tmp_path: Path) -> None:
    drawn = loss_against_budget(trials, tmp_path / "budget.svg")
    data = pl.read_csv(drawn.data)
    found = data.filter(
        pl.col("value") == "ssim_loss",
        pl.col("method_label") == "TV",
        pl.col("acceleration") == 8,
        pl.col("what") == "region, random noise (control)",
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
    kinds = {"region", "region, random noise (control)", "region, AdvRec's algorithm", "whole image"}
    assert set(data["what"]) == kinds


@pytest.mark.slow
def test_there_is_a_column_of_panels_for_each_acceleration(
    trials: pl.DataFrame, tmp_path: Path, drawn: list[Figure]
) -> None:
    loss_against_budget(trials, tmp_path / "budget.svg")
    assert [axes.get_title() for axes in drawn[0].axes] == ["R = 4", "R = 8", "", ""]


@pytest.mark.slow
def test_the_whole_image_is_seen_within_the_control_where_both_lose_nothing(
    trials: pl.DataFrame, tmp_path: Path, drawn: list[Figure]
) -> None:
    loss_against_budget(trials, tmp_path / "budget.svg")
    lines = drawn[0].axes[0].lines
    control, whole = (
        [number for number, line in enumerate(lines) if line.get_linestyle() == style and line.get_marker() != "None"]
        for style in ("--", ":")
    )
    for below, above in zip(control, whole, strict=True):
        assert below < above, "it is drawn later"
        assert lines[above].get_markersize() < lines[below].get_markersize() - 2
        assert lines[above].get_color() == lines[below].get_color()


@pytest.mark.slow
def test_the_marks_of_a_single_budget_have_room(trials: pl.DataFrame, tmp_path: Path, drawn: list[Figure]) -> None:
    single = trials.filter(pl.col("budget").is_null() | (pl.col("budget") == trials["budget"].max()))
    loss_against_budget(single, tmp_path / "budget.svg")
    for axes in drawn[0].axes:
        left, right = axes.get_xlim()
        assert left == 0
        assert list(axes.get_xticks()) == [0, 100 * single["budget"].max()]
        assert right - axes.dataLim.x1 > 0.04 * right, "the last mark is whole"


@pytest.mark.slow
def test_the_control_is_that_of_our_search_and_an_attack_on_the_whole_image_is_named(
    trials: pl.DataFrame, tmp_path: Path
) -> None:
    control = trials.filter(pl.col("control"))
    more = [
        trials,
        control.with_columns(perturbation_knobs=pl.lit('{"algorithm": "advrec"}'), ssim_region_perturbed=pl.lit(-9.0)),
        trials.filter(pl.col("budget").is_not_null(), ~pl.col("control")).with_columns(
            perturbation_knobs=pl.lit('{"algorithm": "ascent", "region": "image"}')
        ),
    ]
    before, after = (
        pl.read_csv(loss_against_budget(one, tmp_path / "budget.svg").data) for one in (trials, pl.concat(more))
    )
    random = pl.col("what") == "region, random noise (control)"
    assert after.filter(random).equals(before.filter(random))
    assert "region, attack on the whole image" in set(after["what"])


@pytest.mark.thorough
def test_what_was_found_for_another_method_is_left_out(trials: pl.DataFrame, tmp_path: Path) -> None:
    attacks = trials.filter(pl.col("budget").is_not_null())
    foreign = attacks.with_columns(found_for=pl.lit("none of these"), ssim_region_perturbed=pl.lit(-9.0))
    before, after = (
        pl.read_csv(loss_against_budget(one, tmp_path / "budget.svg").data)
        for one in (attacks, pl.concat([attacks, foreign]))
    )
    assert after.equals(before)


@pytest.mark.thorough
def test_other_noise_of_a_budget_is_no_search(trials: pl.DataFrame, tmp_path: Path) -> None:
    attack = pl.col("budget").is_not_null() & ~pl.col("control") & ~pl.col("perturbation_knobs").str.contains("advrec")
    harmless = trials.filter(attack).with_columns(ssim_region_perturbed=pl.col("ssim_region_clean"))
    other = harmless.with_columns(perturbation=pl.lit("random"), perturbation_knobs=pl.lit("{}"))
    alone, beside = (
        pl.read_csv(loss_against_budget(one, tmp_path / "budget.svg").data)
        for one in (trials, pl.concat([trials, other]))
    )
    assert beside.filter(pl.col("what") != "region, random").equals(alone)
    losses = beside.filter(pl.col("what") == "region, random", pl.col("value") == "ssim_loss")
    assert losses["mean"].to_list() == [0] * len(losses)


@pytest.mark.slow
def test_each_setting_of_a_search_has_a_line_of_its_own(
    trials: pl.DataFrame, tmp_path: Path, drawn: list[Figure]
) -> None:
    """One step loses nothing and twenty lose 0.122; their mean, 0.061, is of neither."""
    attack = trials.filter(pl.col("budget") == 0.04, ~pl.col("perturbation_knobs").str.contains("advrec"))
    losses = {1: 0.0, 20: 0.122}
    both = [
        with_knobs(attack, steps=steps).with_columns(ssim_region_perturbed=pl.col("ssim_region_clean") - loss)
        for steps, loss in losses.items()
    ]
    data = pl.read_csv(loss_against_budget(pl.concat(both), tmp_path / "budget.svg").data)
    for steps, loss in losses.items():
        found = data.filter(pl.col("what") == f"region steps={steps}", pl.col("value") == "ssim_loss")["mean"]
        assert found.to_list() == [pytest.approx(loss)] * 12
    names = [text.get_text() for text in drawn[0].legends[0].get_texts()]
    assert {"region steps=1", "region steps=20", "region, random noise (control) steps=1"} < set(names)


@pytest.mark.slow
def test_without_a_search_the_random_noise_beside_each_kind_is_its_own(
    trials: pl.DataFrame, tmp_path: Path, drawn: list[Figure]
) -> None:
    control = trials.filter(pl.col("control")).with_columns(perturbation_knobs=pl.lit("{}"))
    kinds = [
        control.with_columns(
            perturbation=pl.lit(kind), control=on, ssim_region_perturbed=pl.col("ssim_region_clean") - loss
        )
        for kind, loss in (("targeted", 0.1), ("random", 0.3))
        for on in (pl.lit(True), pl.lit(False))
    ]
    data = pl.read_csv(loss_against_budget(pl.concat(kinds), tmp_path / "budget.svg").data)
    losses = data.filter(pl.col("value") == "ssim_loss").group_by("what").agg(pl.col("mean").mean().round(9))
    assert dict(losses.iter_rows()) == {
        "region, targeted": 0.1,
        "region, random": 0.3,
        "region, random noise (control) beside targeted": 0.1,
        "region, random noise (control) beside random": 0.3,
    }
    marks = {handle.get_label(): handle for handle in drawn[0].legends[0].legend_handles if isinstance(handle, Line2D)}
    noise = [marks[f"region, random noise (control) beside {kind}"] for kind in ("targeted", "random")]
    assert noise[0].get_marker() != noise[1].get_marker()
    alone = pl.read_csv(loss_against_budget(pl.concat(kinds[:2]), tmp_path / "budget.svg").data)
    assert set(alone["what"]) == {"region, targeted", "region, random noise (control)"}


@pytest.mark.slow
def test_masks_of_one_acceleration_have_panels_of_their_own(
    trials: pl.DataFrame, tmp_path: Path, drawn: list[Figure]
) -> None:
    worse = trials.with_columns(mask=pl.lit("random"), ssim_region_perturbed=pl.col("ssim_region_perturbed") - 0.1)
    data = pl.read_csv(loss_against_budget(pl.concat([trials, worse]), tmp_path / "budget.svg").data)
    losses = data.filter(pl.col("value") == "ssim_loss", pl.col("what") == "region").sort("method_label", "eta")
    first, second = (
        losses.filter(pl.col("pattern") == pattern).sort("method_label", "acceleration", "eta")["mean"]
        for pattern in ("equispaced", "random")
    )
    assert (second - first).to_list() == [pytest.approx(0.1)] * len(first)
    titles = [axes.get_title() for axes in drawn[0].axes if axes.get_title()]
    assert titles == [f"R = {rate}, {pattern}" for rate in (4, 8) for pattern in ("equispaced", "random")]


@pytest.mark.slow
def test_many_methods_stay_near_their_budget(trials: pl.DataFrame, tmp_path: Path, drawn: list[Figure]) -> None:
    more = trials.with_columns(method_label=pl.col("method_label") + " at another weight")
    loss_against_budget(pl.concat([trials, more]), tmp_path / "budget.svg")
    assert drawn[0].axes[0].dataLim.x1 < 4.3
