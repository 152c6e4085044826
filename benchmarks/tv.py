"""TV, cold, against BART and sigpy at their best settings, each judged by the optimum of its own functional.

    OMP_NUM_THREADS=1 python benchmarks/tv.py

One thread each. CPU seconds, since a shared machine's wall clock says little: ours from the measurement on (its
coil sensitivities given) with all preparation, BART's of the whole process, sigpy's of its iterations alone.
BART's TV is isotropic with backward differences, sigpy's anisotropic with two of them, both periodic; ours isotropic
with forward differences. The optimum is the least value that any run reached, one of each being long. Needs BART.
"""

import resource
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from arguments import parser_of
from brain import brain
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.reconstructors.classical import sparsity, tv

WEIGHT = 3e-3
TARGETS = (1e-2, 1e-3)
GOALS = {"BART": (8, 12), "sigpy": (25, 25)}
Complex = NDArray[np.complexfloating]
Run = tuple[str, float, Complex]  # setting, CPU seconds, image
Functional = Callable[[Complex], float]


def ours(measurement: Measurement) -> Iterator[Run]:
    """With more and more FISTA steps."""
    tolerance, sparsity.TOLERANCE = sparsity.TOLERANCE, 0.0
    for steps in (1, *range(4, 48, 2), 600):  # the first loads the kernels
        sparsity.OUTER = steps
        fresh = replace(measurement)
        start = time.thread_time()
        b = sparsity.right_hand_side(fresh)
        solver = tv.TotalVariation().solver(fresh.model, b)
        image = solver.image(solver.minimise(b, WEIGHT, solver.start(b)))
        yield f"{steps} steps", time.thread_time() - start, image.numpy()
    sparsity.TOLERANCE = tolerance


def bart(data: Complex, sensitivities: Complex, quick: bool) -> Iterator[Run]:
    """`pics -R T` over its penalty u and conjugate gradient steps C; the default first."""
    settings = [("default", [])]
    penalties, inner = ((0.05,), (5,)) if quick else ((0.02, 0.05, 0.1, 0.3), (3, 5, 10))
    settings += [(f"u {u}, C {c}", ["-u", str(u), "-C", str(c)]) for u, c in product(penalties, inner)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        write_cfl(path / "kspace", data)
        write_cfl(path / "maps", sensitivities)

        def run(options: list[str], iterations: int) -> tuple[float, Complex]:
            command = ["bart", "pics", "-w", "1", "-R", f"T:3:0:{WEIGHT}", "-i", str(iterations), *options]
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([*command, "kspace", "maps", "out"], cwd=folder, check=True, capture_output=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            shape = sensitivities.shape[1:]
            return seconds, np.fromfile(path / "out.cfl", np.complex64).reshape(shape, order="F")

        for name, options in settings:
            for iterations in (10, 20, 30, 50, 80):
                yield f"{name}, {iterations} iterations", *run(options, iterations)
        yield "u 0.05, 400 iterations", *run(["-u", "0.05", "-C", "10"], 400)


def sigpy(data: Complex, sensitivities: Complex, quick: bool) -> Iterator[Run]:
    """Its primal-dual algorithm over the primal step."""
    from sigpy.mri.app import TotalVariationRecon

    weights = (np.abs(data[:1]) > 0).astype(np.float32)
    for tau in (1.0,) if quick else (0.3, 1.0, 3.0, 10.0):
        app = TotalVariationRecon(
            data, sensitivities, WEIGHT, weights=weights, tau=tau, max_iter=10**6, show_pbar=False
        )
        seconds = 0.0
        for iteration in range(1, 401 if tau == 1.0 else 201):
            start = time.thread_time()
            app.alg.update()
            seconds += time.thread_time() - start
            if iteration % 10 == 0:
                yield f"tau {tau}, {iteration} iterations", seconds, np.array(app.alg.x)


def write_cfl(path: Path, array: Complex) -> None:
    """(coils, rows, columns) as BART's rows × columns × 1 × coils."""
    array = np.moveaxis(array, 0, -1)[:, :, None]
    path.with_suffix(".hdr").write_text("# Dimensions\n" + " ".join(map(str, array.shape)) + "\n")
    array.astype(np.complex64).ravel(order="F").tofile(path.with_suffix(".cfl"))


def first_below(runs: list[Run], functional: Functional) -> list[tuple[float, str]]:
    """The least time, with its setting, in which each target was reached."""
    values = np.array([functional(image) for _, _, image in runs])
    excess = values / values.min() - 1
    reached = []
    for target in TARGETS:
        within = [(seconds, name) for (name, seconds, _), e in zip(runs, excess, strict=True) if e <= target]
        reached.append(min(within))
    return reached


def forward(x: Complex, axis: int) -> Complex:
    """Differences to the next pixel, zero across the border."""
    return np.diff(x, axis=axis, append=x.take([-1], axis))


def backward(x: Complex, axis: int) -> Complex:
    """Differences to the pixel before, periodic."""
    return x - np.roll(x, 1, axis)


def functional(measurement: Measurement, difference: Callable[[Complex, int], Complex], isotropic: bool) -> Functional:
    """1/2 ||A x - y||^2 + w TV(x)."""
    y = measurement.data / measurement.scale

    def value(image: Complex) -> float:
        x = torch.from_numpy(image.astype(np.complex64))
        misfit = (measurement.model.forward(x) - y).abs().square().sum(dtype=torch.float64)
        steps = np.abs([difference(image.astype(np.complex128), axis) for axis in (0, 1)])
        variation = np.hypot(*steps).sum() if isotropic else steps.sum()
        return float(misfit / 2 + WEIGHT * variation)

    return value


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--quick", action="store_true", help="only the peers' settings that are known to be best")
    quick = parser.parse_args().quick
    torch.set_num_threads(1)
    measurement = brain()
    data = (measurement.kspace / measurement.scale).numpy()
    sensitivities = measurement.calibration.sensitivities.numpy()
    reached = {
        "ours": first_below(list(ours(measurement)), functional(measurement, forward, True)),
        "BART": first_below(list(bart(data, sensitivities, quick)), functional(measurement, backward, True)),
        "sigpy": first_below(list(sigpy(data, sensitivities, quick)), functional(measurement, backward, False)),
    }
    print(f"{'':8}" + "".join(f"{f'to {target:g}':>36}" for target in TARGETS))
    for name, times in reached.items():
        print(f"{name:8}" + "".join(f"{setting:>26} {seconds:7.3f} s" for seconds, setting in times))
    for name, goals in GOALS.items():
        for (seconds, _), (own, _), goal, target in zip(reached[name], reached["ours"], goals, TARGETS, strict=True):
            met = "met" if seconds / own >= goal else "missed"
            print(f"{name} to {target:g}: {seconds / own:.1f} times faster, goal {goal}: {met}")


if __name__ == "__main__":
    main()
