from typing import Literal

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats import inter_rater

from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.statistics.estimate import Values
from napari_recon_robust.statistics.readers.agreement import fleiss_kappa, intraclass_correlation, kappa, mean_kappa

SHROUT_FLEISS = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]])


def drawn(readers: int = 2) -> np.ndarray:
    rng = np.random.default_rng(1)
    true = rng.integers(1, 6, 80)
    return np.clip(true[:, None] + rng.integers(-1, 2, (80, readers)), 1, 5)


@pytest.mark.parametrize(("weights", "theirs"), [("none", None), ("linear", "linear"), ("quadratic", "quadratic")])
def test_kappa_is_that_of_statsmodels(weights: Literal["none", "linear", "quadratic"], theirs: str | None) -> None:
    first, second = drawn().T
    table, _ = inter_rater.to_table(drawn(), bins=None)
    expected = inter_rater.cohens_kappa(table, wt=theirs)
    found = kappa(first, second, weights)
    assert found.value == pytest.approx(expected.kappa)
    assert found.interval == pytest.approx((expected.kappa_low, expected.kappa_upp), abs=0.04)


@pytest.mark.parametrize("weights", ["none", "linear", "quadratic"])
def test_the_mean_of_kappas_has_the_variance_of_statsmodels_if_readers_are_as_alike_as_their_errors(
    weights: Literal["none", "linear", "quadratic"],
) -> None:
    """Two readers of different patients with one and the same ratings: the standard errors of both, halved."""
    both = drawn()
    table, _ = inter_rater.to_table(both, bins=None)
    expected = inter_rater.cohens_kappa(table, wt=None if weights == "none" else weights)
    twice = np.concatenate((both, both))
    found = mean_kappa(*twice.T, ["a"] * 80 + ["b"] * 80, range(160), weights)
    assert found.readers == 2
    assert found.estimate.value == pytest.approx(expected.kappa)
    half = stats.t.ppf(0.975, 79) * expected.std_kappa * np.sqrt(80 / 79 / 2)
    assert found.estimate.interval == pytest.approx((expected.kappa - half, expected.kappa + half))


def test_readers_who_use_a_scale_differently_do_not_agree_with_themselves_for_that() -> None:
    """Each answers twice by lot, one with 1 or 2 and one with 4 or 5: kappa is 0 of each, and 0.9 of both together."""
    first, second = np.array([[1, 1], [1, 2], [2, 1], [2, 2], [4, 4], [4, 5], [5, 4], [5, 5]]).T
    assert kappa(first, second, "quadratic").value == pytest.approx(0.9)  # 1 - 0.5 / 5
    found = mean_kappa(first, second, "aaaabbbb", [1, 2, 3, 4] * 2, "quadratic")
    assert (found.estimate.value, found.readers, found.estimate.units) == (0, 2, 4)


def test_a_mean_kappa_of_too_few_patients_for_an_interval_says_how_many_these_are() -> None:
    """Of the third reader no kappa is known, who always gives the same rating."""
    found = mean_kappa([1, 2, 1, 1, 2, 2, 3, 3, 3], [1, 2, 2, 1, 2, 2, 3, 3, 3], "aaabbbccc", list("xxyxxxzzz"))
    assert (found.readers, found.estimate.interval, found.estimate.units) == (0, None, 2)


def test_the_interval_of_mean_kappas_is_of_the_readers() -> None:
    """Three readers with kappas of 1, 0.5 and 0, and endless patients: 0.5 ± t(2) sqrt(0.25 / 3), cut at 1."""
    pairs = {"a": ([1, 2, 1, 2], [1, 2, 1, 2]), "b": ([1, 1, 2, 2], [1, 1, 1, 2]), "c": ([1, 1, 2, 2], [1, 2, 1, 2])}
    first, second = (np.concatenate([pair[at] * 500 for pair in pairs.values()]) for at in (0, 1))
    found = mean_kappa(first, second, np.repeat(list(pairs), 2000).tolist(), list(range(6000)))
    half = 4.302653 * (0.25 / 3) ** 0.5
    assert found.estimate.interval == pytest.approx((0.5 - half, 1), abs=0.001)


