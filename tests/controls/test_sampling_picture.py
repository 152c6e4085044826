"""The picture of what is sampled."""

from typing import Any

import numpy as np

from napari_recon_robust.controls.sampling_picture import SamplingPicture


def test_scattered_points_of_a_large_matrix_are_not_black(qtbot: Any) -> None:
    picture = SamplingPicture()
    qtbot.addWidget(picture)
    mask = np.zeros((280, 280), bool)
    mask[::4, ::4] = True
    picture.set_mask(mask)
    pixels = picture.grab().toImage()
    grey = [pixels.pixelColor(row, column).value() for row in range(5, 50) for column in range(5, 50)]
    assert 50 < np.mean(grey) < 120
