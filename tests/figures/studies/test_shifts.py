from pathlib import Path

import polars as pl
import pytest
from matplotlib.figure import Figure

from napari_recon_robust.figures.studies import shifts
from napari_recon_robust.figures.studies.frame import Lacking
from napari_recon_robust.figures.studies.shifts import inside_against_outside
from napari_recon_robust.ground.errors import InputError

pytestmark = pytest.mark.usefixtures("drawn")


@pytest.mark.slow
def test_each_shift_has_its_panel_with_line_gap_and_counts(
    trials: pl.DataFrame, tmp_path: Path, drawn: list[Figure]
) -> None:
    inside_against_outside(trials, tmp_path / "shifts.svg")
    titles = [axes.get_title() for axes in drawn[0].axes[:5]]
    turns = [f"rotation angle={angle}" for angle in (1, 2, 4)]
    assert [title.split(":")[0] for title in titles] == ["R = 4 to 8", *turns, "noise level"]
    axes = drawn[0].axes
    assert (axes[0].get_xlabel(), axes[0].get_ylabel()) == ("SSIM at R = 4", "SSIM at R = 8")
    assert (axes[1].get_xlabel(), axes[1].get_ylabel()) == ("SSIM of clean images", "SSIM under rotation")
    assert "distribution" not in drawn[0].get_suptitle(), "no scan is from another one"
    assert all("6 methods, 5 volumes\nR² " in title and "gap 0.0" in title and "[" in title for title in titles)


@pytest.mark.slow
def test_scans_of_another_domain_are_a_shift_and_those_for_tuning_choose_the_knobs(
    trials: pl.DataFrame, tmp_path: Path
) -> None:
    domains = {"head0": "tuning", "head1": "in", "head2": "in", "head3": "in", "head4": "other scanner"}
    twice = trials.filter(pl.col("acceleration") == 4, pl.col("perturbation") == "none").with_columns(
        label_domain=pl.col("volume").replace(domains)
    )
    worse = twice.with_columns(
        method_label=pl.lit("worse ") + pl.col("method_label"),
        ssim_foreground_clean=pl.col("ssim_foreground_clean") - 0.1,
    )
    data = pl.read_csv(inside_against_outside(pl.concat([twice, worse]), tmp_path / "shifts.svg").data)
    assert set(data["shift"]) == {"other scanner"}
    assert set(data["method_label"]) == set(trials["method_label"])
    assert dict(data.group_by("side").agg(pl.col("volumes").max()).iter_rows()) == {"in": 3, "out": 1}


def test_scans_of_another_domain_are_in_no_other_shift(trials: pl.DataFrame, tmp_path: Path) -> None:
    domains = {f"head{number}": "in" for number in range(4)} | {"head4": "other scanner"}
    labelled = trials.with_columns(label_domain=pl.col("volume").replace_strict(domains), chosen=pl.lit("both"))
    data = pl.read_csv(inside_against_outside(labelled, tmp_path / "shifts.svg", proxy="CG-SENSE").data)
    others = data.filter(~pl.col("shift").str.starts_with("other scanner"))
    assert {"slices filtered by a proxy, R = 8", "R = 4 to 8", "noise level", "rotation angle=4"} < set(others["shift"])
    assert others["volumes"].max() == 4
    assert others.filter(pl.col("shift") == "noise level")["volumes"].to_list() == [4] * 10


