"""L1-wavelet: its steps against plain FISTA's, and its image against BART's and sigpy's, each at its best weight.

    OMP_NUM_THREADS=1 python benchmarks/wavelet.py

The objective of [l1-wavelet] over its steps: excess over the optimum (a long run) with restarts and a long step, and
without (plain FISTA on the same proximal map). The images are judged by their NMSE and SSIM on the foreground against
the noise-free truth, on the brain of `brain.py`: ours with all shifts, BART with random shifts, sigpy with one fixed
shift (db2, as ours). CPU seconds of one thread: ours and sigpy's of the solution, BART's of the whole process.
BART's row is left out where it is not installed.
"""

import argparse
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

from brain import brain
from napari_recon_robust.evaluation import metrics
from napari_recon_robust.measurement import Measurement
from napari_recon_robust.reconstructors import sparsity
from napari_recon_robust.reconstructors.wavelet import Details, L1Wavelet
from tv import Complex, write_cfl

WEIGHTS = (1e-3, 2e-3, 4e-3, 8e-3, 16e-3)
STEPS = (5, 10, 20, 40, 80)
ITERATIONS = 60  # of the peers
WEIGHT = 4e-3
Solve = Callable[[float], Complex]


def excess(measurement: Measurement) -> Iterator[tuple[str, list[float]]]:
    """Of the objective over its optimum after STEPS, for ours and for plain FISTA."""
    b, details = sparsity.right_hand_side(measurement), Details()
    solver = sparsity.TorchSolver(measurement.model, details, tolerance=0.0)

    def objective(steps: int) -> float:
        sparsity.OUTER = steps
        x = solver.minimise(b, WEIGHT, solver.start(b)).image
        misfit = ((measurement.model.normal(x) / 2 - b).conj() * x).real.sum(dtype=torch.float64)
        return float(misfit + WEIGHT * details.value(x) + energy)

    energy = float((measurement.data / measurement.scale).abs().square().sum(dtype=torch.float64) / 2)
    values = {"ours": [objective(steps) for steps in STEPS]}
    optimum = objective(400)
    solver.step = solver.step / sparsity.STEP
    values["plain FISTA"] = plain(measurement, b, details, solver.step, energy)
    for name, each in values.items():
        yield name, [value / optimum - 1 for value in each]


def plain(
    measurement: Measurement, b: torch.Tensor, details: Details, step: torch.Tensor, energy: float
) -> list[float]:
    """FISTA from zero without restarts, its proximal map from a zero dual each time."""
    x = z = torch.zeros_like(b)
    t, values = 1.0, []
    for n in range(1, STEPS[-1] + 1):
        v = z - step * (measurement.model.normal(z) - b)
        dual = details.proximal(
            v, torch.zeros_like(details.forward(v)), WEIGHT * step.unsqueeze(-3) * details.limits, 2
        )
        new, following = v - details.adjoint(dual), sparsity.momentum(t)
        z, x, t = new + (t - 1) / following * (new - x), new, following
        if n in STEPS:
            misfit = ((measurement.model.normal(x) / 2 - b).conj() * x).real.sum(dtype=torch.float64)
            values.append(float(misfit + WEIGHT * details.value(x) + energy))
    return values


def solvers(measurement: Measurement) -> Iterator[tuple[str, Callable[[], float], Solve]]:
    """Name, clock in CPU seconds, and solution for a weight, in units of the scale."""
    data = (measurement.kspace / measurement.scale).numpy()
    maps = measurement.calibration.sensitivities.numpy()
    scale = measurement.scale
    yield "ours", time.thread_time, lambda weight: (L1Wavelet()(measurement, weight=weight) / scale).numpy()

    def sigpy(weight: float) -> Complex:
        from sigpy.mri.app import L1WaveletRecon

        sampled = (np.abs(data[:1]) > 0).astype(np.float32)
        app = L1WaveletRecon(data, maps, weight, weights=sampled, wave_name="db2", max_iter=ITERATIONS, show_pbar=False)
        return np.asarray(app.run())

    yield "sigpy", time.thread_time, sigpy

    def children() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    def bart(weight: float) -> Complex:
        with tempfile.TemporaryDirectory() as folder:
            write_cfl(Path(folder) / "kspace", data)
            write_cfl(Path(folder) / "maps", maps)
            command = ["bart", "pics", "-w", "1", "-e", "-R", f"W:3:0:{weight}", "-i", str(ITERATIONS)]
            subprocess.run([*command, "kspace", "maps", "out"], cwd=folder, check=True, capture_output=True)
            return np.fromfile(Path(folder) / "out.cfl", np.complex64).reshape(maps.shape[1:], order="F")

    if shutil.which("bart"):
        yield "BART", children, bart


def main() -> None:
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=320, help="side of the image in pixels")
    measurement = brain(parser.parse_args().size)
    print("excess over the optimum after steps:", *STEPS)
    for name, values in excess(measurement):
        print(f"{name:14}" + "".join(f"{value:11.1e}" for value in values))
    sparsity.OUTER = 200
    truth = measurement.reference()
    assert truth is not None
    tissue = metrics.foreground(truth)
    print(f"\n{'':8}{'weight':>10}{'NMSE':>10}{'SSIM':>9}{'CPU s':>9}   the best of {', '.join(map(str, WEIGHTS))}")
    for name, clock, solve in solvers(measurement):
        rows = []
        for weight in WEIGHTS:
            start = clock()
            image = torch.from_numpy(np.ascontiguousarray(solve(weight))) * measurement.scale
            seconds = clock() - start
            score = metrics.measure(image, truth, tissue=tissue)["foreground"]
            rows.append((score.nmse, score.ssim, weight, seconds))
        nmse, ssim, weight, seconds = min(rows)
        print(f"{name:8}{weight:10g}{nmse:10.5f}{ssim:9.4f}{seconds:9.2f}")


if __name__ == "__main__":
    main()
