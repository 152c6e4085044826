"""Against the published outputs of OR-DBM MRMC and RJafroc, and under the null hypothesis."""

import csv
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from scipy import stats

from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.statistics.readers.averages import spread_of
from napari_recon_robust.statistics.readers.jackknife import jackknife_covariance
from napari_recon_robust.statistics.readers.obuchowski_rockette import Comparison, compare, compare_for_reader, figure
from napari_recon_robust.statistics.readers.roc import areas, covariance
from napari_recon_robust.statistics.readers.shares import shares


def read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Ratings (tests, readers, cases), and the truth."""
    with path.open(encoding="utf-8") as file:
        rows = [{name: int(value) for name, value in row.items()} for row in csv.DictReader(file)]
    places = {name: sorted({row[name] for row in rows}) for name in ("treatment", "reader", "case")}
    ratings, truth = np.zeros([len(found) for found in places.values()]), np.zeros(len(places["case"]), bool)
    for row in rows:
        place = tuple(places[name].index(row[name]) for name in places)
        ratings[place], truth[place[2]] = row["rating"], bool(row["truth"])
    return ratings, truth


def compared(
    ratings: np.ndarray, truth: np.ndarray, method: Literal["jackknife", "delong", "unbiased"] = "jackknife"
) -> Comparison:
    return compare(areas(ratings, truth), covariance(ratings, truth, method))


@pytest.mark.parametrize(
    ("method", "covariances", "statistic", "freedom", "p"),
    [
        ("jackknife", (0.00080229, 0.00034661, 0.00034407, 0.00023903), 4.456319, 15.25967, 0.0516657),
        ("delong", (0.0007921325, 0.0003420090, 0.0003395265, 0.0002358497), 4.484854, 15.06611, 0.05123303),
        ("unbiased", (0.0007883925, 0.0003416706, 0.0003390650, 0.0002356148), 4.489614, 15.03418, 0.0511618),
    ],
)
def test_van_dykes_readers(
    shared: Path,
    method: Literal["jackknife", "delong", "unbiased"],
    covariances: tuple[float, ...],
    statistic: float,
    freedom: float,
    p: float,
) -> None:
    found = compared(*read(shared / "data/readers/vandyke.csv"), method)
    parts = found.components
    assert (parts.of_tests, parts.of_readers, parts.of_both) == pytest.approx(
        (0.00479617, 0.00383620, 0.00055103), abs=5e-9
    )
    measured = (parts.variance, parts.same_reader, parts.same_test, parts.neither)
    assert measured == pytest.approx(covariances, abs=5e-9)
    assert found.statistic == pytest.approx(statistic, abs=5e-7)
    assert found.degrees == pytest.approx((1, freedom), abs=5e-6)
    assert found.p == pytest.approx(p, abs=5e-8)


def test_van_dykes_intervals(shared: Path) -> None:
    ratings, truth = read(shared / "data/readers/vandyke.csv")
    theta, errors = areas(ratings, truth), covariance(ratings, truth)
    np.testing.assert_allclose(theta, VAN_DYKE_AREAS, atol=5e-9)
    found = compare(theta, errors)
    difference = found.differences[0, 1]
    assert (difference.value, *difference.interval) == pytest.approx((-0.04380032, -0.08795950, 0.00035885), abs=5e-9)
    assert found.figures[0].value == pytest.approx(0.8970, abs=5e-5)
    assert found.figures[0].interval == pytest.approx((0.8252236, 0.9688505), abs=5e-8)
    assert found.figures[1].interval == pytest.approx((0.8941378, 0.9875369), abs=5e-8)
    fixed_readers = compare(theta, errors, "cases")
    assert (fixed_readers.statistic, fixed_readers.p) == pytest.approx((5.475953, 0.0192798), abs=5e-7)
    fixed_cases = compare(theta, errors, "readers")
    assert fixed_cases.statistic == pytest.approx(8.704, abs=5e-4)
    assert fixed_cases.p == pytest.approx(0.0419588, abs=5e-8)


VAN_DYKE_AREAS = np.array(
    [
        [0.91964573, 0.85877617, 0.90386473, 0.97310789, 0.82979066],
        [0.94782609, 0.90531401, 0.92173913, 0.99935588, 0.92995169],
    ]
)


def errors_of(variance: float, same_reader: float, same_test: float, neither: float) -> np.ndarray:
    """The covariance of two tests' and five readers' errors, with one value for each kind of pair."""
    test, reader = (np.kron(*pair) for pair in ((np.eye(2), np.ones((5, 5))), (np.ones((2, 2)), np.eye(5))))
    both, alone = test * reader, (1 - test) * (1 - reader)
    return variance * both + same_reader * (reader - both) + same_test * (test - both) + neither * alone


def test_van_dykes_test_follows_from_its_published_areas_and_covariances() -> None:
    """Without the ratings: F, its degrees of freedom and p of each of the three questions, as RJafroc prints them."""
    errors = errors_of(0.00080229, 0.00034661, 0.00034407, 0.00023903)
    found = compare(VAN_DYKE_AREAS, errors)
    assert (found.statistic, *found.degrees, found.p) == pytest.approx((4.456319, 1, 15.25967, 0.0516657), rel=1e-4)
    difference = found.differences[0, 1]
    assert (difference.value, *difference.interval) == pytest.approx((-0.04380032, -0.08795950, 0.00035885), abs=2e-6)
    cases = compare(VAN_DYKE_AREAS, errors, "cases")
    assert (cases.statistic, cases.p) == pytest.approx((5.475953, 0.0192798), rel=1e-4)
    assert cases.degrees[1] == np.inf
    readers = compare(VAN_DYKE_AREAS, errors, "readers")
    assert (readers.statistic, readers.p) == pytest.approx((8.704, 0.0419588), rel=1e-4)
    assert readers.degrees[1] == 4


def test_covariances_that_cross_count_as_none() -> None:
    """Where readers share less in one test than in two, F is that of the readers alone, with its degrees of freedom."""
    errors = errors_of(0.0015, 0.0008, 0.00048, 0.00051)
    crossed, alone = compare(VAN_DYKE_AREAS, errors), compare(VAN_DYKE_AREAS, errors, "readers")
    assert (crossed.statistic, crossed.degrees, crossed.p) == (alone.statistic, alone.degrees, alone.p)
    of_cases = compare(VAN_DYKE_AREAS, errors, "cases")
    assert of_cases.statistic == pytest.approx(crossed.components.of_tests / (0.0015 - 0.0008))


def test_three_tests_of_fixed_readers_have_two_degrees_of_freedom() -> None:
    """Of independent errors of one size: the sum of squares of the tests' means over the variance of one of them."""
    figures = np.array([[0.8, 0.9, 0.85], [0.7, 0.75, 0.86], [0.9, 0.8, 0.95]])
    found = compare(figures, 0.002 * np.eye(9), "cases")
    means = figures.mean(1)
    squared = 3 * ((means - means.mean()) ** 2).sum() / 0.002
    assert (found.statistic, found.degrees[0]) == pytest.approx((squared, 2))
    assert found.p == pytest.approx(stats.chi2.sf(squared, 2))


