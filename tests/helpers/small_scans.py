"""Tiny scans that can be trained on."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_recon_robust.io.fastmri import write_fastmri
from napari_recon_robust.simulation.acquisition import simulate_slice
from napari_recon_robust.training.bank_specification import BankSpecification

SPECIFICATION = BankSpecification(cases=6, seed=1, coils=(4, 5), matrix=(32, 40), minimum_centre_lines=8)


def kspace(noise: float, seeds: tuple[int, ...] = (0,), columns: int = 40, coils: int = 5) -> NDArray[np.complex64]:
    """Slices of one object, (slices, coils, 80, columns) with 2x readout oversampling."""
    row, column = np.mgrid[-1:1:40j, -1 : 1 : columns * 1j]
    head = 1.0 * (np.hypot(row / 0.8, column / 0.7) < 1) - 0.4 * (np.hypot(row - 0.2, column) < 0.3)
    made = [
        simulate_slice(
            head, np.random.default_rng(3), coils=coils, noise_level=1e-6, oversampling=2, matrix=(40, columns)
        ).kspace.numpy()
        for _ in seeds
    ]
    for values, seed in zip(made, seeds, strict=True):
        rng = np.random.default_rng(seed)
        values += noise * (rng.normal(size=values.shape) + 1j * rng.normal(size=values.shape)) / np.sqrt(2)
    return np.stack(made).astype(np.complex64)


def write(path: Path, values: NDArray[np.complexfloating], **more: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_fastmri(path, values, encoded_mm=(440.0, 220.0, 4.0), matrix=(40, values.shape[-1]), **more)
    return path