def test_two_readers_who_contradict_each_other_agree_as_little_as_they_can() -> None:
    """The mean squares between cases and among readers are 0 then, and the formula divides by 0."""
    found = intraclass_correlation([[1, 2], [2, 1]])
    assert (found.value, found.interval) == (-1, None)
    assert np.isnan(intraclass_correlation([[2, 2], [2, 2]]).value)


@pytest.mark.slow
def test_the_interval_of_mean_kappas_covers_that_of_all_readers() -> None:
    """12 cases twice by each of 3 readers, who differ in how they use a scale of five levels and in their noise."""
    rng = np.random.default_rng(0)

    def read(readers: int, cases: int) -> tuple[Values, Values]:
        noise = 0.6 * np.exp(0.3 * rng.standard_normal((readers, 1)))
        seen = rng.normal(3, 1.2, (readers, cases)) + rng.normal(0, 0.7, (readers, 1))
        both = seen + noise * rng.standard_normal((2, readers, cases))
        first, second = np.clip(np.rint(both), 1, 5)
        return first, second

    true = np.mean([kappa_of(*pair) for pair in zip(*read(1500, 2000), strict=True)])
    covered = []
    for _ in range(300):
        first, second = read(3, 12)
        whose = np.repeat(range(3), 12).tolist()
        found = mean_kappa(first.ravel(), second.ravel(), whose, list(range(12)) * 3, "quadratic")
        low, high = found.estimate.interval or (9, 9)
        covered.append(low <= true <= high)
    assert 0.92 <= np.mean(covered) <= 0.99


def kappa_of(first: Values, second: Values) -> float:
    """With quadratic weights, 1 - the mean squared difference over that of independent pairs."""
    apart = first.var() + second.var() + (first.mean() - second.mean()) ** 2
    return float(1 - ((first - second) ** 2).mean() / apart)


def test_who_always_answers_the_same_has_no_kappa_and_is_left_out() -> None:
    first, second = [1, 2, 2, 1, 3, 3, 3], [1, 2, 1, 1, 3, 3, 3]
    found = mean_kappa(first, second, "aaaabbb", [1, 2, 3, 4, 1, 2, 3])
    assert (found.readers, found.estimate) == (1, kappa([1, 2, 2, 1], [1, 2, 1, 1], patients=[1, 2, 3, 4]))
    few = mean_kappa([1, 2, 1, 1, 1, 2], [1, 2, 1, 2, 1, 2], "aaabbb", [1, 2, 2, 1, 2, 2])
    assert (few.readers, few.estimate.value, few.estimate.interval) == (0, pytest.approx(0.7), None)  # of 1 and 0.4
    assert np.isnan(mean_kappa([1, 1], [1, 1], "ab", [1, 2]).estimate.value)


def test_readers_of_one_or_two_ratings_make_no_mean() -> None:
    """Of one, kappa is 0 where they differ and none where they agree: three readers of four agree with themselves."""
    assert np.isnan(mean_kappa([3, 4, 2, 3], [3, 4, 2, 4], "abcd", "abcd", "quadratic").estimate.value)
    found = mean_kappa([1, 2, 1, 3], [1, 2, 1, 4], "aaab", [1, 2, 2, 1], "quadratic")
    assert (found.readers, found.estimate.value) == (0, 1)


def test_fleiss_kappa_is_that_of_statsmodels() -> None:
    table, _ = inter_rater.aggregate_raters(drawn(4))
    found = fleiss_kappa(drawn(4))
    assert found.value == pytest.approx(inter_rater.fleiss_kappa(table))
    assert found.interval is not None
    assert found.interval[0] < found.value < found.interval[1]


