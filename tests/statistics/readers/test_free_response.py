import dataclasses

import numpy as np
import pytest

from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.statistics.readers.free_response import (
    UNMARKED,
    FreeResponse,
    even_weights,
    weighted_afroc,
    weighted_afroc_covariance,
)
from napari_recon_robust.statistics.readers.obuchowski_rockette import compare
from napari_recon_robust.statistics.readers.roc import areas, covariance


def toy() -> FreeResponse:
    """One test, one reader. Cases 0 and 1 are normal, unmarked and marked at 2; case 2 has lesions of weights 0.3,
    marked at 3, and 0.7, unmarked; case 3 has one that is marked at 2. False marks on these two don't count."""
    return FreeResponse(
        lesions=np.array([[[3, UNMARKED, 2]]]),
        of=np.array([2, 2, 3]),
        false=np.array([[[UNMARKED, 2, 9, UNMARKED]]]),
        truth=np.array([False, False, True, True]),
        weights=np.array([0.3, 0.7, 1.0]),
    )


def drawn(rng: np.random.Generator, cases: int = 40, readers: int = 4) -> FreeResponse:
    """Two equal tests; half of the cases have one to three lesions, two of three of which are marked."""
    truth = np.arange(cases) % 2 == 0
    of = np.repeat(np.flatnonzero(truth), rng.integers(1, 4, truth.sum()))
    easy, hard = rng.standard_normal((1, 1, of.size)), rng.standard_normal((1, 1, cases))
    found = easy + rng.standard_normal((2, readers, of.size)) + 1.5
    false = hard + rng.standard_normal((2, readers, cases))
    return FreeResponse(
        lesions=np.where(found > 0.6, found, UNMARKED),
        of=of,
        false=np.where(false > 0.6, false, UNMARKED),
        truth=truth,
        weights=even_weights(of),
    )


def test_a_toy_by_hand() -> None:
    """Case 2: 0.3 + 0.7 / 2 against the unmarked one, 0.3 against the other; case 3: 1 and 1/2."""
    assert weighted_afroc(toy()).tolist() == [[pytest.approx((0.65 + 0.3 + 1 + 0.5) / 4)]]


def test_it_is_the_area_under_the_curve() -> None:
    """Weighted share of lesions that are found over the share of normal cases with a false mark, and straight on."""
    marks = drawn(np.random.default_rng(0))
    lesions, false = marks.lesions[1, 2], marks.false[1, 2, ~marks.truth]
    levels = [np.inf, *np.unique(np.concatenate((lesions, false)))[::-1]]
    across = [np.mean(false >= level) for level in levels]
    up = [(marks.weights * (lesions >= level)).sum() / marks.truth.sum() for level in levels]
    assert weighted_afroc(marks)[1, 2] == pytest.approx(np.trapezoid(up, across))


def test_one_lesion_and_one_mark_in_each_case_give_the_area_under_the_roc_curve() -> None:
    rng = np.random.default_rng(0)
    truth = np.arange(30) % 2 == 0
    ratings = np.rint(2 * rng.standard_normal((2, 3, 30))) + truth
    of = np.flatnonzero(truth)
    marks = FreeResponse(ratings[..., truth], of, ratings, truth, np.ones(of.size))
    np.testing.assert_allclose(weighted_afroc(marks), areas(ratings, truth))
    np.testing.assert_allclose(weighted_afroc_covariance(marks), covariance(ratings, truth))


def without(marks: FreeResponse, case: int) -> FreeResponse:
    kept = marks.of != case
    return FreeResponse(
        marks.lesions[..., kept],
        np.searchsorted(np.delete(np.arange(marks.truth.size), case), marks.of[kept]),
        np.delete(marks.false, case, 2),
        np.delete(marks.truth, case),
        marks.weights[kept],
    )


