import polars as pl
import pytest
from scipy import stats

from napari_recon_robust.figures.studies import frame
from napari_recon_robust.statistics.clustered import INTERVAL, SPREAD
from napari_recon_robust.statistics.estimate import Estimate


def rows(volumes: int) -> pl.DataFrame:
    names = [f"v{n}" for n in range(volumes) for _ in range(2)]
    return pl.DataFrame({"method": "a", "volume": names, "score": [float(n) for n in range(2 * volumes)]})


def test_bars_are_intervals_over_volumes_from_three_on() -> None:
    (found,) = frame.summarise(rows(4), ["method"], "score").iter_rows(named=True)
    expected = stats.ttest_1samp([0.5, 2.5, 4.5, 6.5], 0).confidence_interval()
    assert (found["low"], found["high"]) == (pytest.approx(expected.low), pytest.approx(expected.high))
    assert (found["mean"], found["kind"], found["volumes"], found["count"]) == (3.5, INTERVAL, 4, 8)


def test_an_interval_ends_where_its_scale_does() -> None:
    trials = pl.DataFrame({"method": "a", "volume": ["1", "2", "3"], "score": [0.9, 0.95, 0.999]})
    assert frame.summarise(trials, ["method"], "score")["high"][0] > 1
    assert frame.summarise(trials, ["method"], "score", (-1.0, 1.0))["high"][0] == 1


def test_bars_of_two_volumes_are_a_spread_and_named_so() -> None:
    data = frame.summarise(rows(2), ["method"], "score")
    assert data["kind"].to_list() == [SPREAD]
    assert (data["low"][0], data["high"][0]) == (0.75, 2.25)
    assert frame.counted(data) == f"Each mean: 2 volumes, 4 trials; bars: {SPREAD}."


def test_bars_of_volumes_that_are_alike_are_a_spread_and_named_so() -> None:
    alike = rows(4).with_columns(method=pl.lit("b"), score=pl.Series([0.0, 1.0] * 4))
    data = frame.summarise(pl.concat([rows(4), alike]), ["method"], "score")
    assert dict(data.select("method", "kind").iter_rows()) == {"a": INTERVAL, "b": SPREAD}
    assert f"{INTERVAL}; below 3 volumes, or where all are alike, {SPREAD}" in frame.counted(data)


@pytest.mark.parametrize(
    ("estimate", "words"),
    [
        (Estimate(0.0004, (0.0001, 0.0007), 6), "0.00040 [0.00010, 0.00070]"),
        (Estimate(-0.02, (-0.033, -0.007), 6), "−0.020 [−0.033, −0.007]"),
        (Estimate(50.2, (31.4, 69), 6), "50 [31, 69]"),
        (Estimate(512.0, (402.0, 622.0), 6), "512 [402, 622]"),
        (Estimate(0.15, (0.0004, 0.3), 6), "0.1500 [0.0004, 0.3000]"),
        (Estimate(0.1, (-0.0004, 0.3), 6), "0.10 [0.00, 0.30]"),
        (Estimate(0.12345, None, 2), "0.123"),
    ],
)
def test_an_estimate_has_the_decimals_that_its_interval_tells(estimate: Estimate, words: str) -> None:
    assert frame.written_by_width(estimate) == words


def test_methods_that_lack_volumes_or_trials_are_named() -> None:
    three = [rows(4).with_columns(method_label=pl.lit(name)) for name in "abc"]
    trials = pl.concat([three[0], three[1][:6], three[2][:7]]).with_columns(acceleration=4.0)
    lower = pl.concat([one.with_columns(acceleration=2.0) for one in three])
    by = ["method_label", "acceleration"]
    words = frame.counted(frame.summarise(pl.concat([trials, lower]), by, "score"))
    assert words.startswith("Each mean: 3 to 4 volumes, 6 to 8 trials; ")
    assert "Trials are missing of b (3 of 4 volumes), c (7 of 8 trials): means of these cannot be compared" in words
    assert "missing" not in frame.counted(frame.summarise(lower, by, "score"))


def test_trials_that_failed_or_measured_nothing_do_not_count() -> None:
    trials = pl.DataFrame({"score": [1.0, None, float("inf"), 2.0], "error": [None, None, None, "the trial failed."]})
    assert frame.need(trials, ["score"], "measure it")["score"].to_list() == [1.0]


