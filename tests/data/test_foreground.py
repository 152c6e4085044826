import numpy as np
import pytest
import torch

from napari_recon_robust.data.foreground import foreground
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.simulation.acquisition import simulate_slice


def test_foreground_is_the_largest_piece_without_holes():
    reference = torch.zeros(64, 64)
    reference[10:40, 12:44] = 1.0
    reference[20:28, 20:28] = 0.0
    reference[52:58, 50:56] = 1.0
    tissue = foreground(1e-5 * reference)
    assert tissue[24, 24]
    assert not tissue[55, 53]
    assert tissue[12:38, 14:42].all()
    assert tissue.sum() < 40 * 42
    assert torch.equal(tissue, foreground(reference))


def test_an_image_of_zeros_has_none():
    with pytest.raises(InputError, match="zero everywhere"):
        foreground(torch.zeros(9, 9))


@pytest.mark.parametrize("acceleration", [1, 3])
@pytest.mark.parametrize("level", [0.02, 0.1, 0.2])
def test_air_is_no_tissue_at_low_field(level, acceleration):
    """Noise alone is then brighter than 8% of the brightest tissue, and the whole image was foreground."""
    y, x = np.mgrid[-1:1:128j, -1:1:128j]
    tissue = np.hypot(y / 0.7, x / 0.6) < 1
    scan = simulate_slice(0.8 * tissue, np.random.default_rng(2), coils=4, noise_level=level)
    mask = Sampling(acceleration=acceleration, minimum_centre_lines=12).mask(128, 128)
    mask = mask | torch.tensor(acceleration == 1)
    found = Measurement(scan.kspace * mask, mask, (128, 128), full=scan.kspace).foreground.numpy()
    assert (found & tissue).sum() > 0.8 * (found | tissue).sum()
