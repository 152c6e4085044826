import numpy as np
import pytest
from scipy import stats

from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.statistics import clustered
from napari_recon_robust.statistics.estimate import Values

DRAWS, SLICES = 4000, 8


def simulated(volumes: int) -> Values:
    """The means of volumes whose slices share an effect, (draws, volumes); the truth is 0."""
    rng = np.random.default_rng(volumes)
    effects = rng.normal(0, 1, (DRAWS, volumes, 1))
    return (effects + rng.normal(0, 1, (DRAWS, volumes, SLICES))).mean(-1)


@pytest.mark.slow
@pytest.mark.parametrize("volumes", [4, 10, 20])
def test_intervals_cover_the_truth_as_often_as_they_say(volumes: int) -> None:
    low, high = clustered.student(simulated(volumes))
    assert 0.93 <= ((low <= 0) & (high >= 0)).mean() <= 0.97


def test_slices_taken_for_volumes_would_cover_too_seldom() -> None:
    rng = np.random.default_rng(0)
    slices = rng.normal(0, 1, (DRAWS, 4, 1)) + rng.normal(0, 1, (DRAWS, 4, SLICES))
    low, high = clustered.student(slices.reshape(DRAWS, -1))
    assert ((low <= 0) & (high >= 0)).mean() < 0.7


def test_students_interval_is_that_of_scipy() -> None:
    values = np.random.default_rng(1).normal(5, 2, 7)
    found = clustered.mean(values, range(7))
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert found.interval == pytest.approx((expected.low, expected.high))
    assert (found.value, found.units) == (pytest.approx(values.mean()), 7)


def test_more_slices_of_a_volume_make_no_interval_narrower() -> None:
    values, volumes = np.array([1.0, 3, 4, 8]), ["a", "b", "c", "d"]
    once, often = (clustered.mean(np.tile(values, n), volumes * n) for n in (1, 5))
    assert often == once


def test_volumes_count_alike_however_many_slices_they_have() -> None:
    assert clustered.volume_means([1, 1, 1, 4], ["a", "a", "a", "b"]).tolist() == [1, 4]


def test_two_volumes_have_no_interval_and_three_have_one() -> None:
    assert clustered.mean([1, 2, 3], ["a", "b", "b"]).interval is None
    assert clustered.mean([1, 2, 3], ["a", "b", "c"]).interval is not None


@pytest.mark.parametrize("values", [[2.0] * 5, [0.0] * 3, [0.91 - 0.9, 0.81 - 0.8, 0.71 - 0.7]])
def test_equal_volumes_have_no_interval_as_they_do_not_tell_how_others_vary(values: list[float]) -> None:
    """The last three differ by rounding."""
    found = clustered.mean(values, range(len(values)))
    assert (found.value, found.interval) == (pytest.approx(values[0]), None)
    assert clustered.bars(found, values)[2] == clustered.SPREAD


def test_a_spread_is_the_quartiles() -> None:
    assert clustered.quartiles(range(1, 6)) == clustered.Quartiles(2, 3, 4, 5)


def test_a_volume_is_named_for_each_value() -> None:
    with pytest.raises(InputError, match="2 values and 3 volumes"):
        clustered.mean([1, 2], "abc")
