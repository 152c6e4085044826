import pytest
import torch

from napari_recon_robust.data.foreground import foreground
from napari_recon_robust.ground.errors import InputError


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
