"""Peak memory and time of VarNet on a slice of 15 coils, 640x368: the shipped one and fastMRI's published size.

    python benchmarks/memory.py

Each in a process of its own, one thread; the published size (12 cascades of 18 channels, learned sensitivities) with
random weights, since its time and memory don't depend on them. Peak: resident memory of the whole process.
"""

import multiprocessing
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from arguments import parser_of
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.networks.fastmri_layout import FastMRIVarNet
from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.reconstructors.learned.varnet import VarNet
from napari_recon_robust.simulation.acquisition import simulate_slice

GOAL = 3.0  # GB
COILS, ROWS, MATRIX, COLUMNS = 15, 640, (320, 320), 368


def main() -> None:
    parser_of(__doc__).parse_args()
    print("| VarNet | seconds | peak GB | of which before |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        published = Path(folder) / "published.pt"
        torch.save(dict(FastMRIVarNet(12, 18, 4, (8, 4)).state_dict()), published)
        for name, weights, maps in (
            ("shipped", "varnet", "estimated"),
            ("published size", str(published), "learned"),
        ):
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                seconds, before, peak = pool.apply(measured, (weights, maps))
            print(f"| {name} | {seconds:.1f} | {peak:.2f} (goal {GOAL:g}) | {before:.2f} |", flush=True)


def measured(weights: str, maps: str) -> tuple[float, float, float]:
    """Seconds, and peak memory before and after, in GB."""
    torch.set_num_threads(1)
    full = kspace()
    mask = Sampling(acceleration=4).mask(ROWS, COLUMNS)
    measurement = Measurement(full * mask, mask, MATRIX)
    before, started = peak_memory(), time.perf_counter()
    VarNet(weights)(measurement, sensitivities=maps)
    return time.perf_counter() - started, before, peak_memory()


def kspace() -> torch.Tensor:
    """A simulated ellipse with the readout oversampled twice, padded along the phase encoding as fastMRI's are."""
    rows, columns = np.mgrid[-1 : 1 : 1j * MATRIX[0], -1 : 1 : 1j * MATRIX[1]]
    ellipse = np.clip(1 - np.hypot(rows / 0.8, columns / 0.7), 0, None) ** 0.3
    rng = np.random.default_rng(0)
    full = simulate_slice(ellipse, rng, coils=COILS, noise_level=0.005, oversampling=2, matrix=MATRIX).kspace
    return torch.nn.functional.pad(full, ((COLUMNS - MATRIX[1]) // 2,) * 2)


def peak_memory() -> float:
    unit = 1e9 if sys.platform == "darwin" else 1e6  # bytes there, kilobytes elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


if __name__ == "__main__":
    main()
