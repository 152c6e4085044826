"""k-space to write into files."""

import numpy as np
import pytest


@pytest.fixture
def kspace():
    """Four slices of five coils, readout oversampled twice, of a smooth object: complex64 (4, 5, 48, 20)."""
    generator = np.random.default_rng(0)
    shape = (4, 5, 48, 20)
    row, column = (np.linspace(-1, 1, n, endpoint=False) for n in shape[2:])
    object = ((2 * row[:, None]) ** 2 + column**2 < 0.6) * np.exp(1j * column)
    coils = generator.uniform(0.5, 1, (4, 5, 1, 1)) * np.exp(
        1j * generator.uniform(-3, 3, (4, 5, 1, 1)) * row[:, None] * column
    )
    noise = generator.normal(size=(2, *shape))
    images = 1e-4 * (coils * object + 0.01 * (noise[0] + 1j * noise[1]))
    axes = (-2, -1)
    return np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(images, axes), norm="ortho"), axes).astype(np.complex64)
