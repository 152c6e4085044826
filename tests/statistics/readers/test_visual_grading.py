import numpy as np
import pytest
from scipy import stats

from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.statistics.estimate import Estimate
from napari_recon_robust.statistics.readers.visual_grading import visual_grading


def scores(rng: np.random.Generator, readers: int, cases: int, better: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """Levels 1 to 5 of the same cases in two conditions, by readers who use the scale a little differently."""
    of_case, of_reader = rng.normal(0, 0.6, (1, 1, cases)), rng.normal(0, 0.2, (2, readers, 1))
    read = of_case + of_reader + rng.normal(0, 0.7, (2, readers, cases))
    first, second = np.clip(np.rint(read + 2.5 + np.array([better, 0])[:, None, None]), 1, 5)
    return first, second


def test_a_toy_by_hand() -> None:
    """3 > 1, 3 > 2, 2 > 1, 2 = 2: 3.5 of 4 pairs. At least 3: half of the first; at least 2: all, and half."""
    found = visual_grading([[3, 2]], [[1, 2]], "ab")
    assert found.area.value == 0.875
    assert found.area.interval is None
    np.testing.assert_allclose(found.curve, [[0, 0], [0, 0.5], [0.5, 1], [1, 1]])


def test_the_area_is_that_of_mann_and_whitney_and_under_the_curve() -> None:
    first, second = scores(np.random.default_rng(0), 1, 40)
    found = visual_grading(first, second, range(40))
    assert found.area.value == pytest.approx(stats.mannwhitneyu(first[0], second[0]).statistic / 40**2)
    assert found.area.value == pytest.approx(np.trapezoid(found.curve[:, 1], found.curve[:, 0]))


def test_equal_scores_are_neither_better_nor_worse() -> None:
    first, _ = scores(np.random.default_rng(0), 3, 12)
    assert visual_grading(first, first, range(12)).area.value == pytest.approx(0.5)


def test_what_a_reader_did_not_score_in_both_is_left_out() -> None:
    first, second = scores(np.random.default_rng(0), 2, 12)
    first[0, :3], second[1, 11] = np.nan, np.nan
    by_reader = [
        visual_grading(first[:1, 3:], second[:1, 3:], range(9)).area.value,
        visual_grading(first[1:, :11], second[1:, :11], range(11)).area.value,
    ]
    found = visual_grading(first, second, range(12))
    assert found.area.value == pytest.approx(np.mean(by_reader))
    assert found.area.interval is not None
    assert np.isfinite(found.area.interval).all()


def test_readers_of_different_patients_have_the_errors_of_their_own() -> None:
    """Two readers of six patients each, who vary less than they err: the mean's variance is half their mean one."""
    first, second = scores(np.random.default_rng(0), 1, 12)
    mine = np.arange(12) < 6
    widths = [np.ptp(visual_grading(first[:, of], second[:, of], range(6)).area.interval) for of in (mine, ~mine)]
    of_both = [np.where([mine, ~mine], scored, np.nan) for scored in (first, second)]
    found = visual_grading(*of_both, range(12)).area
    assert np.ptp(found.interval) == pytest.approx(np.sqrt(np.mean(np.square(widths)) / 2))


def test_who_scored_fewer_than_three_patients_is_left_out() -> None:
    first, second = scores(np.random.default_rng(0), 2, 12)
    first[1, 2:] = np.nan
    found, alone = visual_grading(first, second, range(12)), visual_grading(first[:1], second[:1], range(12))
    assert (found.area, found.readers) == (alone.area, 1)
    few = visual_grading(first[:, :2], second[:, :2], range(2))
    assert (few.readers, few.area.interval) == (2, None)


def test_areas_that_do_not_vary_have_no_interval() -> None:
    assert visual_grading([[2, 2, 2, 2]], [[1, 1, 1, 1]], "abcd").area == Estimate(1, None, 4)


def test_patients_are_left_out_and_not_cases() -> None:
    """Each patient's case five times over says no more than once."""
    first, second = scores(np.random.default_rng(0), 3, 20)
    once = visual_grading(first, second, range(20)).area
    often = visual_grading(np.repeat(first, 5, 1), np.repeat(second, 5, 1), np.repeat(range(20), 5).tolist()).area
    assert often.units == 20
    assert often.interval == pytest.approx(once.interval)


@pytest.mark.slow
def test_the_interval_covers_the_truth() -> None:
    """The truth is the area of 300 readers of 400 cases."""
    rng = np.random.default_rng(0)
    truth = visual_grading(*scores(rng, 300, 400), [0] * 400).area.value
    covered = []
    for _ in range(200):
        low, high = visual_grading(*scores(rng, 4, 25), range(25)).area.interval or (9, 9)
        covered.append(low <= truth <= high)
    assert np.mean(covered) >= 0.92


def test_bad_input_is_refused() -> None:
    with pytest.raises(InputError, match="are no pairs"):
        visual_grading([[1, 2]], [[1]], "ab")
    with pytest.raises(InputError, match="nothing to compare"):
        visual_grading([[1, np.nan]], [[np.nan, 2]], "ab")