def test_the_jackknife_leaves_out_whole_cases() -> None:
    marks = drawn(np.random.default_rng(0), cases=14, readers=2)
    left = np.array([weighted_afroc(without(marks, case)).ravel() for case in range(14)])
    apart = left - left.mean(0)
    np.testing.assert_allclose(weighted_afroc_covariance(marks), 13 / 14 * apart.T @ apart, atol=1e-15)


def test_cases_of_one_patient_are_left_out_together() -> None:
    marks = drawn(np.random.default_rng(0), cases=16)
    twice = FreeResponse(
        np.concatenate((marks.lesions, marks.lesions), 2),
        np.concatenate((marks.of, marks.of + 16)),
        np.concatenate((marks.false, marks.false), 2),
        np.tile(marks.truth, 2),
        np.tile(marks.weights, 2),
    )
    found = weighted_afroc_covariance(twice, patients=[*range(16), *range(16)])
    np.testing.assert_allclose(found, weighted_afroc_covariance(marks), rtol=1e-9)


@pytest.mark.thorough
def test_equal_tests_are_told_apart_as_often_as_the_level_says() -> None:
    rng, rejected = np.random.default_rng(0), []
    for _ in range(300):
        marks = drawn(rng)
        rejected.append(compare(weighted_afroc(marks), weighted_afroc_covariance(marks)).p < 0.05)
    assert 0.02 <= np.mean(rejected) <= 0.085


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"truth": np.zeros(4, bool)}, "the same truth"),
        ({"truth": np.array([True, False, True, True])}, "mend the truth"),
        ({"weights": np.array([0.5, 0.7, 1.0])}, "add up to 1"),
        ({"of": np.array([2, 3])}, "fit together"),
        ({"false": np.full((1, 1, 4), np.nan)}, "no number"),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, np.ndarray], words: str) -> None:
    with pytest.raises(InputError, match=words):
        dataclasses.replace(toy(), **changes)


def split(marks: FreeResponse) -> FreeResponse:
    """Each reader read every other pair of cases: the first and third these, the others those."""
    groups, cases = np.arange(marks.false.shape[1]) % 2, np.arange(marks.truth.size) // 2 % 2
    unread = groups[:, None] != cases
    return dataclasses.replace(
        marks,
        lesions=np.where(unread[:, marks.of], np.nan, marks.lesions),
        false=np.where(unread, np.nan, marks.false),
    )


def test_a_reader_of_some_cases_has_the_area_and_the_error_of_just_these() -> None:
    marks = drawn(np.random.default_rng(0), cases=16)
    parted, alone = split(marks), marks
    for case in reversed(range(16)):
        if case // 2 % 2:
            alone = without(alone, case)
    np.testing.assert_allclose(weighted_afroc(parted)[:, 0], weighted_afroc(alone)[:, 0])
    mine = weighted_afroc_covariance(parted).reshape(2, 4, 2, 4)[:, 0, :, 0]
    expected = weighted_afroc_covariance(alone).reshape(2, 4, 2, 4)[:, 0, :, 0]
    np.testing.assert_allclose(mine, expected, rtol=1e-9)


def test_readers_of_different_cases_err_independently() -> None:
    errors = weighted_afroc_covariance(split(drawn(np.random.default_rng(0), cases=80))).reshape(2, 4, 2, 4)
    assert abs(errors[0, 0, 0, 1]) < 0.05 * errors[0, 0, 0, 0]
    assert errors[0, 0, 0, 2] > 0.2 * errors[0, 0, 0, 0]


@pytest.mark.slow
def test_equal_tests_of_a_split_plot_design_are_told_apart_as_often_as_the_level_says() -> None:
    rng, rejected = np.random.default_rng(0), []
    for _ in range(300):
        marks = split(drawn(rng, cases=60))
        rejected.append(compare(weighted_afroc(marks), weighted_afroc_covariance(marks)).p < 0.05)
    assert 0.02 <= np.mean(rejected) <= 0.085
