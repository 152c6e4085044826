import numpy as np
import pytest
from scipy import stats

from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.statistics.readers.forced_choice import forced_choice

# Phi(d' / sqrt(2)) where the evidence is 0.8 with a standard deviation of sqrt(1 + 0.3²) over patients and readers
TRUTH = 0.7782


def choices(criterion: float, trials: int = 20000) -> tuple[np.ndarray, np.ndarray]:
    """A reader with d' = 1 who prefers a side by this much."""
    rng = np.random.default_rng(0)
    target = rng.random(trials) < 0.5
    evidence = np.where(target, 1.0, -1.0) * 2**-0.5 + rng.normal(0, 1, trials)
    return evidence > criterion, target


def test_a_side_that_is_preferred_lowers_the_share_and_not_the_sensitivity() -> None:
    even, biased = (forced_choice(*choices(criterion), range(20000)) for criterion in (0, 0.8))
    assert biased.chosen.value < even.chosen.value - 0.05
    assert (even.sensitivity, biased.sensitivity) == (pytest.approx(1, abs=0.04), pytest.approx(1, abs=0.04))
    assert (even.unbiased.value, biased.unbiased.value) == (
        pytest.approx(0.76, abs=0.01),
        pytest.approx(0.76, abs=0.01),
    )
    assert biased.criterion == pytest.approx(2**0.5 * 0.8, abs=0.05)
    assert even.bias is not None
    assert biased.bias is not None
    assert biased.bias < 1e-6 < 0.01 < even.bias


def test_the_share_is_over_patients() -> None:
    found = forced_choice([True, True, False, True], [True, True, True, False], "aabc")
    assert found.chosen.value == pytest.approx(1 / 3)
    assert (found.on_left.value, found.on_right.value) == (2 / 3, 0)
    assert found.bias is None  # one patient has two trials


def test_a_toy_by_hand() -> None:
    """Left in 3 of 4 trials with the target there, and in 1 of 5 with it on the right: H = 3.5 / 5, F = 1.5 / 6.

    The interval of the share without bias is Student's of its values without each patient, with their bias.
    """
    chose = np.array([1, 1, 1, 0, 1, 0, 0, 0, 0], bool)
    target = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0], bool)

    def z(kept: np.ndarray) -> tuple[float, float]:
        h, f = ((chose & kept & side).sum() + 0.5 for side in (target, ~target))
        return stats.norm.ppf(h / ((kept & target).sum() + 1)), stats.norm.ppf(f / ((kept & ~target).sum() + 1))

    found = forced_choice(chose, target, range(9))
    h, f = stats.norm.ppf(3.5 / 5), stats.norm.ppf(1.5 / 6)
    assert z(np.ones(9, bool)) == pytest.approx((h, f))
    assert (found.sensitivity, found.criterion) == pytest.approx(((h - f) / 2**0.5, -(h + f) / 2**0.5))
    assert found.unbiased.value == pytest.approx(stats.norm.cdf((h - f) / 2))
    without = np.array([stats.norm.cdf(np.subtract(*z(np.arange(9) != one)) / 2) for one in range(9)])
    error = np.hypot(np.sqrt(8 * without.var()), 8 * (without.mean() - found.unbiased.value))
    low, high = found.unbiased.value + stats.t.ppf(0.975, 8) * error * np.array([-1, 1])
    assert found.unbiased.interval == pytest.approx((max(low, 0), min(high, 1)))


def test_a_target_on_one_side_only_is_refused() -> None:
    with pytest.raises(InputError, match="show it on both sides"):
        forced_choice([True, False], [True, True], "ab")


@pytest.mark.slow
def test_the_interval_without_bias_covers_the_truth_although_readers_share_patients() -> None:
    rng, covered = np.random.default_rng(1), []
    for _ in range(500):
        target = rng.random((40, 3)) < 0.5
        hard = rng.normal(0, 0.3, (40, 1))
        strength = np.where(target, 1.0, -1.0) * (0.8 + hard)
        chose = strength + rng.normal(0, 1, target.shape) > 0.4
        found = forced_choice(chose.ravel(), target.ravel(), np.repeat(range(40), 3).tolist())
        low, high = found.unbiased.interval or (0, 0)
        covered.append(low <= TRUTH <= high)
    assert 0.92 <= np.mean(covered) <= 0.98
