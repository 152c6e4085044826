import numpy as np
import pytest
from scipy import stats

from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.statistics import bounded, clustered
from napari_recon_robust.statistics.estimate import Interval


def interval(values: np.ndarray | list[float], low: float = -1, high: float = 1) -> Interval:
    found = bounded.mean(values, range(len(values)), low, high).interval
    assert found is not None
    return found


@pytest.mark.parametrize(("count", "ones"), [(3, 0), (3, 2), (10, 1), (40, 40), (200, 77), (1000, 999), (5000, 2500)])
def test_of_0_and_1_it_is_clopper_and_pearsons(count: int, ones: int) -> None:
    exact = stats.binomtest(ones, count).proportion_ci(0.95, "exact")
    assert interval([1.0] * ones + [0.0] * (count - ones), 0, 1) == pytest.approx((exact.low, exact.high), abs=2e-5)


@pytest.mark.parametrize("count", [3, 12, 60])
def test_its_ends_are_quantiles_of_means_with_random_weights(count: int) -> None:
    """By 100,000 draws of spacings of sorted uniform numbers, as Learned-Miller and Thomas write the bound."""
    rng = np.random.default_rng(count)
    values = np.sort(np.clip(rng.normal(0.1, 0.4, count), -1, 1))
    drawn = np.sort(rng.random((100_000, count)), axis=1)
    above = np.quantile(1 - drawn @ np.diff(np.append(values, 1)), 0.975)
    below = np.quantile(-1 + drawn @ np.diff(np.append(-values[::-1], 1)), 0.025)
    assert interval(values) == pytest.approx((below, above), abs=0.006)


def test_where_all_are_alike_it_still_has_a_width() -> None:
    assert interval([0.0] * 36) == pytest.approx((-1 + 0.025 ** (1 / 36), 1 - 0.025 ** (1 / 36)), abs=2e-5)
    assert interval([0.5] * 4) == pytest.approx((-1 + 1.5 * 0.025**0.25, 1 - 0.5 * 0.025**0.25), abs=2e-5)
    assert interval([1.0] * 3) == pytest.approx((-1 + 2 * 0.025 ** (1 / 3), 1), abs=2e-5)
    assert interval([-1.0] * 3) == pytest.approx((-1, 1 - 2 * 0.025 ** (1 / 3)), abs=2e-5)


def test_it_goes_with_the_scale() -> None:
    values = np.random.default_rng(1).uniform(1, 5, 9)
    low, high = interval(values, 1, 5)
    assert interval(-values, -5, -1) == pytest.approx((-high, -low), abs=2e-5)
    assert interval((values - 3) / 2) == pytest.approx(((low - 3) / 2, (high - 3) / 2), abs=2e-5)


def test_the_unit_is_what_counts() -> None:
    """Four values of each of five units are their five means."""
    values = np.random.default_rng(2).uniform(-1, 1, (5, 4))
    found = bounded.mean(values.ravel(), np.repeat(range(5), 4).tolist(), -1, 1)
    assert found.interval == pytest.approx(interval(values.mean(1)))
    assert (found.value, found.units) == (pytest.approx(values.mean()), 5)
    assert bounded.mean([0, 1, 0], "aab", 0, 1).interval is None
    with pytest.raises(InputError, match="name one volume for each value"):
        bounded.mean([0, 1], "a", 0, 1)


@pytest.mark.slow
@pytest.mark.parametrize("count", [10, 30])
def test_a_rare_large_value_is_missed_no_more_often_than_is_said(count: int) -> None:
    """A tenth of units at 0.6 to 1, the others about 0; Student's upper end lies below the mean in far more studies."""
    rng, draws, mean = np.random.default_rng(0), 400, 0.1 * 0.8
    missed, by_student = 0, 0
    for _ in range(draws):
        rare = rng.random(count) < 0.1
        values = np.where(rare, rng.uniform(0.6, 1, count), rng.normal(0, 0.05, count))
        missed += interval(values)[1] < mean
        by_student += bool(clustered.student(values)[1] < mean)
    assert missed <= 0.05 * draws  # three standard errors above 2.5%
    assert by_student > 0.06 * draws
