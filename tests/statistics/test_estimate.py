import numpy as np
import pytest

from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.statistics.estimate import Estimate, finite


def test_an_estimate_is_written_with_its_interval_where_it_has_one() -> None:
    assert Estimate(0.8123, (0.79, 0.834), 5).text("{:.2f}".format) == "0.81 [0.79, 0.83]"
    assert Estimate(0.8123, None, 2).text("{:.2f}".format) == "0.81"


def test_values_that_are_not_finite_are_refused() -> None:
    with pytest.raises(InputError, match="2 of 3 scores are not finite numbers"):
        finite([1, np.nan, np.inf], "scores")
    with pytest.raises(InputError, match="there are no scores"):
        finite([], "scores")
