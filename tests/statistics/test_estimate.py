import numpy as np
import pytest

from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.statistics.estimate import Estimate, finite


def test_an_estimate_is_written_with_its_interval_where_it_has_one() -> None:
    assert Estimate(0.8123, (0.79, 0.834), 5).text("{:.2f}".format) == "0.81 [0.79, 0.83]"
    assert Estimate(0.8123, None, 2).text("{:.2f}".format) == "0.81"


@pytest.mark.parametrize(
    ("estimate", "size", "excludes"),
    [
        (Estimate(0.2, (0.1, 0.3), 4), Estimate(0.2, (0.1, 0.3), 4), True),
        (Estimate(-0.2, (-0.35, -0.1), 4), Estimate(0.2, (0.1, 0.35), 4), True),
        (Estimate(-0.2, (-0.5, 0.1), 4), Estimate(0.2, (-0.1, 0.5), 4), False),
        (Estimate(0.2, (0.0, 0.4), 4), Estimate(0.2, (0.0, 0.4), 4), False),
        (Estimate(-0.2, None, 2), Estimate(0.2, None, 2), False),
    ],
)
def test_the_size_of_a_figure_turns_its_interval_around(estimate: Estimate, size: Estimate, excludes: bool) -> None:
    assert (estimate.size, estimate.excludes_zero) == (size, excludes)


def test_values_that_are_not_finite_are_refused() -> None:
    with pytest.raises(InputError, match="2 of 3 scores are not finite numbers"):
        finite([1, np.nan, np.inf], "scores")
    with pytest.raises(InputError, match="there are no scores"):
        finite([], "scores")


@pytest.mark.parametrize(("value", "half"), [(0.5, 0.01), (0.9, 0.15), (0.02, 0.3)])
def test_an_interval_by_log_odds_is_even_about_these_and_as_wide_at_the_figure(value: float, half: float) -> None:
    low, high = Estimate.around(value, half, 6).by_log_odds().interval or (0, 0)
    assert 0 < low < value < high < 1
    below, middle, above = (np.log(end / (1 - end)) for end in (low, value, high))
    assert above - middle == pytest.approx(middle - below)
    assert (above - middle) * value * (1 - value) == pytest.approx(half)  # the slope of the figure over its log odds


@pytest.mark.parametrize("estimate", [Estimate(0.5, None, 2), Estimate.around(1, 0.1, 6), Estimate.around(0, 0.1, 6)])
def test_what_has_no_interval_or_no_odds_stays(estimate: Estimate) -> None:
    assert estimate.by_log_odds() is estimate