def test_the_intraclass_correlation_is_that_of_shrout_and_fleiss() -> None:
    found = intraclass_correlation(SHROUT_FLEISS)
    assert found.value == pytest.approx(0.29, abs=0.005)
    assert found.interval == pytest.approx((0.02, 0.76), abs=0.005)


def test_patients_and_not_cases_are_left_out() -> None:
    """Each patient's case five times over says no more than once."""
    first, second = drawn().T[:, :30]
    once = kappa(first, second)
    often = kappa(np.repeat(first, 5), np.repeat(second, 5), patients=np.repeat(np.arange(30), 5).tolist())
    assert often.value == pytest.approx(once.value)
    assert often.units == 30
    assert often.interval == pytest.approx(once.interval, abs=0.02)


def test_cases_of_one_patient_do_not_narrow_the_intraclass_correlation() -> None:
    rated = drawn(3)[:30].astype(float)
    once = intraclass_correlation(rated)
    often = intraclass_correlation(np.repeat(rated, 5, 0), np.repeat(np.arange(30), 5).tolist())
    assert often.units == 30
    assert once.interval is not None
    assert often.interval is not None
    assert np.ptp(often.interval) > 0.7 * np.ptp(once.interval)


@pytest.mark.parametrize("seed", range(20))
def test_intervals_of_agreement_end_where_agreement_does(seed: int) -> None:
    """Of two or three readers of 3 to 5 patients none is above 1, and Fleiss' kappa not below -1 / (r - 1)."""
    rng = np.random.default_rng(seed)
    for readers, patients in ((2, 3), (3, 3), (3, 5)):
        rated = rng.integers(1, 6, (2 * patients, readers))
        of = np.repeat(range(patients), 2).tolist()
        least = -1 / (readers - 1)
        alone = [intraclass_correlation(rated[:patients]), intraclass_correlation(rated, of), fleiss_kappa(rated, of)]
        for found in [*alone, kappa(*rated[:, :2].T, "quadratic", of)]:
            low, high = found.interval or (found.value, found.value)
            assert min(-1.0 if found is not alone[2] else least, found.value) <= low <= found.value <= high <= 1


def test_the_correlation_of_readers_who_do_not_agree_ends_at_the_least_one() -> None:
    """Two readers of three cases: the interval of Shrout and Fleiss begins at -2.7, and no correlation below -1."""
    found = intraclass_correlation([[1, 1], [1, 3], [4, 2]])
    assert found.value == pytest.approx(0)
    assert found.interval == pytest.approx((-1, 0.966), abs=0.0005)


def test_no_correlation_of_readers_is_below_the_least_one() -> None:
    """The formula alone gives -1.5 for two readers with opposite orders of six cases, and less for each twice."""
    opposite = np.stack((range(6), range(5, -1, -1)), 1)
    assert intraclass_correlation(opposite).value == -1
    twice = intraclass_correlation(np.repeat(opposite, 2, 0), np.repeat(range(6), 2).tolist())
    assert (twice.value, twice.interval) == (-1, pytest.approx((-1, -0.876), abs=0.0005))
    of_three = intraclass_correlation([[1, 5, 3], [5, 1, 3], [3, 3, 5], [3, 4, 2]])
    assert of_three.value == -0.5
    assert of_three.interval is None or of_three.interval[0] == -0.5


def test_what_shows_no_agreement_has_none() -> None:
    same = kappa([1, 1, 1], [1, 1, 1])
    assert np.isnan(same.value)
    assert same.interval is None
    assert kappa([1, 2], [1, 2]).interval is None
    with pytest.raises(InputError, match="no pairs"):
        kappa([1, 2], [1, 2, 3])
    with pytest.raises(InputError, match="at least 2 readers"):
        fleiss_kappa([[1], [2]])
    with pytest.raises(InputError, match="at least 2 cases and 2 readers"):
        intraclass_correlation([[1, 2]])
