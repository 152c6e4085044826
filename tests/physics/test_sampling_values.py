import subprocess
import sys

import pytest
import torch
from torch import Tensor

from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.physics.sampling_values import as_values, has_values, same_sampling

MASK = torch.tensor([[True, False, True]])


def test_a_sampling_comes_back_from_its_plain_values_and_a_mask_has_none() -> None:
    sampling = Sampling(pattern="random", seed="brain.h5")
    assert Sampling(**(as_values(sampling) or {})) == sampling
    assert [as_values(one) for one in (None, MASK)] == [None, None]
    assert [has_values(one) for one in (sampling, None, MASK)] == [True, True, False]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (None, None, True),
        (None, Sampling(), False),
        (Sampling(), Sampling(), True),
        (Sampling(), Sampling(seed=1), False),
        (MASK, MASK.clone(), True),
        (MASK, ~MASK, False),
        (MASK, MASK[:, :2], False),
        (MASK, Sampling(), False),
    ],
)
def test_samplings_are_the_same_by_what_they_sample(
    one: Sampling | Tensor | None, other: Sampling | Tensor | None, same: bool
) -> None:
    assert same_sampling(one, other) is same
    assert same_sampling(other, one) is same


def test_importing_it_imports_no_torch() -> None:
    code = "import sys, napari_recon_robust.physics.sampling_values; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
