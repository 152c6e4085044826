"""The test problem of the solvers' benchmarks: a 320×320 brain, 8 coils, equispaced 4x with 8% ACS."""

import numpy as np
from nilearn.datasets import load_mni152_template
from scipy.ndimage import zoom

from napari_recon_robust.data.measurement import Calibration, Measurement
from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.simulation.acquisition import simulate_slice


def brain(size: int = 320, coils: int = 8, acceleration: float = 4) -> Measurement:
    """MNI152's middle slice with simulated phase, coils and noise (0.01), sensitivities known."""
    anatomy = np.pad(load_mni152_template(resolution=1).get_fdata()[:, :, 95], ((22, 21), (4, 3)))
    magnitude = np.clip(zoom(anatomy, size / 240, order=1)[:size, :size], 0, None)
    simulated = simulate_slice(magnitude / magnitude.max(), np.random.default_rng(0), coils=coils, noise_level=0.01)
    mask = Sampling(acceleration=acceleration, centre_fraction=0.08).mask(size, size)
    return Measurement(
        simulated.kspace * mask,
        mask,
        (size, size),
        full=simulated.kspace,
        kept=Calibration(simulated.sensitivities, simulated.sigma),
    )