@pytest.mark.slow
def test_filtered_slices_are_the_worst_of_a_proxy_that_is_not_compared(trials: pl.DataFrame, tmp_path: Path) -> None:
    drawn = inside_against_outside(trials, tmp_path / "shifts.svg", proxy="CG-SENSE")
    data = pl.read_csv(drawn.data)
    assert "CG-SENSE" not in set(data["method_label"])
    clean = trials.filter(pl.col("perturbation") == "none")
    scores = clean.group_by("volume", "method_label").agg(pl.col("ssim_foreground_clean").mean())
    worst = scores.filter(pl.col("method_label") == "CG-SENSE").sort("ssim_foreground_clean")["volume"][0]
    found, expected = (
        data.filter(pl.col("shift") == "filtered slices (proxy: CG-SENSE), R = 8", pl.col("side") == "out"),
        clean.filter(pl.col("volume") == worst, pl.col("acceleration") == 8).select(scores.columns),
    )
    of = {name: score for _, name, score in expected.iter_rows()}
    assert {name: pytest.approx(mean) for name, mean in found.select("method_label", "mean").iter_rows()} == {
        name: of[name] for name in set(data["method_label"])
    }
    assert "random slices (proxy: CG-SENSE), R = 4" in set(data["shift"])
    with pytest.raises(InputError, match="'none of them' is no method"):
        inside_against_outside(trials, tmp_path / "shifts.svg", proxy="none of them")


@pytest.mark.slow
def test_slices_that_the_plan_filtered_are_a_shift_and_no_others_hold_them(
    trials: pl.DataFrame, tmp_path: Path
) -> None:
    kinds = {"head0": "filtered", "head1": "both", "head2": "random", "head3": "random", "head4": "random"}
    marked = trials.with_columns(chosen=pl.col("volume").replace_strict(kinds))
    data = pl.read_csv(inside_against_outside(marked, tmp_path / "shifts.svg").data)
    volumes = {(shift, side): count for shift, side, count in data.select("shift", "side", "volumes").iter_rows()}
    assert volumes["slices filtered by a proxy, R = 4", "out"] == 2
    assert (
        volumes["slices filtered by a proxy, R = 4", "in"]
        == volumes["R = 4 to 8", "in"]
        == volumes["rotation angle=4", "out"]
        == 4
    )


@pytest.mark.slow
def test_filtered_and_random_slices_of_the_same_volumes_are_resampled_together(
    trials: pl.DataFrame, tmp_path: Path, drawn: list[Figure]
) -> None:
    """Each volume has a filtered slice that is 0.05 worse for all methods, so that the gap is known to a hair."""
    clean = trials.filter(pl.col("acceleration") == 4, pl.col("perturbation") == "none")
    random = clean.with_columns(chosen=pl.lit("random"))
    filtered = random.with_columns(
        chosen=pl.lit("filtered"),
        slice=pl.col("slice") + 1,
        ssim_foreground_clean=pl.col("ssim_foreground_clean") - 0.05,
    )
    inside_against_outside(pl.concat([random, filtered.reverse()]), tmp_path / "shifts.svg")
    without = filtered.filter(pl.col("volume") != "head0")
    inside_against_outside(pl.concat([random, without.reverse()]), tmp_path / "shifts.svg")
    titles = [figure.axes[0].get_title() for figure in drawn]
    assert titles[0].startswith("slices filtered by a proxy: 6 methods, 5 volumes\n")
    assert titles[0].endswith("gap 0.05"), "which all volumes agree in"
    line = " ".join(titles[-1].split())
    assert line.startswith("slices filtered by a proxy: 6 methods, 5 and 4 volumes, 4 of both R² ")


@pytest.mark.slow
def test_a_method_that_fails_on_hard_volumes_has_the_same_volumes_on_both_sides(
    trials: pl.DataFrame, tmp_path: Path, drawn: list[Figure]
) -> None:
    clean = trials.filter(pl.col("perturbation") == "none")
    hard = (pl.col("method_label") == "TV") & (pl.col("acceleration") == 8) & pl.col("volume").is_in(["head0", "head1"])
    found = inside_against_outside(clean.filter(~hard), tmp_path / "shifts.svg")
    data = pl.read_csv(found.data).filter(pl.col("method_label") == "TV")
    easy = clean.filter(pl.col("method_label") == "TV", ~pl.col("volume").is_in(["head0", "head1"]))
    means = {
        "in" if rate == 4 else "out": part["ssim_foreground_clean"].mean()
        for (rate,), part in easy.group_by("acceleration")
    }
    assert {side: mean for side, mean in data.select("side", "mean").iter_rows()} == pytest.approx(means)
    assert "Trials are missing of TV (3 of 5 volumes)" in found.words
    assert "Lines leave out the methods that lack a volume." in found.words
    assert drawn[0].axes[0].get_title().startswith("R = 4 to 8: 5 of 6 methods, 5 volumes\n")