def test_the_figure_of_one_test_has_the_interval_of_hillis() -> None:
    """Of five readers, s² / r and the covariance of two readers' errors; of cases alone, and of readers alone."""
    errors, areas = errors_of(0.0008, 0.0003, 0.0004, 0.0002), VAN_DYKE_AREAS[0]
    between = areas.var(ddof=1)
    expected = {
        "readers and cases": (between / 5 + 0.0004, 4 * (1 + 5 * 0.0004 / between) ** 2),
        "cases": ((0.0008 + 4 * 0.0004) / 5, np.inf),
        "readers": (between / 5, 4),
    }
    for generalises, (variance, freedom) in expected.items():
        found = figure(VAN_DYKE_AREAS, errors, 0, generalises)
        half = stats.t.ppf(0.975, freedom) * np.sqrt(variance)
        assert found.interval == pytest.approx((areas.mean() - half, areas.mean() + half)), generalises


def test_any_figure_of_merit_is_compared(shared: Path) -> None:
    """Sensitivity at a rating of 3 or more, over the 45 diseased cases."""
    ratings, truth = read(shared / "data/readers/vandyke.csv")
    found = (ratings[..., truth] >= 3).astype(float)
    left = np.stack([np.delete(found, case, 2).mean(2).ravel() for case in range(truth.sum())])
    result = compare(found.mean(2), jackknife_covariance(left))
    assert [one.value for one in result.figures] == pytest.approx([0.8222, 0.9200], abs=5e-5)
    assert result.statistic == pytest.approx(6.689493, abs=5e-7)
    assert result.degrees[1] == pytest.approx(15.71732, abs=5e-6)
    assert result.p == pytest.approx(0.02008822, abs=5e-9)


