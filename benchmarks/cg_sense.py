"""CG-SENSE against sigpy and BART: the same ten iterations on the same sensitivities, in one run.

    OMP_NUM_THREADS=1 python benchmarks/cg_sense.py

320x320, 8 coils, equispaced lines and a Poisson disc at 4x; processor time of one thread, the median of five runs: ours
from the measurement on with all preparation, sigpy's of its app, BART's (which reads and writes files) of the whole
process. The images are compared, since only equal work may be timed. Then the nine images of the knob `weight`: from
one Krylov space, and one by one. Needs BART.
"""

import resource
import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from arguments import parser_of
from brain import brain
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.reconstructors.classical.cg_sense import CGSense
from napari_recon_robust.reconstructors.classical.conjugate_gradients import conjugate_gradients
from tv import write_cfl

WEIGHT, ITERATIONS, RUNS = 0.01, 10, 5
KNOB = [10 ** (-4 + number / 2) for number in range(9)]  # of the largest eigenvalue


def ours(measurement: Measurement) -> tuple[float, NDArray[np.complex64]]:
    """(A^H A + w) x = A^H y, in hybrid space where lines are sampled."""
    fresh = replace(measurement)
    start = time.thread_time()
    model = fresh.model
    right = model.adjoint(fresh.data)
    image = conjugate_gradients(lambda x: model.normal(x) + WEIGHT * x, right, ITERATIONS)
    return time.thread_time() - start, image.numpy()


def sigpy(measurement: Measurement) -> tuple[float, NDArray[np.complex64]]:
    """The same from k-space."""
    from sigpy.mri.app import SenseRecon

    weights = measurement.mask.expand(measurement.kspace.shape[-2:]).numpy().astype(np.float32)
    data, maps = measurement.kspace.numpy(), measurement.calibration.sensitivities.numpy()
    start = time.thread_time()
    image = SenseRecon(data, maps, lamda=WEIGHT, weights=weights, max_iter=ITERATIONS, show_pbar=False).run()
    return time.thread_time() - start, image


def bart(measurement: Measurement) -> tuple[float, NDArray[np.complex64]]:
    """`pics -l2`, its own scaling switched off."""
    maps = measurement.calibration.sensitivities.numpy()
    with tempfile.TemporaryDirectory() as folder:
        write_cfl(Path(folder) / "kspace", measurement.kspace.numpy())
        write_cfl(Path(folder) / "maps", maps)
        command = ["bart", "pics", "-w", "1", "-l2", "-r", str(WEIGHT), "-i", str(ITERATIONS), "kspace", "maps", "out"]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        image = np.fromfile(Path(folder) / "out.cfl", np.complex64).reshape(maps.shape[1:], order="F")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, image


def together(measurement: Measurement) -> tuple[float, list[Tensor]]:
    """The images of all weights as the window prepares them."""
    fresh = replace(measurement)
    points = [{"weight": weight, "iterations": ITERATIONS} for weight in KNOB]
    start = time.thread_time()
    images = list(CGSense().family(fresh, points))
    return time.thread_time() - start, images


def one_by_one(measurement: Measurement) -> tuple[float, list[Tensor]]:
    """The same, each by conjugate gradients."""
    fresh = replace(measurement)
    start = time.thread_time()
    images = [CGSense().reconstruct(fresh, weight=weight, iterations=ITERATIONS) for weight in KNOB]
    return time.thread_time() - start, images


def main() -> None:
    parser_of(__doc__).parse_args()
    torch.set_num_threads(1)
    full = brain()
    measurements: dict[str, Measurement] = {}
    print("| samples | | seconds | times ours | NRMSE to ours |\n|---|---|---|---|---|")
    for pattern in ("equispaced", "poisson-disc"):
        mask = Sampling(pattern=pattern, acceleration=4).mask(*full.matrix)
        measurement = replace(full, kspace=full.full * mask, mask=mask)
        measurements[pattern] = measurement
        _, image = ours(measurement)  # loads the kernels
        first = None
        for run in (ours, sigpy, bart):
            seconds, images = zip(*(run(measurement) for _ in range(RUNS)), strict=True)
            first = first or median(seconds)
            difference = np.linalg.norm(images[0] - image) / np.linalg.norm(image)
            times = f"{median(seconds):.3f} | {median(seconds) / first:.1f}"
            print(f"| {pattern} | {run.__name__} | {times} | {difference:.1e} |", flush=True)
    print("\n| nine weights | one Krylov space, s | one by one, s | largest NRMSE between them |\n|---|---|---|---|")
    for pattern, measurement in measurements.items():
        (fast, images), (slow, expected) = (
            sorted((run(measurement) for _ in range(RUNS)), key=lambda found: found[0])[RUNS // 2]
            for run in (together, one_by_one)
        )
        most = max(float((a - b).norm() / b.norm()) for a, b in zip(images, expected, strict=True))
        print(f"| {pattern} | {fast:.3f} | {slow:.3f} | {most:.1e} |", flush=True)


if __name__ == "__main__":
    main()
