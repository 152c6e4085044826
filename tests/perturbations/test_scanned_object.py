from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_recon_robust.data.measurement import Calibration
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.perturbations.base import Setup
from napari_recon_robust.perturbations.scanned_object import ScannedObject

WHOLE = ROI.box(0, 0, 32, 36)


def test_without_full_kspace_it_has_the_methods_magnitude_and_the_phase_of_the_samples(make_measurement, rss):
    measurement = make_measurement(full=False)
    scene = ScannedObject(Setup.of(measurement, rss, WHOLE))
    kspace = np.fft.ifftshift(measurement.kspace.numpy(), (-2, -1))
    images = np.fft.fftshift(np.fft.ifft2(kspace, norm="ortho"), (-2, -1))
    combined = (measurement.kept.sensitivities.numpy().conj() * images).sum(0)
    expected = np.sqrt((np.abs(images) ** 2).sum(0)) * combined / np.abs(combined)
    np.testing.assert_allclose(scene.object.numpy(), expected, atol=1e-4 * np.abs(expected).max())
    assert np.abs(np.angle(combined)).max() > 1


def test_what_cannot_be_shown_is_that_of_the_pose_that_hides_most(measurement, combined):
    """In whatever order they come: the object reaches to the edges of a support that it is moved out of."""
    y, x = torch.meshgrid(torch.arange(32) - 16, torch.arange(36) - 18, indexing="ij")
    support = (y**2 + x**2 < 100).to(torch.complex64)
    kept = Calibration(measurement.kept.sensitivities * support, measurement.kept.noise)
    scene = ScannedObject(Setup.of(replace(measurement, kept=kept), combined, WHOLE))
    poses = [lambda image, rows=rows: image.roll(rows, 0) for rows in (1, 8, 3)]
    moved = poses[1](scene.object * support)
    share = float((moved * (support == 0)).norm() / moved.norm())
    for order in (poses, poses[::-1], poses[1:]):
        words = scene.unseen(order)["unseen"]
        assert float(words.partition("%")[0]) == pytest.approx(100 * share, rel=0.05)
    assert scene.unseen([lambda image: image]) == {}
