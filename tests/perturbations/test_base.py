import math

import pytest
import torch

from helpers import toy_slice
from napari_recon_robust.data.measurement import Calibration, Measurement
from napari_recon_robust.perturbations.base import Budget


@pytest.fixture(params=[True, False], ids=["with its full k-space", "undersampled"])
def slice_(request: pytest.FixtureRequest) -> Measurement:
    """A slice whose coils have noise of different levels, the first one none."""
    made = toy_slice.make()
    full = made.full if request.param else None
    kept = Calibration(made.calibration.sensitivities, torch.tensor([0.0, 0.01, 0.02, 0.03]))
    return Measurement(made.kspace, made.mask, made.matrix, full, kept)


def test_a_budget_is_what_the_samples_have_of_a_perturbation(slice_: Measurement) -> None:
    """Relative to all of the k-space that is known, and in multiples of the noise that all samples have."""
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(slice_.kspace.shape, dtype=torch.complex64, generator=generator)
    found = Budget.of(0.02, z, slice_)
    sampled = slice_.mask.expand(slice_.kspace.shape[-2:])
    spent = [float(coil[sampled].norm()) for coil in z]
    known = [float(coil.norm()) for coil in (slice_.kspace if slice_.full is None else slice_.full)]
    assert found.relative_to == ("sampled" if slice_.full is None else "full")
    assert found.per_coil == pytest.approx([one / all_ for one, all_ in zip(spent, known, strict=True)], rel=1e-5)
    assert found.achieved == pytest.approx(math.hypot(*spent) / math.hypot(*known), rel=1e-5)
    noise = math.sqrt(int(sampled.sum()) * (0.01**2 + 0.02**2 + 0.03**2))
    assert found.thermal == pytest.approx(math.hypot(*spent) / noise, rel=1e-5)