def test_frankens_readers_whose_covariances_cross(shared: Path) -> None:
    found = compared(*read(shared / "data/readers/franken.csv"))
    parts = found.components
    measured = (parts.variance, parts.same_reader, parts.same_test, parts.neither)
    assert measured == pytest.approx((0.00152578, 0.00079168, 0.00048364, 0.00051251), abs=5e-9)
    assert found.statistic == pytest.approx(4.694058, abs=5e-7)
    assert found.degrees[1] == pytest.approx(3)
    assert found.p == pytest.approx(0.118838, abs=5e-7)
    assert found.differences[0, 1].interval == pytest.approx((-0.005090, 0.026799), abs=5e-7)


@pytest.mark.parametrize("readers", [2, 4])
@pytest.mark.parametrize("correlation", [0.0, 0.8])
def test_of_few_patients_the_error_is_that_of_averages(readers: int, correlation: float) -> None:
    """Of two tests it is that of the mean over readers of the differences, whose covariances are of n patients."""
    rng = np.random.default_rng(readers)
    of_patient = np.sqrt(correlation) * rng.standard_normal((2, 1, 6))
    values = of_patient + np.sqrt(1 - correlation) * rng.standard_normal((2, readers, 6))
    figures = values.mean(2)
    found = compare(figures, np.cov(values.reshape(-1, 6)) / 6, patients=6)
    expected = spread_of(values[0] - values[1])
    assert found.differences[0, 1].interval == pytest.approx([float(end) for end in expected.interval])
    assert (found.p, found.p_of[0, 1]) == pytest.approx((float(expected.p), float(expected.p)))
    published = compare(figures, np.cov(values.reshape(-1, 6)) / 6)
    assert found.components == published.components
    assert np.ptp(found.differences[0, 1].interval) > np.ptp(published.differences[0, 1].interval)


@pytest.mark.parametrize("readers", [1, 2, 4])
def test_of_few_patients_one_tests_figure_has_the_error_of_averages_too(readers: int) -> None:
    """Two readers whose figures are close by chance had [0.61, 0.62] where the patients alone give 0.3 to 0.9."""
    values = np.random.default_rng(readers).standard_normal((2, readers, 6))
    figures, errors = values.mean(2), np.cov(values.reshape(-1, 6)) / 6
    if readers == 1:
        singles = compare_for_reader(figures[:, 0], errors, 6)[0]
    else:
        singles = compare(figures, errors, patients=6).figures
        assert figure(figures, errors, 0, patients=6) == singles[0]
        assert figure(figures, errors, 0) != singles[0]
    for single, expected in zip(singles, map(spread_of, values), strict=True):
        assert single.interval == pytest.approx([float(end) for end in expected.interval])


