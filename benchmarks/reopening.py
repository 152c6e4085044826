"""Resident memory of the window after the sample was opened, and opened again, each time with a quick attack.

    xvfb-run -a python benchmarks/reopening.py [--times 10] [--method tv]

Goal: at most 5 MB more with each reopening after the third. Alive counts the large objects of scans that Python still
knows; only those of the last scan should be among them.
"""

import gc
import time
from collections.abc import Callable

import napari
import psutil
import torch
from qtpy.QtWidgets import QApplication

from arguments import parser_of
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.window import session

GOAL, FIRST = 5.0, 3  # MB with each reopening, after so many
PAUSE = 4.0  # s; the window gives memory back when it rests


def until(condition: Callable[[], object], seconds: float = 300.0) -> None:
    """Run the window's loop until something holds."""
    end = time.perf_counter() + seconds
    while not condition():
        QApplication.processEvents()
        time.sleep(0.001)
        if time.perf_counter() > end:
            raise TimeoutError


def rest(seconds: float) -> None:
    """Let the window's loop run on."""
    end = time.perf_counter() + seconds
    until(lambda: time.perf_counter() > end)


def alive() -> tuple[int, int, float]:
    """Measurements, tensors, and the megabytes of the tensors."""
    found = gc.get_objects()
    measurements = sum(type(one) is Measurement for one in found)
    stores = {
        one.untyped_storage().data_ptr(): one.untyped_storage().nbytes()
        for one in found
        if type(one) is torch.Tensor and one.device.type == "cpu"
    }
    return measurements, len(stores), sum(stores.values()) / 1e6


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--method", default="tv")
    parser.add_argument("--times", type=int, default=10)
    options = parser.parse_args()
    viewer = napari.Viewer()
    viewer.window.resize(1280, 800)
    viewer.window.add_plugin_dock_widget(session.PLUGIN, "Reconstruct", tabify=True)
    review = session.Session.of(viewer)
    review.jobs.failed.connect(print)
    bench, process = review.bench, psutil.Process()
    until(lambda: len(review.docks) == 3)
    resident: list[float] = []
    print("| opened | resident MB | more | Measurements | tensors | MB of tensors |\n|---|---|---|---|---|---|")
    for number in range(options.times + 1):
        scan = bench.acquisition.scan
        review.open_sample()
        until(lambda scan=scan: bench.acquisition.scan is not scan and bench.acquisition.slice is not None)
        if bench.reconstruction.method is None or bench.reconstruction.method.id != options.method:
            review.choose_method(options.method)
        until(lambda: bench.reconstruction.shown is not None and bench.reconstruction.ready)
        bench.regions.choose(bench.regions.on(bench.acquisition.index)[:1])
        bench.perturbing.set(steps=1)
        review.attempt(bench.perturbing.run)
        until(lambda: bench.perturbing.result is not None)
        until(lambda: not review.jobs.working and review.panels.settled)
        gc.collect()
        rest(PAUSE)
        resident.append(process.memory_info().rss / 1e6)
        more = resident[-1] - resident[-2] if number else 0.0
        measurements, tensors, held = alive()
        print(
            f"| {number} | {resident[-1]:.0f} | {more:+.1f} | {measurements} | {tensors} | {held:.0f} |",
            flush=True,
        )
    if options.times > FIRST:
        growth = (resident[-1] - resident[FIRST]) / (options.times - FIRST)
        print(f"{growth:+.1f} MB with each reopening after the {FIRST}rd; the goal is {GOAL:g}")
    review.jobs.cancel_all()
    viewer.close()


if __name__ == "__main__":
    main()
