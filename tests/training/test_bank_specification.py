from typing import Any

import numpy as np
import pytest

from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.training.bank_specification import BankSpecification
from napari_recon_robust.training.example import MaskSpecification


@pytest.mark.parametrize("limits", [{"coils": (16, 5)}, {"noise": (0, 0.02)}, {"centre_fraction": (0.1, np.inf)}])
def test_ranges_that_cannot_be_drawn_from_are_refused(limits: dict[str, Any]) -> None:
    (name,) = limits
    with pytest.raises(InputError, match=f"^{name} is .*give the smallest and the largest value"):
        BankSpecification(cases=1, **limits)
    for acceleration in ((0, 4), (0.5, 0.9), (1e5, 1e6)):
        with pytest.raises(InputError, match="acceleration is"):
            MaskSpecification(acceleration=acceleration)
    for seed in (-1, 2**70):
        with pytest.raises(InputError, match="seed is"):
            BankSpecification(cases=1, seed=seed)