@pytest.mark.parametrize("patients", [40, np.inf])
def test_readers_whose_figures_happen_to_be_the_same_still_have_errors(patients: float) -> None:
    """Both see 0.05 more with the first test, but of other patients: the published error is 0, and F without end."""
    figures, errors = np.array([[0.8, 0.8], [0.75, 0.75]]), errors_of_two(0.004, 0.001)
    found = compare(figures, errors, patients=patients)
    half = stats.t.ppf(0.975, patients - 1) * (2 * (0.004 - 0.001) / 2) ** 0.5
    assert found.differences[0, 1].interval == pytest.approx((0.05 - half, 0.05 + half))
    assert found.p == pytest.approx(found.p_of[0, 1])
    assert found.p > 0.3
    half = stats.t.ppf(0.975, patients - 1) * (0.004 / 2) ** 0.5
    assert found.figures[0].interval == pytest.approx((0.8 - half, 0.8 + half))


def errors_of_two(variance: float, same_reader: float) -> np.ndarray:
    """The covariance of two tests' and two readers' errors; two readers share none."""
    return np.kron([[variance, same_reader], [same_reader, variance]], np.eye(2))


def test_from_thirty_patients_on_the_test_is_the_published_one(shared: Path) -> None:
    ratings, truth = read(shared / "data/readers/vandyke.csv")
    theta, errors = areas(ratings, truth), covariance(ratings, truth)
    assert compare(theta, errors, patients=30) == compare(theta, errors)
    assert compare(theta, errors, patients=29) != compare(theta, errors)


def test_readers_who_answer_alike_have_students_test_over_few_patients() -> None:
    """Nothing but the patients varies, and without them there would be endless degrees of freedom."""
    seen = np.array([[1, 1, 1, 1, 0], [0, 0, 1, 0, 0]], float)
    figures, errors = shares(np.repeat(seen[:, None], 3, 1), np.arange(5))
    expected = stats.ttest_rel(*seen).pvalue
    assert compare(figures, errors, patients=5).p == pytest.approx(expected)
    assert compare(figures, errors, "cases", patients=5).p == pytest.approx(expected)
    figures, errors = shares(seen[:, None], np.arange(5))
    _, pairs = compare_for_reader(figures[:, 0], errors, 5)
    assert pairs[0, 1][1] == pytest.approx(expected)
    interval = stats.ttest_rel(*seen).confidence_interval()
    assert pairs[0, 1][0].interval == pytest.approx((interval.low, interval.high))


@pytest.mark.parametrize(("lesions", "readers"), [(3, 1), (10, 1), (5, 2), (20, 2), (10, 4)])
def test_equal_tests_of_few_lesions_are_seldom_told_apart(lesions: int, readers: int) -> None:
    """At 5% more than 19 of 200 once in 250 times; one reader of 3 lesions had 18% by the normal distribution."""
    rng, found = np.random.default_rng(0), 0
    for _ in range(200):
        drawn = np.sqrt(0.6) * rng.standard_normal((2, 1, lesions))
        right = drawn + np.sqrt(0.4) * rng.standard_normal((2, readers, lesions)) > 0
        figures, errors = shares(right.astype(float), np.arange(lesions))
        if readers > 1:
            found += compare(figures, errors, patients=lesions).p < 0.05
        elif np.abs(errors).max() > 1e-12:
            found += compare_for_reader(figures[:, 0], errors, lesions)[1][0, 1][1] < 0.05
    assert found <= 19


def roe_metz(rng: np.random.Generator, readers: int = 5, cases: int = 50) -> tuple[np.ndarray, np.ndarray]:
    """Ratings of two equal tests by the model of Roe and Metz 1997, its high data correlation, low reader variance.

    Variances: reader and test by reader 0.0055, case 0.3, test by case 0.3, reader by case 0.2, error 0.2.
    """
    truth = np.arange(2 * cases) < cases
    ratings = np.empty((2, readers, 2 * cases))
    for kind, shift in ((True, 1.5), (False, 0.0)):

        def normal(variance: float, *shape: int) -> np.ndarray:
            return np.sqrt(variance) * rng.standard_normal(shape)

        drawn = normal(0.0055, 1, readers, 1) + normal(0.0055, 2, readers, 1)
        drawn = drawn + normal(0.3, 1, 1, cases) + normal(0.3, 2, 1, cases) + normal(0.2, 1, readers, cases)
        ratings[..., truth == kind] = shift + drawn + normal(0.2, 2, readers, cases)
    return ratings, truth


