import numpy as np
import pytest
from scipy import stats

from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.statistics.readers.ranking import kendall_w, ranking


def test_kendalls_w_by_hand() -> None:
    """Sums of ranks 2, 5 and 5: W = 12 (4 + 1 + 1) / (4 (27 - 3)); it is (1 + (m - 1) rho) / m for Spearman's rho."""
    two = np.array([[1.0, 2, 3], [1, 3, 2]])
    assert kendall_w(two) == pytest.approx(0.75)
    assert kendall_w(two) == pytest.approx((1 + stats.spearmanr(*two).statistic) / 2)
    assert kendall_w(np.array([[1.0, 2, 3], [1, 2, 3]])) == 1
    tied = np.array([[1.5, 1.5, 3], [1, 2, 3]])  # S = 2.25 + 0.25 + 4 = 6.5; one tie of two takes off 2 * 6
    assert kendall_w(tied) == pytest.approx(12 * 6.5 / (4 * 24 - 2 * 6))
    assert np.isnan(kendall_w(np.full((2, 3), 2.0)))


def test_a_toy_by_hand() -> None:
    """Patient a is ranked by two readers, b and c by one each."""
    found = ranking([[1, 2, 3], [2, 1, 3], [1, 2, 3], [1, 3, 2]], "aabc", "aabc")
    assert [one.value for one in found.ranks] == pytest.approx([3.5 / 3, 6.5 / 3, 8 / 3])
    assert found.above[0, 1].value == pytest.approx(2.5 / 3)
    assert found.above[1, 2].value == pytest.approx(2 / 3)
    assert found.ahead[0, 1].value == pytest.approx(1)
    assert found.ahead[1, 2].value == pytest.approx(0.5)
    assert found.concordance is not None
    assert found.concordance.value == pytest.approx(kendall_w(np.array([[1.0, 2, 3], [2, 1, 3]])))
    assert found.concordance.interval is None  # one patient was ranked twice


def test_one_ranking_of_each_patient_has_friedmans_p_of_scipy() -> None:
    rng = np.random.default_rng(0)
    ranks = stats.rankdata(rng.integers(0, 3, (15, 4)) + np.array([0, 0, 1, 1]), axis=1)
    found = ranking(ranks, range(15), range(15))
    assert found.friedman == pytest.approx(tuple(stats.friedmanchisquare(*ranks.T)))
    assert found.concordance is None


def test_ties_and_two_items() -> None:
    tied = ranking([[1, 1, 2]] * 4, "abcd", "abcd")
    assert [one.value for one in tied.ranks] == [1.5, 1.5, 3]
    assert tied.above[0, 1].value == 0.5
    assert ranking([[1, 1, 1]] * 4, "abcd", "abcd").friedman == (0, 1)
    assert ranking([[1, 2]] * 4, "abcd", "abcd").friedman is None


@pytest.mark.slow
def test_the_level_holds_although_readers_share_patients() -> None:
    rng, rejected, covered = np.random.default_rng(0), [], []
    for _ in range(200):
        seen = rng.standard_normal((15, 1, 3)) + rng.standard_normal((15, 3, 3))
        ids = np.repeat(range(15), 3).tolist()
        found = ranking(stats.rankdata(seen, axis=2).reshape(-1, 3), ids, ids)
        rejected.append((found.friedman or (0, 1))[1] < 0.05)
        low, high = found.ranks[0].interval or (9, 9)
        covered.append(low <= 2 <= high)
    assert 0.02 <= np.mean(rejected) <= 0.08
    assert 0.92 <= np.mean(covered) <= 0.98


def test_what_is_no_ranking_is_refused() -> None:
    with pytest.raises(InputError, match="at least 2 items"):
        ranking([[1], [1]], "ab", "ab")
    with pytest.raises(InputError, match="not finite"):
        ranking([[1, np.nan]], "a", "a")
