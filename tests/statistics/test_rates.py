import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.statistics.rates import Rate, fisher


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (3, 12), (12, 12), (50, 120)])
def test_the_interval_is_clopper_and_pearsons(successes: int, trials: int) -> None:
    rate = Rate(successes, trials)
    assert rate.interval == pytest.approx(proportion_confint(successes, trials, method="beta"), nan_ok=True)
    assert rate.value == successes / trials


@pytest.mark.parametrize("truth", [0.05, 0.3, 0.9])
def test_the_interval_covers_at_least_as_often_as_it_says(truth: float) -> None:
    counts = stats.binom.pmf(range(21), 20, truth)
    covered = [low <= truth <= high for low, high in (Rate(successes, 20).interval for successes in range(21))]
    assert counts[covered].sum() >= 0.95


def test_fishers_test_is_that_of_the_lady_tasting_tea() -> None:
    assert fisher(Rate(3, 4), Rate(1, 4)) == pytest.approx(34 / 70)


def test_what_is_no_rate_is_refused() -> None:
    with pytest.raises(InputError, match="5 of 4 is no rate"):
        Rate(5, 4)
