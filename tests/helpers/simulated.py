"""A simulated slice and two undersampled scans of it, as fixtures."""

import numpy as np
import pytest

from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.simulation.acquisition import SimulatedSlice, simulate_slice

SIZE = 48


@pytest.fixture(scope="session")
def simulated() -> SimulatedSlice:
    """A head of ellipses, 4 coils."""
    row, column = np.mgrid[-1 : 1 : 1j * SIZE, -1 : 1 : 1j * SIZE]
    head = 0.9 * (np.hypot(row / 0.8, column / 0.65) < 1) - 0.4 * (np.hypot(row / 0.7, column / 0.55) < 1)
    head += 0.3 * (np.hypot(row + 0.2, column - 0.2) < 0.15)
    return simulate_slice(head, np.random.default_rng(2), coils=4, noise_level=0.01)


@pytest.fixture(scope="session")
def lines(simulated: SimulatedSlice) -> Measurement:
    """R = 2 by lines."""
    return undersampled(simulated, Sampling(acceleration=2, centre_fraction=0.2))


@pytest.fixture(scope="session")
def plane(simulated: SimulatedSlice) -> Measurement:
    """R = 2 by a Poisson disc."""
    return undersampled(simulated, Sampling(pattern="poisson-disc", acceleration=2, centre_fraction=0.25))


def undersampled(simulated: SimulatedSlice, sampling: Sampling) -> Measurement:
    mask = sampling.mask(SIZE, SIZE)
    return Measurement(simulated.kspace * mask, mask, (SIZE, SIZE), simulated.kspace)
