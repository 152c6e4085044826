import numpy as np
import pytest
from scipy import stats

from napari_recon_robust.statistics.readers.shares import share


def test_the_interval_is_clopper_and_pearsons_for_the_effective_number_of_readings() -> None:
    """10 patients with one reading each: the variance with n - 1 stands for 9 independent readings, of which half."""
    found = share([1, 0] * 5, range(10))
    assert found.value == 0.5
    assert found.interval == pytest.approx((stats.beta.ppf(0.025, 4.5, 5.5), stats.beta.ppf(0.975, 5.5, 4.5)))


def test_where_all_agree_the_patients_are_what_is_known() -> None:
    """4 of 4: 0.025^(1/4), whether each was read once or, so that more is known, five times."""
    assert share([1] * 4, "abcd").interval == pytest.approx((0.025**0.25, 1))
    low, high = share([0] * 20, "abcd" * 5).interval or (9, 9)
    assert (low, high) == pytest.approx(
        (0, 1 - 0.025 ** (1 / (4 * (stats.t.ppf(0.975, 19) / 3.182446) ** 2))), abs=1e-6
    )


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
