import numpy as np
import pytest
from scipy import special, stats

from napari_recon_robust.statistics.readers.averages import spread_of
from napari_recon_robust.statistics.readers.shares import average_share, mean_share, share, share_interval, shares


def test_the_interval_is_clopper_and_pearsons_for_the_effective_number_of_readings() -> None:
    """10 patients with one reading each: the variance with n - 1 stands for 9 independent readings, of which half."""
    found = share([1, 0] * 5, range(10))
    assert found.value == 0.5
    assert found.interval == pytest.approx((stats.beta.ppf(0.025, 4.5, 5.5), stats.beta.ppf(0.975, 5.5, 4.5)))


def test_readings_of_one_patient_count_as_korn_and_graubard_say() -> None:
    """48 readings of 12 patients, by their formula and the binomial distribution's own tails."""
    answers = np.arange(48).reshape(12, 4) % 7 < np.arange(12)[:, None] % 5
    found = share(answers.ravel(), np.repeat(range(12), 4).tolist())
    p, variance = answers.mean(), answers.mean(1).var(ddof=1) / 12
    number = p * (1 - p) / variance * (stats.t.ppf(0.975, 47) / stats.t.ppf(0.975, 11)) ** 2
    assert 12 < number < 48
    assert found.interval is not None
    low, high = found.interval
    assert special.betainc(p * number, number - p * number + 1, low) == pytest.approx(0.025)
    assert special.betainc(p * number + 1, number - p * number, high) == pytest.approx(0.975)


def test_where_all_agree_the_patients_are_what_is_known() -> None:
    """4 of 4: 0.025^(1/4), whether each was read once, five times, or by five readers."""
    for readers in ([None] * 4, [None] * 20, np.repeat(range(5), 4).tolist()):
        patients = "abcd" * (len(readers) // 4)
        for value, interval in ((1, (0.025**0.25, 1)), (0, (0, 1 - 0.025**0.25))):
            found = average_share([value] * len(readers), readers, patients).estimate
            assert found.interval == pytest.approx(interval)


@pytest.mark.parametrize(("readers", "patients"), [(1, 6), (2, 8), (3, 12), (4, 6), (10, 6)])
def test_more_votes_against_move_the_interval_away(readers: int, patients: int) -> None:
    """Each next vote is of another patient: neither end moves up by more than steps of the effective number."""
    reader, patient = (cell.ravel() for cell in np.indices((readers, patients)))
    order = np.lexsort((reader, (patient - reader) % patients))
    against, ends = np.ones(order.size), []
    for vote in (None, *order):
        if vote is not None:
            against[vote] = 0
        ends.append(average_share(against, reader.tolist(), patient.tolist()).estimate.interval)
    low, high = np.array(ends).T
    assert np.diff(low).max() < 0.005
    assert np.diff(high).max() < 0.005
    assert (low[0], high[-1]) == pytest.approx((0.025 ** (1 / patients), 1 - 0.025 ** (1 / patients)))


def test_below_three_patients_there_is_no_interval() -> None:
    assert share([1, 0, 1], "aab").interval is None


@pytest.mark.parametrize(("truth", "patients"), [(0.5, 12), (0.9, 12), (0.9, 40)])
def test_the_interval_covers_the_truth_although_readers_share_patients(truth: float, patients: int) -> None:
    rng, covered = np.random.default_rng(0), []
    edge = stats.norm.ppf(truth) * 1.5**0.5
    for _ in range(300):
        hard = rng.normal(0, 0.5**0.5, (patients, 1))
        read = hard + rng.standard_normal((patients, 4)) < edge
        low, high = share(read.ravel(), np.repeat(range(patients), 4).tolist()).interval or (9, 9)
        covered.append(low <= truth <= high)
    assert np.mean(covered) >= 0.93


def test_many_readers_who_mostly_agree_are_not_taken_for_as_many_patients() -> None:
    """Of ten readers and six patients with nearly one answer each, where an end had no bound 88% held the truth."""
    rng, edge = np.random.default_rng(0), stats.norm.ppf(0.9)
    latent = 0.9**0.5 * rng.standard_normal((2000, 1, 6)) + 0.1**0.5 * rng.standard_normal((2000, 10, 6))
    low, high = share_interval(spread_of((latent < edge).astype(float)), 60, 6)
    assert ((low <= 0.9) & (high >= 0.9)).mean() >= 0.94


def test_readers_of_different_patients_have_the_errors_of_their_own() -> None:
    """p (1 - p) / (n - 1) of n patients with one answer each, and independent of those of others."""
    right = np.full((2, 3, 15), np.nan)
    for reader in range(3):
        right[:, reader, 5 * reader : 5 * reader + 5] = np.arange(10).reshape(2, 5) % (reader + 2) > 0
    figures, errors = shares(right, np.arange(15))
    np.testing.assert_allclose(errors.diagonal(), (figures * (1 - figures) / 4).ravel())
    assert not errors.reshape(2, 3, 2, 3)[:, 0, :, 1:].any()


def test_a_share_of_figures_has_the_interval_of_a_share_of_answers() -> None:
    """Three readers of nine patients; the errors are the jackknife's."""
    right = (np.arange(27).reshape(3, 9) % 4 > 0).astype(float)
    figures, errors = shares(right[None], np.arange(9))
    reader, patient = (cell.ravel() for cell in np.indices(right.shape))
    found, expected = (
        mean_share(right, errors, np.arange(9)),
        average_share(right.ravel(), reader.tolist(), patient.tolist()),
    )
    assert (found.value, found.units) == (pytest.approx(figures.mean()), 3)
    assert found.interval == pytest.approx(expected.estimate.interval)
