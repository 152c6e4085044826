"""What is shown of the k-space."""

import numpy as np
import pytest

from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.workbench import Workbench


def test_the_kspace_with_its_points_and_the_perturbation_alone(bench: Workbench) -> None:
    samples = bench.kspace.run().run()
    clean = bench.acquisition.current.measurement
    assert bench.kspace.found is samples
    assert samples.kspace.shape == samples.mask.shape == clean.kspace.shape[-2:]
    assert samples.kspace.max() == 1
    assert samples.mask.mean() == pytest.approx(1 / clean.acceleration)
    assert (samples.title, samples.samples_title) == ("K-space, fully sampled, log over 80 dB", "")
    bench.regions.draw(ROI.box(62, 48, 10, 12), 1)
    bench.perturbing.choose("worst-case", steps=1)
    bench.perturbing.run().run()
    assert bench.kspace.found is None, "there is a perturbation now"
    samples = bench.kspace.run().run()
    change = samples.change
    assert change is not None
    assert samples.samples_title == f"Added samples ×{change.samples_gain}, log"
    assert samples.image_title == f"Perturbation, zero-filled ×{change.image_gain}"
    assert not change.samples[~samples.mask].any(), "only what was sampled is perturbed"
    assert change.image_gain > 1
    assert 0 < np.percentile(change.image, 99) < 1.01
    bench.acquisition.measure(0).run()
    assert bench.kspace.found is None
    bench.acquisition.close()
    with pytest.raises(InputError, match="no scan is open"):
        bench.kspace.run()