@pytest.mark.slow
def test_training_on_the_slice_closes_a_share_of_the_gap(trials: pl.DataFrame, tmp_path: Path) -> None:
    """DIP trains CG-SENSE on the slice, and is 0.02 above it; VarNet, which stands for training there, is 0.09."""
    words = inside_against_outside(trials, tmp_path / "shifts.svg", trained_there={"DIP": "VarNet"}).words
    assert "R = 4 to 8: DIP closes 2" in words
    assert "R = 4 to 8: DIP has 0.01" in words
    assert "more SSIM than CG-SENSE" in words
    with pytest.raises(InputError, match="'TV' trains no network"):
        inside_against_outside(trials, tmp_path / "shifts.svg", trained_there={"TV": "VarNet"})


@pytest.mark.parametrize(
    ("gains", "words"),
    [
        ((0.02, 0.025, 0.03, 0.02, 0.025), "DIP has 0.024 [0.019, 0.029] more SSIM than CG-SENSE."),
        ((-0.02, -0.025, -0.03, -0.02, -0.025), "DIP has 0.024 [0.019, 0.029] less SSIM than CG-SENSE."),
        ((0.02, -0.02, 0.03, -0.03, 0.01), "the SSIM of DIP less that of CG-SENSE is 0.002 [−0.030, 0.034]."),
        ((0.02, 0.025), "the SSIM of DIP less that of CG-SENSE is 0.0225."),
    ],
)
def test_training_on_the_slice_gains_or_loses_only_what_the_interval_tells(
    gains: tuple[float, ...], words: str
) -> None:
    rows = [
        {"volume": f"{volume}", "scan": f"{volume}", "slice": 0, "method": id, "method_label": id, "knob_network": base}
        | {"score": 0.8 + gain * (id == "DIP")}
        for volume, gain in enumerate(gains)
        for id, base in (("DIP", "CG-SENSE"), ("CG-SENSE", None))
    ]
    there = pl.DataFrame(rows, infer_schema_length=None)
    assert shifts._gained(shifts.Shift("Q", there, there)) == [f"Q: {words}"]


def test_methods_are_compared_at_the_same_setting_of_a_perturbation(trials: pl.DataFrame, tmp_path: Path) -> None:
    """More noise takes 0.2 from every method, and so what training on the slice gains stays as it was."""
    one = trials.filter(
        pl.col("perturbation") == "noise-level", pl.col("method_label").is_in(["DIP", "CG-SENSE", "TV"])
    )
    more = one.with_columns(
        perturbation_knobs=pl.lit('{"factor": 4.0}'),
        ssim_foreground_perturbed=pl.col("ssim_foreground_perturbed") - 0.2,
    )
    both = pl.concat([one, more.reverse()])
    said = [
        [part for part in inside_against_outside(rows, tmp_path / "shifts.svg").words.split(": ") if "DIP has" in part]
        for rows in (one, both)
    ]
    assert said[0][-1].split(" [")[0] == said[1][-1].split(" [")[0]


@pytest.mark.slow
def test_each_network_that_trains_on_the_slice_is_kept_when_knobs_are_chosen(
    trials: pl.DataFrame, tmp_path: Path
) -> None:
    domains = {"head0": "tuning", "head1": "in", "head2": "in", "head3": "in", "head4": "other scanner"}
    trained = trials.filter(pl.col("method_label") == "DIP").with_columns(
        knobs=pl.lit('{"network": "tv", "weight": 1.0}'), method_label=pl.lit("DIP of TV")
    )
    both = pl.concat([trials, trained]).with_columns(label_domain=pl.col("volume").replace(domains))
    data = pl.read_csv(inside_against_outside(both, tmp_path / "shifts.svg").data)
    assert {"DIP", "DIP of TV"} <= set(data["method_label"])


