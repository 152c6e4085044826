import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.statistics.paired import detectable_difference, difference, least_p


def test_a_difference_is_that_of_scipy_on_the_volumes_means() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.normal(1, 1, (9, 4)), rng.normal(0, 1, (9, 4))
    found = difference(first.ravel(), second.ravel(), np.repeat(range(9), 4).tolist())
    expected = stats.ttest_rel(first.mean(1), second.mean(1)).confidence_interval()
    assert found.mean.interval == pytest.approx((expected.low, expected.high))
    assert found.wilcoxon == pytest.approx(stats.wilcoxon(first.mean(1), second.mean(1)).pvalue)
    assert (found.mean.units, found.pairs) == (9, 36)


def test_what_volumes_can_show_follows_from_the_deviation_of_their_differences() -> None:
    """By statsmodels, whose effect is in standard deviations; of the same volumes and of more of them."""
    rng = np.random.default_rng(1)
    first, second = rng.normal(1, 1, (9, 4)), rng.normal(0, 1, (9, 4))
    found = difference(first.ravel(), second.ravel(), np.repeat(range(9), 4).tolist())
    deviation = np.std((first - second).mean(1), ddof=1)
    assert found.deviation == pytest.approx(deviation)
    for volumes, shown in ((9, found.detectable), (50, found.detectable_by(50))):
        effect = TTestPower().solve_power(nobs=volumes, alpha=0.05, power=0.8)
        assert shown == pytest.approx(effect * deviation, rel=1e-5)


@pytest.mark.parametrize("volumes", [3, 6, 12])
def test_the_least_p_is_that_of_differences_of_one_sign(volumes: int) -> None:
    assert least_p(volumes) == pytest.approx(stats.wilcoxon(np.arange(1.0, volumes + 1)).pvalue)
    assert least_p(0) == 1


@pytest.mark.parametrize(
    "values", [[0, *range(1, 15)], [*range(1, 14), 13], [-2, -2, 0, 1, 1, 3, 3, 3, 4, -5, 6, 6, 7, 8, 9]]
)
def test_the_p_is_exact_with_ties_and_zeros(values: list[int]) -> None:
    """Over all signs of the ranks, one by one."""
    differences = np.array(values, float)
    found = difference(differences, np.zeros(len(values)), range(len(values)))
    ranks = stats.rankdata(np.abs(differences[differences != 0]))
    signs = (np.arange(2 ** len(ranks))[:, None] >> np.arange(len(ranks))) & 1
    sums = signs @ ranks
    seen = ranks[differences[differences != 0] > 0].sum()
    least = min((sums <= seen).mean(), (sums >= seen).mean())
    assert found.wilcoxon == pytest.approx(min(1.0, 2 * least))


def test_conditions_that_agree_do_not_differ() -> None:
    found = difference([1, 2, 3], [1, 2, 3], "abc")
    assert (found.wilcoxon, found.mean.interval, found.detectable) == (1, None, None)


def test_differences_without_a_deviation_tell_of_no_detectable_one() -> None:
    scores = [0.9, 0.8, 0.7, 0.6]
    found = difference([score + 0.01 for score in scores], scores, "abcd")
    assert found.mean.value == pytest.approx(0.01)
    assert (found.mean.interval, found.detectable, found.detectable_by(50)) == (None, None, None)
    assert found.wilcoxon == 0.125


def test_two_volumes_carry_no_test() -> None:
    found = difference([1, 2, 3], [1, 1, 1], "aab")
    assert (found.wilcoxon, found.mean.interval, found.detectable) == (None, None, None)


@pytest.mark.parametrize("volumes", [3, 10, 50])
def test_the_detectable_difference_is_that_of_statsmodels(volumes: int) -> None:
    expected = TTestPower().solve_power(nobs=volumes, alpha=0.05, power=0.8)
    assert detectable_difference(2.0, volumes) == pytest.approx(2 * expected, rel=1e-5)


def test_the_detectable_difference_is_detected_as_often_as_it_says() -> None:
    size = detectable_difference(1.0, 10)
    draws = np.random.default_rng(0).normal(size, 1, (4000, 10))
    assert (stats.ttest_1samp(draws, 0, axis=1).pvalue < 0.05).mean() == pytest.approx(0.8, abs=0.02)


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(InputError, match="no pairs"):
        difference([1, 2], [1], "ab")
    with pytest.raises(InputError, match="2 volumes show no difference"):
        detectable_difference(1.0, 2)
    with pytest.raises(InputError, match="a power of 1 "):
        detectable_difference(1.0, 5, 1.0)
