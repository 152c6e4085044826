import numpy as np
import pytest
from scipy import integrate, stats

from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.statistics.readers.alternatives import alternatives, sensitivity_of, share_of


def trials(
    rng: np.random.Generator, patients: int = 24, liking: float = 0.0, sensitivity: float = 1.0
) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """Three readers of four images; a patient's are easier or harder; `liking` draws readers to the first place."""
    target = rng.integers(0, 4, (patients, 3))
    evidence = rng.standard_normal((patients, 3, 4)) + liking * (np.arange(4) == 0)
    evidence += (np.arange(4) == target[..., None]) * (sensitivity + rng.normal(0, 0.5, (patients, 1, 1)))
    return evidence.argmax(-1).ravel(), target.ravel(), np.repeat(range(patients), 3).tolist()


@pytest.mark.parametrize("sensitivity", [-1.0, 0.5, 2.0, 6.0])
def test_the_share_is_the_integral_over_the_targets_evidence(sensitivity: float) -> None:
    found, _ = integrate.quad(lambda x: stats.norm.pdf(x - sensitivity) * stats.norm.cdf(x) ** 4, -12, 20)
    assert share_of(sensitivity, 5) == pytest.approx(found, abs=1e-9)
    assert share_of(0, 5) == pytest.approx(0.2)
    assert share_of(sensitivity, 2) == pytest.approx(stats.norm.cdf(sensitivity / 2**0.5))


def test_sensitivity_is_that_of_the_published_table() -> None:
    """Hacker and Ratcliff 1979, to two digits."""
    found = [sensitivity_of(share, 4) for share in (0.25, 0.5, 0.75)]
    assert found == pytest.approx([0, 0.84, 1.68], abs=0.005)


def test_a_toy_by_hand() -> None:
    """Patient a: 1 of 2 correct; b and c: 1 of 1. Positions 0, 1, 2 were chosen 1, 2 and 1 times."""
    found = alternatives([0, 1, 1, 2], [0, 2, 1, 2], 3, "aabc")
    assert found.correct.value == pytest.approx((0.5 + 1 + 1) / 3)
    assert [one.value for one in found.chosen_at] == pytest.approx([0.5 / 3, (0.5 + 1) / 3, 1 / 3])
    assert found.sensitivity.value == pytest.approx(sensitivity_of(2.5 / 3, 3))
    assert found.bias is None  # 3 patients and 3 positions


def test_perfect_readers_have_a_finite_sensitivity_and_no_bias() -> None:
    target = [0, 1, 2, 3] * 5
    found = alternatives(target, target, 4, range(20))
    assert found.correct.value == 1
    assert found.sensitivity.value == pytest.approx(sensitivity_of(1 - 1 / 40, 4))
    assert found.sensitivity.interval is not None
    assert found.sensitivity.interval[0] < found.sensitivity.value
    assert found.bias == 1


def test_readers_who_always_take_one_place_are_seen() -> None:
    assert alternatives([0] * 20, [0, 1, 2, 3] * 5, 4, range(20)).bias == 2 / 2**20
    assert (alternatives(*trials(np.random.default_rng(1), liking=1)[:2], 4, range(72)).bias or 1) < 0.01


def test_the_bias_is_hotellings_test_by_the_influence_of_each_patient() -> None:
    """Found by moving each patient's weight, with the share of correct choices found anew: targets lie mostly at 0."""
    rng, patients = np.random.default_rng(3), 60
    target = rng.choice(4, patients, p=(0.7, 0.1, 0.1, 0.1))
    chosen = np.where(rng.random(patients) < 0.5, target, rng.choice(4, patients, p=(0.15, 0.35, 0.25, 0.25)))
    here, taken = (which[:, None] == np.arange(4) for which in (target, chosen))

    def apart(weights: np.ndarray) -> np.ndarray:
        correct = np.average(chosen == target, weights=weights)
        return np.average(taken - np.where(here, correct, (1 - correct) / 3), axis=0, weights=weights)[:3]

    steps = 1e-4 * np.eye(patients)
    influence = [patients * (apart(1 + step) - apart(1 - step)) / 2e-4 for step in steps]
    found = apart(np.ones(patients))
    squared = found @ np.linalg.solve(np.cov(influence, rowvar=False) / patients, found)
    p = stats.f.sf((patients - 3) / (3 * (patients - 1)) * squared, 3, patients - 3)
    assert 0.001 < p < 0.5
    assert alternatives(chosen, target, 4, range(patients)).bias == pytest.approx(p, rel=1e-5)


@pytest.mark.parametrize(("patients", "p"), [(3, 0.25), (4, 0.125), (10, 2 / 2**10)])
def test_patients_who_are_apart_by_the_same_have_the_exact_sign_test(patients: int, p: float) -> None:
    """However alike they are, three patients show no more than three equal signs."""
    whose = np.repeat(range(patients), 2).tolist()
    assert alternatives([0, 0] * patients, [0, 1] * patients, 2, whose).bias == p


@pytest.mark.thorough
def test_without_a_preference_the_test_rejects_as_often_as_its_level_says() -> None:
    rng, rejected, covered = np.random.default_rng(0), [], []
    # the share of correct choices of an observer whose evidence for the target has a variance of 1 + 0.25
    truth, _ = integrate.quad(lambda x: stats.norm.pdf(x, 1, 1.25**0.5) * stats.norm.cdf(x) ** 3, -12, 20)
    for _ in range(200):
        chosen, target, patients = trials(rng)
        found = alternatives(chosen, target, 4, patients)
        rejected.append((found.bias or 0) < 0.05)
        low, high = found.sensitivity.interval or (9, 9)
        covered.append(low <= sensitivity_of(truth, 4) <= high)
    assert 0.015 <= np.mean(rejected) <= 0.09
    assert 0.92 <= np.mean(covered) <= 0.985


def test_positions_that_there_are_not_are_refused() -> None:
    with pytest.raises(InputError, match="count positions from 0"):
        alternatives([0, 4], [0, 1], 4, "ab")
    with pytest.raises(InputError, match="do not fit"):
        alternatives([0, 1], [0], 4, "ab")
