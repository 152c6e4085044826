from typing import Literal

import numpy as np
import pytest
from statsmodels.stats import inter_rater

from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.statistics.readers.agreement import fleiss_kappa, intraclass_correlation, kappa

SHROUT_FLEISS = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]])


def drawn(readers: int = 2) -> np.ndarray:
    rng = np.random.default_rng(1)
    true = rng.integers(1, 6, 80)
    return np.clip(true[:, None] + rng.integers(-1, 2, (80, readers)), 1, 5)


@pytest.mark.parametrize(("weights", "theirs"), [("none", None), ("linear", "linear"), ("quadratic", "quadratic")])
def test_kappa_is_that_of_statsmodels(weights: Literal["none", "linear", "quadratic"], theirs: str | None) -> None:
    first, second = drawn().T
    table, _ = inter_rater.to_table(drawn(), bins=None)
    expected = inter_rater.cohens_kappa(table, wt=theirs)
    found = kappa(first, second, weights)
    assert found.value == pytest.approx(expected.kappa)
    assert found.interval == pytest.approx((expected.kappa_low, expected.kappa_upp), abs=0.04)


def test_fleiss_kappa_is_that_of_statsmodels() -> None:
    table, _ = inter_rater.aggregate_raters(drawn(4))
    found = fleiss_kappa(drawn(4))
    assert found.value == pytest.approx(inter_rater.fleiss_kappa(table))
    assert found.interval is not None
    assert found.interval[0] < found.value < found.interval[1]


def test_the_intraclass_correlation_is_that_of_shrout_and_fleiss() -> None:
    found = intraclass_correlation(SHROUT_FLEISS)
    assert found.value == pytest.approx(0.29, abs=0.005)
    assert found.interval == pytest.approx((0.02, 0.76), abs=0.005)


def test_patients_and_not_cases_are_drawn_again() -> None:
    """Each patient's case five times over says no more than once."""
    first, second = drawn().T[:, :30]
    once = kappa(first, second)
    often = kappa(np.repeat(first, 5), np.repeat(second, 5), patients=np.repeat(np.arange(30), 5).tolist())
    assert often.value == pytest.approx(once.value)
    assert often.units == 30
    assert often.interval == pytest.approx(once.interval, abs=0.02)


def test_cases_of_one_patient_do_not_narrow_the_intraclass_correlation() -> None:
    rated = drawn(3)[:30].astype(float)
    once = intraclass_correlation(rated)
    often = intraclass_correlation(np.repeat(rated, 5, 0), np.repeat(np.arange(30), 5).tolist())
    assert often.units == 30
    assert once.interval is not None
    assert often.interval is not None
    assert np.ptp(often.interval) > 0.7 * np.ptp(once.interval)


def test_what_shows_no_agreement_has_none() -> None:
    same = kappa([1, 1, 1], [1, 1, 1])
    assert np.isnan(same.value)
    assert same.interval is None
    assert kappa([1, 2], [1, 2]).interval is None
    with pytest.raises(InputError, match="no pairs"):
        kappa([1, 2], [1, 2, 3])
    with pytest.raises(InputError, match="at least 2 readers"):
        fleiss_kappa([[1], [2]])
    with pytest.raises(InputError, match="at least 2 cases and 2 readers"):
        intraclass_correlation([[1, 2]])
