import numpy as np
import pytest
from scipy import stats

from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.statistics.estimate import Estimate
from napari_recon_robust.statistics.ranks import rank_correlation


def correlated(points: int, rng: np.random.Generator, r: float = 0.6) -> np.ndarray:
    return rng.multivariate_normal([0, 0], [[1, r], [r, 1]], points).T


def test_the_correlation_is_that_of_scipy() -> None:
    x, y = correlated(30, np.random.default_rng(0))
    assert rank_correlation(x, y).value == pytest.approx(stats.spearmanr(x, y).statistic)


def test_the_interval_of_independent_points_is_that_of_bonett_and_wright() -> None:
    """Two neighbours of six change places: the squared differences of ranks sum up to 2."""
    rho = 1 - 6 * 2 / (6 * 35)
    half = 1.959964 * np.sqrt((1 + rho**2 / 2) / (6 - 3))
    found = rank_correlation(range(6), [0, 1, 2, 3, 5, 4])
    assert found.interval == pytest.approx(tuple(np.tanh(np.arctanh(rho) + half * np.array([-1, 1]))))


@pytest.mark.slow
@pytest.mark.parametrize("grouped", [False, True])
def test_the_interval_covers_the_truth(grouped: bool) -> None:
    rng = np.random.default_rng(1)
    truth = 6 / np.pi * np.arcsin(0.6 / 2)  # Spearman's rho of a normal distribution
    covered = []
    for _ in range(200):
        x, y = correlated(20, rng)
        units = None
        if grouped:  # three points of each method share most of their error
            x, y = (np.repeat(one, 3) + rng.normal(0, 0.05, 60) for one in (x, y))
            units = np.repeat(range(20), 3).tolist()
        low, high = rank_correlation(x, y, units).interval or (0, 0)
        covered.append(low <= truth <= high)
    assert np.mean(covered) >= 0.92


def test_one_perfect_order_among_the_rest_does_not_set_the_interval() -> None:
    """Without the last unit rho is 1, for which Fisher's scale has no number; without another one it is 1 - 1 / 42."""
    rho = 1 - 12 / 990
    error = np.sqrt(4 * 0.2 * 0.8) / 42 / (1 - rho**2)
    around = np.arctanh(rho) + stats.t.ppf(0.975, 4) * error * np.array([-1, 1])
    found = rank_correlation(range(10), [*range(8), 9, 8], list("aabbccddee"))
    assert found.interval == pytest.approx(tuple(np.tanh(around)))


@pytest.mark.parametrize(("r", "most"), [(0.0, 0.25), (0.9, 0.1)])
def test_the_interval_of_few_units_covers_the_truth_and_says_something(r: float, most: float) -> None:
    rng = np.random.default_rng(2)
    truth = 6 / np.pi * np.arcsin(r / 2)
    found = list[tuple[float, float]]()
    for _ in range(200):  # two points of each of 5 methods share half of their variance
        shared, own = np.repeat(correlated(5, rng, r), 2, axis=1), correlated(10, rng, r)
        interval = rank_correlation(*(shared + own), np.repeat(range(5), 2).tolist()).interval
        found += [interval] if interval else []
    assert np.mean([low <= truth <= high for low, high in found]) >= 0.94
    assert np.mean([high - low > 1.9 for low, high in found]) <= most


def test_points_of_few_methods_have_no_interval() -> None:
    x, y = correlated(12, np.random.default_rng(0))
    assert rank_correlation(x, y, list("aaabbbcccddd")).interval is None
    assert rank_correlation(x[:4], y[:4]).interval is None


@pytest.mark.parametrize("count", [5, 6, 10, 24])
def test_ranks_in_the_same_or_the_opposite_order_have_no_interval(count: int) -> None:
    """Sums of some counts are rounded, to 0.9999999999999999 and -0.9999999999999999."""
    assert rank_correlation(range(count), range(count)) == Estimate(1, None, count)
    assert rank_correlation(range(count), range(0, -count, -1)) == Estimate(-1, None, count)
    halves = rank_correlation(range(2 * count), range(2 * count), [number // 2 for number in range(2 * count)])
    assert halves == Estimate(1, None, count)


def test_constants_have_no_rank_correlation() -> None:
    assert np.isnan(rank_correlation(range(6), [1] * 6).value)


def test_few_units_have_no_correlation() -> None:
    """Three methods that happen to be in order had a rho of 1."""
    for count, each in ((1, 1), (2, 1), (3, 1), (4, 2)):
        found = rank_correlation(range(count * each), range(count * each), np.repeat(range(count), each).tolist())
        assert np.isnan(found.value)
        assert (found.interval, found.units) == (None, count)
    assert rank_correlation(range(5), range(5)).value == pytest.approx(1)


def test_values_without_a_partner_are_refused() -> None:
    with pytest.raises(InputError, match="3 and 2 values"):
        rank_correlation([1, 2, 3], [1, 2])
