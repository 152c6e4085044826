"""What the samples carry of an inserted feature."""

import pytest
import torch

from napari_recon_robust.data.measurement import Calibration, Measurement
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground.progress import run
from napari_recon_robust.perturbations.features.fnaf import FNAF


@pytest.mark.parametrize("silent", [1, 4])
def test_without_noise_the_samples_carry_every_feature(measurement, combined, silent):
    """In one coil, too: what is in its samples cannot be noise."""
    noise = measurement.kept.noise * (torch.arange(4) >= silent)
    quiet = Measurement(
        measurement.kspace,
        measurement.mask,
        measurement.matrix,
        measurement.full,
        Calibration(measurement.kept.sensitivities, noise),
    )
    place = {"row": 15.0, "column": 17.5, "size": 4.0, "contrast": 1e-3, "sensitivities": "kept"}
    (usual,), (found,) = (
        run(FNAF().run(one, combined, ROI.box(0, 0, 32, 36), **place)) for one in (measurement, quiet)
    )
    assert not usual.details["information_preserved"]
    assert found.details["information_preserved"]
    assert found.details["detectability"] is None