def test_a_column_or_trial_that_is_missing_is_named_with_advice() -> None:
    with pytest.raises(frame.Lacking, match="no column score: measure it."):
        frame.need(pl.DataFrame({"volume": ["a"]}), ["score"], "measure it")
    with pytest.raises(frame.Lacking, match="No trial carries this figure: measure it."):
        frame.need(pl.DataFrame({"score": [None]}, schema={"score": pl.Float64}), ["score"], "measure it")


def test_knobs_become_columns() -> None:
    trials = pl.DataFrame({"perturbation_knobs": ['{"angle": 2.0}', "{}"]})
    assert frame.with_knob(trials, "angle")["knob_angle"].to_list() == [2.0, None]


def test_the_strongest_trials_are_those_of_the_largest_budget_of_their_kind() -> None:
    trials = pl.DataFrame(
        {"perturbation": ["a", "a", "b", "none"], "budget": [0.1, 0.2, 0.1, None]},
        schema_overrides={"budget": pl.Float64},
    )
    assert frame.strongest(trials)["budget"].to_list() == [0.2, 0.1, None]
    assert frame.strength_words(trials) == "η = 10% and η = 20%"


def test_a_setting_is_told_by_the_knobs_that_vary_beside_a_name() -> None:
    knobs = ['{"steps": 5, "seed": 1}', '{"steps": 9, "seed": 2}', '{"steps": 5, "seed": 1}']
    trials = pl.DataFrame({"what": ["a", "a", "b"], "perturbation": "worst-case", "perturbation_knobs": knobs})
    assert frame.with_setting(trials, "what")["setting"].to_list() == ["a steps=5", "a steps=9", "b"]
    assert frame.with_setting(trials, "what", but=["steps"])["setting"].to_list() == ["a", "a", "b"]


def test_masks_of_one_acceleration_are_told_by_what_differs() -> None:
    masks = pl.DataFrame(
        {
            "mask": ["random", "equispaced", "equispaced", "acquired"],
            "acceleration": [4.0, 4.0, 8.0, None],
            "centre_fraction": [0.08, 0.08, 0.04, None],
            "mask_seed": ["0", "1", "2", None],
        }
    )
    assert frame.with_pattern(masks)["pattern"].to_list() == ["random", "equispaced", "equispaced", "acquired"]
    assert frame.with_pattern(masks[1:3])["pattern"].to_list() == ["", ""]
    centres = masks[:1].with_columns(centre_fraction=pl.Series([0.04])).vstack(masks[:1])
    assert frame.with_pattern(centres)["pattern"].to_list() == ["centre_fraction=0.04", "centre_fraction=0.08"]


def test_samplings_begin_at_the_lowest_acceleration_and_have_titles() -> None:
    data = pl.DataFrame({"acceleration": [8.0, 4.0, 4.0, None], "pattern": ["", "random", "equispaced", ""]})
    titles = [title for title, _ in frame.by_sampling(data)]
    assert titles == ["as acquired", "R = 4, random", "R = 4, equispaced", "R = 8"]


def test_what_a_mean_is_over_besides_volumes_is_told() -> None:
    data = frame.summarise(rows(4), ["method"], "score")
    several = rows(4).with_columns(pl.Series("region_kind", ["image", "lesions"] * 4), label_domain=pl.lit("in"))
    assert frame.counted(data, several).endswith(" Means are over kinds of regions (image, lesions) together.")
    assert frame.counted(data, rows(4)) == frame.counted(data)


def test_of_undersampled_scans_a_figure_says_that_it_needs_others(trials: pl.DataFrame) -> None:
    """It asked for what the plan had: a perturbation with budgets, and the metrics."""
    names, advice = ["budget", "ssim_region_clean"], "give the plan the metric ssim"
    of_truth = [name for name in trials.columns if name.endswith("_clean") or name.startswith("contrast_recovery")]
    undersampled = trials.with_columns(pl.lit(None, pl.Float64).alias(name) for name in of_truth)
    for needed in (names, ["contrast_recovery_region_perturbed"]):
        with pytest.raises(frame.Lacking, match=r"the scans are undersampled, and it needs fully sampled images"):
            frame.need(undersampled, needed, advice)
    without = trials.with_columns(ssim_region_clean=pl.lit(None, pl.Float64))
    with pytest.raises(frame.Lacking, match=advice):
        frame.need(without.drop("ssim_region_perturbed"), names, advice)
    with pytest.raises(frame.Lacking, match=advice):
        frame.need(undersampled.with_columns(budget=pl.lit(None, pl.Float64)), names, advice)
