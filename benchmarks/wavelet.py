"""L1-wavelet: its steps against plain FISTA's, and its image against BART's and sigpy's, each at its best weight.

    OMP_NUM_THREADS=1 python benchmarks/wavelet.py

The objective of [l1-wavelet] over the steps, each with its CPU seconds: excess over the optimum (a long run) of the
splitting that we use, of the FISTA that TV has (restarts, a long step, the dual kept) and of plain FISTA on the same
proximal map, all from the same start. The images are judged by their NMSE and SSIM on the foreground against
the noise-free truth, on the brain of `brain.py`: ours with all shifts, BART with random shifts, sigpy with one fixed
shift (db2, as ours). CPU seconds of one thread: ours and sigpy's of the solution, BART's of the whole process.
BART's row is left out where it is not installed.
"""

import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

from arguments import parser_of
from brain import brain
from napari_recon_robust.data.foreground import foreground
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.evaluation import metrics
from napari_recon_robust.reconstructors.classical import sparsity
from napari_recon_robust.reconstructors.classical.wavelet import ADMM, Details, L1Wavelet
from tv import Complex, write_cfl

WEIGHTS = (2.5e-4, 5e-4, 1e-3, 2e-3)
STEPS = (5, 10, 20, 40)
ITERATIONS = 60  # of the peers
OPTIMUM = (5e-4, 3e-3)  # weights of the first table
Solve = Callable[[float], Complex]


def excess(measurement: Measurement, weight: float) -> Iterator[tuple[str, list[tuple[float, float]]]]:
    """Of the objective over its optimum after STEPS, and CPU seconds, for each solver."""
    b, details, model = sparsity.right_hand_side(measurement), Details(), measurement.model
    energy = float((measurement.data / measurement.scale).abs().square().sum(dtype=torch.float64) / 2)
    solvers = {
        "ours": ADMM(model, details),
        "FISTA as TV's": sparsity.FISTA(model, details),
        "plain FISTA": PlainFISTA(model, details),
    }

    def run(solver: sparsity.TensorSolver, steps: int) -> tuple[float, float]:
        sparsity.OUTER = steps
        begin = time.thread_time()
        x = solver.minimise(b, weight, solver.start(b)).image
        seconds = time.thread_time() - begin
        misfit = ((model.normal(x) / 2 - b).conj() * x).real.sum(dtype=torch.float64)
        return float(misfit + weight * details.value(x) + energy), seconds

    optimum = run(solvers["ours"], 150)[0]
    for name, solver in solvers.items():
        runs = [run(solver, steps) for steps in STEPS]
        yield name, [(value / optimum - 1, seconds) for value, seconds in runs]


class PlainFISTA(sparsity.FISTA):
    """Without restarts, with the usual step, its proximal map from a zero dual each time."""

    def minimise(self, b: torch.Tensor, weight: float, start: sparsity.State) -> sparsity.State:
        step = self.step / sparsity.STEP
        x = z = start.image
        t = 1.0
        for _ in range(sparsity.OUTER):
            v = z - step * (self.model.normal(z) - b)
            radius = weight * step.unsqueeze(-3) * self.transform.limits
            dual = self.transform.proximal(v, torch.zeros_like(start.dual), radius, 2)
            new, following = v - self.transform.adjoint(dual), sparsity.momentum(t)
            z, x, t = new + (t - 1) / following * (new - x), new, following
        return sparsity.State(x, start.dual)


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
    parser = parser_of(__doc__)
    parser.add_argument("--size", type=int, default=320, help="side of the image in pixels")
    measurement = brain(parser.parse_args().size)
    steps, tolerance, sparsity.TOLERANCE = sparsity.OUTER, sparsity.TOLERANCE, 0.0
    for weight in OPTIMUM:
        print(f"weight {weight:g}: excess over the optimum (CPU seconds) after steps:", *STEPS)
        for name, values in excess(measurement, weight):
            print(f"{name:14}" + "".join(f"{value:11.1e} ({seconds:.2f})" for value, seconds in values), flush=True)
    sparsity.OUTER, sparsity.TOLERANCE = steps, tolerance
    truth = measurement.reference()
    assert truth is not None
    tissue = foreground(truth)
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
        print(f"{name:8}{weight:10g}{nmse:10.5f}{ssim:9.4f}{seconds:9.2f}", flush=True)


if __name__ == "__main__":
    main()
