from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from napari_recon_robust.statistics import clustered
from napari_recon_robust.statistics.estimate import Estimate
from napari_recon_robust.statistics.readers.agreement import Weights, fleiss_kappa, intraclass_correlation, kappa
from napari_recon_robust.statistics.readers.forced_choice import forced_choice
from napari_recon_robust.statistics.readers.jackknife import jackknife, jackknife_covariance
from napari_recon_robust.statistics.readers.visual_grading import visual_grading

Study = Callable[[np.random.Generator, int, bool], Estimate]
DRAWS = 500


def test_the_jackknife_of_a_mean_is_students_interval() -> None:
    """Of patients with one case each, and of those with two, whose cases are left out together."""
    values, patients = np.array([1.0, 4.0, 2.0, 2.5, 7.0, 3.0]), ["a", "b", "c", "d", "e", "f"]
    found = jackknife(lambda kept: float(values[kept].mean()), patients)
    assert found.interval == pytest.approx(clustered.mean(values, patients).interval)
    paired = jackknife(lambda kept: float(values[kept].mean()), list("aabbcc"))
    assert paired.units == 3
    assert paired.interval == pytest.approx(clustered.mean(values, list("aabbcc")).interval)


def test_a_bias_widens_the_interval() -> None:
    """The variance with n below is too small by s² / n, as the jackknife knows, whose error of it is then larger."""
    values = np.random.default_rng(0).standard_normal(6)
    unbiased, biased = (jackknife(lambda kept, d=d: float(values[kept].var(ddof=d)), range(6)) for d in (1, 0))
    assert unbiased.interval is not None
    assert biased.interval is not None
    assert np.ptp(biased.interval) > np.ptp(unbiased.interval) * 5 / 6  # by which the figure itself is smaller


def test_few_patients_and_figures_that_do_not_vary_or_are_not_there_have_no_interval() -> None:
    values = np.array([1.0, 4.0, 2.0])
    assert jackknife(lambda kept: float(values[kept].mean()), [0, 0, 1]).interval is None
    assert jackknife(lambda kept: 0.5, [0, 1, 2]).interval is None
    assert jackknife(lambda kept: 0.5 if kept.size > 2 else float("nan"), [0, 1, 2]).interval is None
    assert jackknife(lambda kept: float("nan"), [0, 1, 2]).interval is None


def test_means_of_other_units_each_have_the_errors_of_their_own() -> None:
    """Of the first 8, of the last 7 and of the first 3 of 12: s² / n, and a covariance by what both have."""
    values = np.random.default_rng(0).standard_normal((12, 3))
    rests = np.stack([np.arange(12) < 8, np.arange(12) >= 5, np.arange(12) < 3], 1)
    left = np.array([values.mean(0, where=rests & (np.arange(12) != one)[:, None]) for one in range(12)])
    found = jackknife_covariance(left, rests)
    np.testing.assert_allclose(
        found.diagonal(), [values[own, at].var(ddof=1) / own.sum() for at, own in enumerate(rests.T)]
    )
    parts = np.where(rests, values - values.mean(0, where=rests), 0) / np.sqrt([8 * 7, 7 * 6, 3 * 2])
    np.testing.assert_allclose(found, parts.T @ parts, atol=1e-15)
    assert found[1, 2] == 0
    assert np.linalg.eigvalsh(found).min() > -1e-15


def levels(rng: np.random.Generator, patients: int, cases: int, readers: int) -> np.ndarray:
    """Five levels, (patients * cases, readers); a patient's cases are alike."""
    of_patient, of_case = rng.normal(3, 1, (patients, 1)), rng.normal(0, 0.6, (patients, cases))
    seen = (of_patient + of_case).reshape(-1, 1)
    return np.clip(np.rint(seen + rng.normal(0, 0.8, (patients * cases, readers))), 1, 5)


def of_patients(patients: int, cases: int, one: bool) -> list[int]:
    return [0] * (patients * cases) if one else np.repeat(range(patients), cases).tolist()


def fleiss(rng: np.random.Generator, patients: int, one: bool) -> Estimate:
    return fleiss_kappa(levels(rng, patients, 1, 3), of_patients(patients, 1, one))


def cohen(weights: Weights, rng: np.random.Generator, patients: int, one: bool) -> Estimate:
    first, second = levels(rng, patients, 1, 2).T
    return kappa(first, second, weights, of_patients(patients, 1, one))


def icc(rng: np.random.Generator, patients: int, one: bool) -> Estimate:
    return intraclass_correlation(levels(rng, patients, 2, 3), of_patients(patients, 2, one))


def graded(better: float, rng: np.random.Generator, patients: int, one: bool) -> Estimate:
    seen = rng.normal(2.5, 0.6, patients) + rng.normal(0, 0.7, (2, patients)) + np.array([[better], [0]])
    first, second = np.clip(np.rint(seen), 1, 5)
    return visual_grading([first], [second], of_patients(patients, 1, one)).area


def pairs(rng: np.random.Generator, patients: int, one: bool) -> Estimate:
    target = rng.random((patients, 4)) < 0.5
    evidence = np.where(target, 0.8, -0.8) + rng.normal(0, 0.3, (patients, 1)) * np.where(target, 1, -1)
    chose = evidence + rng.standard_normal(target.shape) > 0.4
    return forced_choice(chose.ravel(), target.ravel(), of_patients(patients, 4, one)).unbiased


@pytest.mark.thorough
@pytest.mark.parametrize("patients", [4, 6, 10])
@pytest.mark.parametrize(
    "study",
    [fleiss, partial(cohen, "linear"), partial(cohen, "quadratic"), icc, partial(graded, 0.0), partial(graded, 0.5),
     pairs],
    ids=["fleiss", "linear", "quadratic", "icc", "graded-even", "graded", "pairs"],
)  # fmt: skip
def test_the_interval_of_a_few_patients_covers_the_truth(study: Study, patients: int) -> None:
    """Among 40,000 patients, who count as one, stands the truth. Studies without an interval claim nothing."""
    rng = np.random.default_rng(patients)
    truth = study(rng, 40_000, True).value
    intervals = [study(rng, patients, False).interval for _ in range(DRAWS)]
    covered = [low <= truth <= high for low, high in filter(None, intervals)]
    assert len(covered) > 0.8 * DRAWS
    least = 0.92
    assert np.mean(covered) > least - 3 * np.sqrt(least * (1 - least) / len(covered))
