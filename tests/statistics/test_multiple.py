import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.statistics.multiple import holm


@pytest.mark.slow
def test_holms_adjustment_is_that_of_statsmodels() -> None:
    p_values = np.random.default_rng(0).random(12) ** 3
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])


def test_p_values_beyond_one_are_refused() -> None:
    with pytest.raises(InputError, match="lie between 0 and 1"):
        holm([0.2, 1.3])
