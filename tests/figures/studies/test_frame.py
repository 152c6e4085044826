import polars as pl
import pytest
from scipy import stats

from napari_recon_robust.figures.studies import frame


def rows(volumes: int) -> pl.DataFrame:
    names = [f"v{n}" for n in range(volumes) for _ in range(2)]
    return pl.DataFrame({"method": "a", "volume": names, "score": [float(n) for n in range(2 * volumes)]})


def test_bars_are_intervals_over_volumes_from_three_on() -> None:
    (found,) = frame.summarise(rows(4), ["method"], "score").iter_rows(named=True)
    expected = stats.ttest_1samp([0.5, 2.5, 4.5, 6.5], 0).confidence_interval()
    assert (found["low"], found["high"]) == (pytest.approx(expected.low), pytest.approx(expected.high))
    assert (found["mean"], found["kind"], found["volumes"], found["count"]) == (3.5, frame.INTERVAL, 4, 8)


def test_bars_of_two_volumes_are_a_spread_and_named_so() -> None:
    data = frame.summarise(rows(2), ["method"], "score")
    assert data["kind"].to_list() == [frame.SPREAD]
    assert (data["low"][0], data["high"][0]) == (0.75, 2.25)
    assert frame.counted(data) == f"Each mean: 2 volumes, 4 trials; bars: {frame.SPREAD}."


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
