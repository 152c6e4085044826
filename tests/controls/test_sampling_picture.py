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


def test_regular_lines_look_alike_in_both_halves(qtbot: Any) -> None:
    picture = SamplingPicture()
    qtbot.addWidget(picture)
    mask = np.zeros((1, 256), bool)  # columns that are no multiple of the picture's
    mask[:, ::4] = True
    picture.set_mask(mask)
    pixels = picture.grab().toImage()
    grey = np.array([pixels.pixelColor(column, 28).value() for column in range(1, 55)])
    left, right = np.std(grey[:27]), np.std(grey[27:])
    assert 0.8 < left / right < 1.25
