import numpy as np
import pytest

from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.statistics.shifts import filtered, share_closed


def test_the_worst_slices_are_filtered_beside_as_many_random_ones() -> None:
    found = filtered([0.9, 0.1, 0.5, 0.2], 2)
    assert found.worst.tolist() == [1, 3]
    assert len(set(found.random.tolist())) == 2


def test_the_share_of_the_gap_is_a_ratio_of_means_over_volumes() -> None:
    found = share_closed([0.5, 0.5, 0.6], [0.6, 0.6, 0.7], [0.7, 0.7, 0.8], "aab")
    assert found.value == pytest.approx(0.5)
    assert found.interval is None
    assert found.units == 2


@pytest.mark.parametrize("volumes", [4, 10, 20])
def test_the_interval_of_the_share_covers_the_truth(volumes: int) -> None:
    rng, covered = np.random.default_rng(volumes), []
    for _ in range(1000):
        without, gap = rng.normal(0.6, 0.05, volumes), rng.normal(0.1, 0.02, volumes)
        closed = without + 0.7 * gap + rng.normal(0, 0.01, volumes)
        low, high = share_closed(without, closed, without + gap, range(volumes)).interval or (0, 0)
        covered.append(low <= 0.7 <= high)
    assert 0.93 <= np.mean(covered) <= 0.97


def test_a_gap_that_may_be_zero_has_no_interval_of_its_share() -> None:
    assert share_closed([0, 0, 0, 0], [1, 1, 1, 1], [1, -1, 1, -0.9], range(4)).interval is None
    assert np.isnan(share_closed([0, 0], [1, 1], [0, 0], "ab").value)


def test_volumes_that_all_close_the_same_share_have_no_interval_of_it() -> None:
    without, gap = np.array([0.6, 0.5, 0.7, 0.65]), np.array([0.1, 0.2, 0.05, 0.12])
    found = share_closed(without, without + gap / 2, without + gap, range(4))
    assert (found.value, found.interval) == (pytest.approx(0.5), None)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match="5 of 4 slices"):
        filtered([1, 2, 3, 4], 5)
    with pytest.raises(InputError, match="three scores of each slice"):
        share_closed([1, 2], [1], [1, 2], "ab")