@pytest.mark.thorough
def test_equal_tests_are_told_apart_as_often_as_the_level_says() -> None:
    """3.5 to 6.5% of 2,000 draws."""
    rng = np.random.default_rng(0)
    rejected = [compared(*roe_metz(rng), "delong").p < 0.05 for _ in range(2000)]
    assert 0.035 <= np.mean(rejected) <= 0.065


@pytest.mark.slow
@pytest.mark.parametrize(("cases", "readers"), [(6, 3), (10, 5)])
def test_an_area_of_few_cases_lies_in_its_interval_by_log_odds(cases: int, readers: int) -> None:
    """91 to 98% of 1,000 draws, of the interval that is even about the area less than 90%."""
    rng, even, by_log_odds = np.random.default_rng(0), [], []
    area = stats.norm.cdf(1.5 / np.sqrt(2 * 1.011))  # of readers like these, whose variance is 0.011
    for _ in range(1000):
        ratings, truth = roe_metz(rng, readers, cases)
        found = figure(areas(ratings[:1], truth), covariance(ratings[:1], truth), 0)
        for covered, estimate in ((even, found), (by_log_odds, found.by_log_odds())):
            low, high = estimate.interval or (0.0, 1.0)
            covered.append(low <= area <= high)
    assert np.mean(even) < 0.9
    assert 0.91 <= np.mean(by_log_odds) <= 0.98


def test_one_reader_or_one_test_is_refused() -> None:
    with pytest.raises(InputError, match="at least 2 tests and 2 readers"):
        compare(np.ones((2, 1)), np.eye(2))


def test_equal_figures_do_not_differ() -> None:
    found = compare(np.full((2, 3), 0.75), np.zeros((6, 6)))
    assert (found.statistic, found.p) == (0.0, 1.0)


def test_each_pair_of_three_tests_has_its_own_p(shared: Path) -> None:
    ratings, truth = read(shared / "data/readers/vandyke.csv")
    rng = np.random.default_rng(0)
    three = np.concatenate((ratings, ratings[1:] + rng.normal(0, 2, ratings[1:].shape)))
    found = compared(three, truth)
    assert found.p_of[0, 1] != found.p_of[1, 2] != found.p
    for pair, estimate in found.differences.items():
        low, high = estimate.interval or (9, 9)
        assert (low > 0 or high < 0) == (found.p_of[pair] < 0.05)
    two = compared(ratings, truth)
    assert two.p_of[0, 1] == pytest.approx(two.p)


def test_one_reader_is_compared_for_cases(shared: Path) -> None:
    """DeLong's test of the first reader's two areas."""
    ratings, truth = read(shared / "data/readers/vandyke.csv")
    one = ratings[:, :1]
    errors = covariance(one, truth, "delong")
    singles, pairs = compare_for_reader(areas(one, truth)[:, 0], errors)
    estimate, p = pairs[0, 1]
    z = estimate.value / np.sqrt(errors[0, 0] + errors[1, 1] - 2 * errors[0, 1])
    assert p == pytest.approx(2 * stats.norm.sf(abs(z)))
    assert estimate.value == pytest.approx(0.91964573 - 0.94782609, abs=1e-8)
    assert singles[0].interval == pytest.approx(
        (singles[0].value - 1.959964 * errors[0, 0] ** 0.5, singles[0].value + 1.959964 * errors[0, 0] ** 0.5)
    )