def test_one_acceleration_and_domain_give_no_shift(trials: pl.DataFrame, tmp_path: Path) -> None:
    some = trials.filter(pl.col("acceleration") == 4, pl.col("perturbation") == "none")
    with pytest.raises(Lacking, match="There is no shift"):
        inside_against_outside(some, tmp_path / "shifts.svg")


def test_slices_that_were_all_filtered_have_none_beside_them_and_give_no_shift(
    trials: pl.DataFrame, tmp_path: Path
) -> None:
    with pytest.raises(Lacking, match="no shift in the table"):
        inside_against_outside(trials.with_columns(chosen=pl.lit("filtered")), tmp_path / "shifts.svg")


@pytest.mark.slow
def test_masks_and_accelerations_of_a_shift_of_scans_are_not_averaged(
    trials: pl.DataFrame, tmp_path: Path, drawn: list[Figure]
) -> None:
    """Another scanner takes 0.1 at R = 4, 0.2 at R = 8, and as much again under random lines."""
    clean = trials.filter(pl.col("perturbation") == "none").with_columns(label_domain=pl.lit("in"))
    gap = pl.col("acceleration") / 40
    abroad = clean.with_columns(
        label_domain=pl.lit("scanner"),
        scan=pl.lit("far ") + pl.col("scan"),
        ssim_foreground_clean=pl.col("ssim_foreground_clean") - gap,
    )
    random = abroad.with_columns(mask=pl.lit("random"), ssim_foreground_clean=pl.col("ssim_foreground_clean") - gap)
    both = pl.concat([clean, abroad, clean.with_columns(mask=pl.lit("random")), random])
    words = inside_against_outside(both, tmp_path / "shifts.svg").words
    titles = [axes.get_title() for axes in drawn[0].axes]
    gaps = {title.split(":")[0]: float(title.split("gap ")[1].split(" [")[0]) for title in titles if "scanner" in title}
    assert gaps == {
        "scanner, R = 4, equispaced": 0.1,
        "scanner, R = 8, equispaced": 0.2,
        "scanner, R = 4, random": 0.2,
        "scanner, R = 8, random": 0.4,
    }
    assert words.startswith("Each mean: 5 volumes, 5 trials; bars: 95% interval over volumes. Lines")


def test_an_image_counts_once_on_both_sides_of_a_shift_however_many_regions_it_has(
    trials: pl.DataFrame, tmp_path: Path
) -> None:
    clean = trials.filter(pl.col("perturbation") == "none", pl.col("volume") != "head0")
    again = clean.filter(pl.col("volume") == "head1").with_columns(region=pl.lit("annotations-2"))
    alone, both = (
        pl.read_csv(inside_against_outside(rows, tmp_path / "shifts.svg").data)
        for rows in (clean, pl.concat([clean, again]))
    )
    assert both.equals(alone)
    assert set(alone["count"]) == {4}


def test_both_sides_of_another_acceleration_have_the_same_seeds_of_masks(trials: pl.DataFrame, tmp_path: Path) -> None:
    """A seed that failed at R = 8 stayed in the mean at R = 4."""
    clean = trials.filter(pl.col("perturbation") == "none")
    hard = clean.with_columns(mask_seed=pl.lit("1"), ssim_foreground_clean=pl.col("ssim_foreground_clean") - 0.3)
    alone, both = (
        pl.read_csv(inside_against_outside(rows, tmp_path / "shifts.svg").data)
        for rows in (clean, pl.concat([clean, hard.filter(acceleration=4)]))
    )
    assert both["mean"].to_list() == alone["mean"].to_list()
