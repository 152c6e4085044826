"""The held-out anatomy as a scanner would deliver it, and the real brain: the same for every benchmark."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.io import open_scan
from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.simulation.acquisition import simulate_slice
from napari_recon_robust.simulation.anatomy import load_volume, slices


def slices_of(
    data: Path, matrix: int, count: int, *, coils: int = 8, noise: float = 0.01, acceleration: float = 4
) -> Iterator[Measurement]:
    """`count` axial slices, equispaced lines with 8% of them (at least 12) in the centre; coils and noise by seed."""
    volume = load_volume(data / "anatomy" / "brain_t1_b.nii.gz")
    sampling = lines(acceleration)
    for seed, image in enumerate(slices(volume, "axial", count, (matrix, matrix))):
        full = simulate_slice(image, np.random.default_rng(seed), coils=coils, noise_level=noise).kspace
        mask = sampling.mask(matrix, matrix)
        yield Measurement(full * mask, mask, (matrix, matrix), full)


def real_brain(data: Path, acceleration: float = 4) -> Measurement:
    """The real 16-coil brain under the same kind of lines."""
    with open_scan(data / "kspace" / "brain_16coil_128x128_full.npy", axes=("coil", "phase", "readout")) as scan:
        return scan.measurement(0, lines(acceleration))


def lines(acceleration: float) -> Sampling:
    """Equispaced, 8% of them (at least 12) in the centre."""
    return Sampling(acceleration=acceleration, centre_fraction=0.08, minimum_centre_lines=12)
