import numpy as np
import pytest
from scipy import stats

from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.statistics import clustered
from napari_recon_robust.statistics.estimate import Values
from napari_recon_robust.statistics.readers.averages import average, spread, spread_of, table
from napari_recon_robust.statistics.readers.jackknife import jackknife_covariance
from napari_recon_robust.statistics.readers.obuchowski_rockette import figure


def drawn(readers: int, patients: int, of_readers: float, draws: int = 1, seed: int = 0) -> Values:
    """Readings (draws, readers, patients) of mean 0; patients and single readings have a variance of 1/2 each."""
    rng = np.random.default_rng(seed)
    shapes = {(draws, readers, 1): of_readers, (draws, 1, patients): 0.5, (draws, readers, patients): 0.5}
    return np.asarray(sum(np.sqrt(variance) * rng.standard_normal(shape) for shape, variance in shapes.items()))


def test_the_variance_is_that_of_a_two_way_analysis_with_random_effects() -> None:
    """(MS readers + MS patients - MS rest) / n r, worked out by sums of squares, where readers differ by enough."""
    values = drawn(4, 12, 1.0)[0]
    readers, patients = values.shape
    mean, of_reader, of_patient = values.mean(), values.mean(1), values.mean(0)
    of_readers = patients * ((of_reader - mean) ** 2).sum() / (readers - 1)
    of_patients = readers * ((of_patient - mean) ** 2).sum() / (patients - 1)
    rest = ((values - of_reader[:, None] - of_patient + mean) ** 2).sum() / ((readers - 1) * (patients - 1))
    found = spread_of(values)
    assert found.mean == pytest.approx(mean)
    assert found.variance == pytest.approx((of_readers + of_patients - rest) / values.size)


def test_the_variance_is_that_of_obuchowski_and_rockette() -> None:
    """Their interval with endless degrees of freedom for what patients share is the narrower one."""
    values = drawn(5, 30, 0.3, seed=2)[0]
    left_out = np.stack([np.delete(values, at, 1).mean(1) for at in range(30)])
    theirs = figure(values.mean(1)[None], jackknife_covariance(left_out), 0)
    ours = average(values.ravel(), np.repeat(range(5), 30).tolist(), list(range(30)) * 5).estimate
    assert theirs.interval is not None
    assert ours.interval is not None
    assert ours.value == pytest.approx(theirs.value)
    assert 1 <= np.ptp(ours.interval) / np.ptp(theirs.interval) < 1.05


def test_readers_who_answer_alike_have_students_interval_over_patients() -> None:
    once = np.array([1.0, 4.0, 2.0, 2.5, 7.0])
    found = average(np.tile(once, 3), [name for name in "abc" for _ in once], list(range(5)) * 3)
    assert found.estimate.interval == pytest.approx(clustered.mean(once, range(5)).interval)
    assert found.p == pytest.approx(stats.ttest_1samp(once, 0).pvalue)
    alone = average(once, ["a"] * 5, range(5))
    assert (alone.readers, alone.p) == (1, None)
    assert alone.estimate.interval == pytest.approx(clustered.mean(once, range(5)).interval)


@pytest.mark.parametrize(("readers", "patients", "of_readers"), [(2, 12, 0.1), (3, 5, 0.0), (4, 40, 0.1), (6, 12, 0.5)])
def test_the_interval_covers_the_mean_of_all_readers_and_patients(
    readers: int, patients: int, of_readers: float
) -> None:
    """Over patients alone it covers that of 4 readers of 40 patients in 78% of studies."""
    values = drawn(readers, patients, of_readers, 4000)
    low, high = spread_of(values).interval
    assert 0.93 <= ((low <= 0) & (high >= 0)).mean() <= 0.98
    if patients == 40:
        low, high = clustered.student(values.mean(1))
        assert ((low <= 0) & (high >= 0)).mean() < 0.8


def test_readers_of_different_patients_are_averaged_too() -> None:
    """A split-plot design: two readers of each half of the patients share their errors, the others do not."""
    values = drawn(4, 24, 0.1, 4000)
    values[:, :2, :12], values[:, 2:, 12:] = np.nan, np.nan
    found = spread_of(values)
    low, high = found.interval
    assert found.variance.mean() == pytest.approx(found.mean.var(), rel=0.06)
    assert 0.93 <= ((low <= 0) & (high >= 0)).mean() <= 0.97


def test_cases_of_a_patient_are_averaged_and_who_read_little_is_left_out() -> None:
    cells, kept = table([1, 3, 5, 5, 7, 9], "aaaaab", [1, 1, 2, 3, 4, 1])
    assert (cells.tolist(), kept) == ([[2, 5, 5, 7]], ("a",))
    few = average([1.0, 2.0, 4.0], "aab", [1, 2, 1])
    assert (few.estimate.value, few.estimate.interval, few.readers) == (2.25, None, 0)
    with pytest.raises(InputError, match="2 readings do not fit"):
        table([1, 2], "a", [1, 2])


@pytest.mark.parametrize("readers", [2, 3, 4, 6])
@pytest.mark.parametrize("patients", range(3, 16))
def test_rounding_does_not_decide_about_the_degrees_of_freedom(readers: int, patients: int) -> None:
    """Where one answer differs, readers vary by just their own errors, and these have (r - 1)(n - 1)."""
    cells = np.ones((readers, patients))
    cells[0, 0] = 0
    assert spread_of(cells).freedom == pytest.approx((readers - 1) * (patients - 1))


def test_where_nothing_varies_the_interval_has_no_width() -> None:
    found = spread(np.array([2.0, 2.0]), np.zeros((2, 2)), 5)
    assert (float(found.variance), [float(end) for end in found.interval], float(found.p)) == (0, [2, 2], 0)
    assert float(spread(np.zeros(2), np.zeros((2, 2)), 5).p) == 1
