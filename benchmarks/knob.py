"""The knob, live: 320×320, 8 coils.

    OMP_NUM_THREADS=1 python benchmarks/knob.py

For each method with live knobs: the time from the slider's event to the image as napari takes it (95th percentile at
random positions, the range prepared), the time to prepare the range and until the first answer, the time of an exact
image as the window renders it where the knob rests, and the distances of that and of the interpolated image from one
rendered from a cold start (magnitudes, NRMSE), at random positions. Wall clock; CPU seconds in brackets, since a shared
machine's wall clock says little. A learned method whose weights are missing is left out.
"""

import time
from typing import Any

import numpy as np
import torch

from brain import brain
from napari_recon_robust.analyses.sweep import Sweep
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.ground.errors import WeightsError
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.reconstructors.base import Reconstructor

GOALS = {"tv": (2.0, 0.005), "hyperrecon": (8.0, 0.01)}  # seconds to prepare (a pad: 8), NRMSE
EVENT, EXACT = 0.016, 0.25  # seconds
EVENTS, COMPARED = 500, 12


def measure(method: Reconstructor, measurement: Measurement) -> None:
    random = np.random.default_rng(0)
    defaults = {knob.name: knob.default for knob in method.knobs}
    sweep = Sweep.of(method, measurement)

    def anywhere() -> dict[str, Any]:
        return {axis.name: axis.from_unit(random.random()) for axis in sweep.axes}

    wall, cpu, first = time.perf_counter(), time.process_time(), None
    for _ in sweep.prepare():
        if first is None and sweep.at(defaults) is not None:
            first = time.perf_counter() - wall
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    events = []
    for _ in range(EVENTS):
        values = anywhere()
        start = time.perf_counter()
        shown = sweep.at(values)
        assert shown is not None
        shown[0].numpy()
        events.append(time.perf_counter() - start)
    errors, exact, differences = [], [], []
    for _ in range(COMPARED):
        values = anywhere()
        shown = sweep.at(values)
        assert shown is not None
        start, start_cpu = time.perf_counter(), time.process_time()
        rested = sweep.exact(values)
        exact.append((time.perf_counter() - start, time.process_time() - start_cpu))
        image = method(measurement, **values).abs()
        differences.append(float((rested - image).norm() / image.norm()))
        errors.append(float((shown[0] - image).norm() / image.norm()))
    goal, nrmse = GOALS[method.id]
    slowest, slowest_cpu = (1e3 * max(times) for times in zip(*exact, strict=True))
    table = [
        ("event to image, 95th percentile", f"{1e3 * np.percentile(events, 95):.2f} ms", f"{1e3 * EVENT:g} ms"),
        ("first answer", f"{first:.2f} s", ""),
        ("prepared", f"{wall:.2f} s [{cpu:.2f}]", f"{goal:g} s"),
        ("exact image, slowest", f"{slowest:.0f} ms [{slowest_cpu:.0f}]", f"{1e3 * EXACT:g} ms"),
        ("exact image, median", f"{1e3 * np.median(exact, 0)[0]:.0f} ms [{1e3 * np.median(exact, 0)[1]:.0f}]", ""),
        ("exact from a cold start's, largest", f"{100 * max(differences):.2f}%", ""),
        ("interpolated from cold, largest", f"{100 * max(errors):.2f}%", f"{100 * nrmse:g}%"),
        ("interpolated from cold, mean", f"{100 * np.mean(errors):.2f}%", ""),
    ]
    print(f"{method.id}, {' × '.join(map(str, sweep.counts))} renders: measured, goal")
    for row in table:
        print("  {:34}{:>20}{:>10}".format(*row))


def main() -> None:
    torch.set_num_threads(1)
    measurement = brain()
    for id in GOALS:
        try:
            method = registry.get(id)
            method(measurement)  # compiles, loads
        except WeightsError as error:
            print(f"{id}: {error}")
            continue
        measure(method, measurement)


if __name__ == "__main__":
    main()
