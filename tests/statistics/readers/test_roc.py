from typing import Literal

import numpy as np
import pytest

from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.statistics.readers.jackknife import patients_read
from napari_recon_robust.statistics.readers.roc import areas, covariance, rarer


def drawn(seed: int = 0, tests: int = 2, readers: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = np.arange(40) < 18
    return np.rint(2 * (rng.standard_normal((tests, readers, 40)) + truth)), truth


def test_an_area_is_the_share_of_pairs_in_the_right_order() -> None:
    ratings, truth = drawn()
    pairs = [
        [
            np.mean([(a > b) + (a == b) / 2 for a in of_reader[truth] for b in of_reader[~truth]])
            for of_reader in of_test
        ]
        for of_test in ratings
    ]
    np.testing.assert_allclose(areas(ratings, truth), pairs)


def test_the_jackknife_leaves_out_one_case_after_the_other() -> None:
    ratings, truth = drawn()
    left = np.array([areas(np.delete(ratings, case, 2), np.delete(truth, case)).ravel() for case in range(len(truth))])
    apart = left - left.mean(0)
    np.testing.assert_allclose(covariance(ratings, truth), 39 / 40 * apart.T @ apart, atol=1e-15)


@pytest.fixture(scope="module")
def true_variance() -> float:
    """Of 4,000 draws of 40 cases, as 4,000 readers of one test: known to 2%."""
    rng, truth = np.random.default_rng(0), np.arange(40) < 18
    return float(np.var(areas(np.rint(2 * (rng.standard_normal((1, 4000, 40)) + truth)), truth)))


@pytest.mark.parametrize("method", ["jackknife", "delong", "unbiased"])
def test_the_variance_is_that_of_repeated_draws(
    method: Literal["jackknife", "delong", "unbiased"], true_variance: float
) -> None:
    """The mean of 600 estimates, by one reader each; it is known to 2%, too."""
    true = true_variance
    estimated = np.mean([covariance(*drawn(seed, 1, 1), method) for seed in range(600)])
    assert estimated == pytest.approx(true, rel=0.06 if method == "unbiased" else 0.15)


def test_whole_patients_are_left_out_where_they_have_several_cases() -> None:
    """Each case twice is one patient's: the same covariance as of one case each, whereas single cases seem surer."""
    ratings, truth = drawn()
    twice, patients = np.repeat(ratings, 2, 2), np.repeat(np.arange(40), 2).tolist()
    clustered = covariance(twice, np.repeat(truth, 2), patients=patients)
    np.testing.assert_allclose(clustered, covariance(ratings, truth), rtol=1e-9)
    assert covariance(twice, np.repeat(truth, 2)).diagonal().mean() < 0.6 * clustered.diagonal().mean()
    with pytest.raises(InputError, match="take the jackknife"):
        covariance(twice, np.repeat(truth, 2), "delong", patients)


def test_a_patient_with_cases_of_both_kinds_is_left_out_with_all_pairs_of_them() -> None:
    """Pairs of two of his own cases are among those of both of them, and are taken off once."""
    ratings, truth = drawn()
    patients = np.arange(40) % 9
    kept = [patients != one for one in range(9)]
    left = np.array([areas(ratings[..., some], truth[some]).ravel() for some in kept])
    apart = left - left.mean(0)
    found = covariance(ratings, truth, patients=patients.tolist())
    np.testing.assert_allclose(found, 8 / 9 * apart.T @ apart, atol=1e-15)


def test_what_a_reader_did_not_rate_is_left_out_for_that_reader() -> None:
    ratings, truth = drawn()
    missing = ratings.copy()
    missing[:, 1, [0, 30]] = np.nan
    kept = np.delete(np.arange(40), [0, 30])
    found = areas(missing, truth)
    np.testing.assert_allclose(found[:, 1], areas(ratings[:, 1:2, kept], truth[kept])[:, 0])
    np.testing.assert_allclose(found[:, 0], areas(ratings, truth)[:, 0])
    own = np.ix_([1, 4], [1, 4])
    np.testing.assert_allclose(
        covariance(missing, truth)[own], covariance(ratings[:, 1:2, kept], truth[kept]), rtol=1e-9
    )
    with pytest.raises(InputError, match="ratings are missing; take the jackknife"):
        covariance(missing, truth, "delong")
    missing[0, 1, truth] = np.nan
    with pytest.raises(InputError, match="leave that reader out"):
        areas(missing, truth)


def test_readers_of_different_cases_have_independent_errors() -> None:
    ratings, truth = drawn()
    half = np.arange(40) % 2 == 0
    ratings[:, 0, half], ratings[:, 1:, ~half] = np.nan, np.nan
    found = covariance(ratings, truth)
    assert found[0, 1] == 0
    assert found[1, 2] != pytest.approx(0, abs=0.02 * found[0, 0])


def test_bad_input_is_refused() -> None:
    ratings, truth = drawn()
    with pytest.raises(InputError, match="the same truth"):
        areas(ratings, np.ones(40, bool))
    with pytest.raises(InputError, match="not finite"):
        areas(np.where(truth, np.inf, ratings), truth)
    with pytest.raises(InputError, match=r"give \(tests, readers, cases\)"):
        areas(ratings[0], truth)


def test_the_patients_of_the_rarer_kind_are_counted_for_each_reader() -> None:
    """The first reader reads both lesions, of one patient, and the second one of them; all read the others."""
    read = np.array([[True, True, True, True, True], [True, False, True, True, False]])
    truth, patients = np.array([True, True, False, False, False]), ["a", "a", "a", "b", "c"]
    assert rarer(read, truth, patients) == 1
    assert rarer(read, ~truth, patients) == 1
    assert patients_read(read[:, 2:], patients[2:]) == 2.5
