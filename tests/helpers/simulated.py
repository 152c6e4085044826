"""A simulated slice and two undersampled scans of it, as fixtures."""

import numpy as np
import pytest

from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.reconstructors.base import Reconstructor
from napari_recon_robust.simulation.acquisition import SimulatedSlice, simulate_slice

SIZE = 48


@pytest.fixture(scope="session")
def simulated() -> SimulatedSlice:
    """A head of ellipses, 4 coils."""
    return simulate(noise=0.01)


def simulate(noise: float, texture: float = 0.0) -> SimulatedSlice:
    """A head of ellipses, 4 coils; texture: that multiplies it, as amplitude."""
    row, column = np.mgrid[-1 : 1 : 1j * SIZE, -1 : 1 : 1j * SIZE]
    head = 0.9 * (np.hypot(row / 0.8, column / 0.65) < 1) - 0.4 * (np.hypot(row / 0.7, column / 0.55) < 1)
    head += 0.3 * (np.hypot(row + 0.2, column - 0.2) < 0.15)
    head *= 1 + texture * np.cos(40 * row) * np.cos(33 * column)
    return simulate_slice(head, np.random.default_rng(2), coils=4, noise_level=noise)


@pytest.fixture(scope="session")
def lines(simulated: SimulatedSlice) -> Measurement:
    """R = 2 by lines."""
    return undersampled(simulated, Sampling(acceleration=2, centre_fraction=0.2))


@pytest.fixture(scope="session")
def plane(simulated: SimulatedSlice) -> Measurement:
    """R = 2 by a Poisson disc."""
    return undersampled(simulated, Sampling(pattern="poisson-disc", acceleration=2, centre_fraction=0.25))


def errors_about(method: Reconstructor, weight: float, measurement: Measurement, truth: SimulatedSlice) -> list[float]:
    """NMSE of the images at half of the knob `weight`, at it and at twice, to the truth that the maps show."""
    maps = measurement.model.sensitivities
    image = (maps.conj() * truth.sensitivities * truth.image).sum(0).abs()
    images = (method(measurement, weight=factor * weight).abs() for factor in (0.5, 1, 2))
    return [float((one - image).square().sum() / image.square().sum()) for one in images]


def undersampled(simulated: SimulatedSlice, sampling: Sampling) -> Measurement:
    mask = sampling.mask(SIZE, SIZE)
    return Measurement(simulated.kspace * mask, mask, (SIZE, SIZE), simulated.kspace)
