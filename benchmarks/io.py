"""Opening a 2 GB fastMRI file: time and memory of `open_scan`, of one slice, and of h5py reading everything.

    python benchmarks/io.py

The file is generated: 32 slices, 20 coils, 640 x 640, its k-space contiguous as in fastMRI's files; one slice is
filled and the rest are holes, so that the disk is not measured. Memory is the peak that Python and NumPy allocate.
"""

import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

from napari_recon_robust.io import open_scan

SHAPE = (32, 20, 640, 640)


def generate(path: Path) -> None:
    with h5py.File(path, "w") as file:
        kspace = file.create_dataset("kspace", SHAPE, np.complex64)
        kspace[SHAPE[0] // 2] = 1e-4
        file["reconstruction_rss"] = np.ones((SHAPE[0], 320, 320), np.float32)


def measure(action: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Median seconds without the tracer, peak bytes with it."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - start)
    tracemalloc.start()
    action()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return float(np.median(seconds)), peak


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file1.h5"
        generate(path)

        def opened() -> None:
            open_scan(path).close()

        def with_facts() -> None:
            with open_scan(path) as scan:
                assert scan.fully_sampled

        def one_slice() -> None:
            with open_scan(path) as scan:
                scan.measurement(len(scan) // 2)

        def everything() -> None:
            with h5py.File(path) as file:
                file["kspace"][()]

        print(f"{path.stat().st_size / 1e9:.2f} GB, {' x '.join(map(str, SHAPE))} complex64\n")
        print(f"{'':34}{'ms':>10}{'MB':>10}")
        for name, action, repeats in (
            ("open_scan", opened, 20),
            ("open_scan, which lines are measured", with_facts, 20),
            ("open_scan and one measurement", one_slice, 5),
            ("h5py, all of it", everything, 1),
        ):
            seconds, peak = measure(action, repeats)
            print(f"{name:36}{1e3 * seconds:8.1f}{peak / 1e6:10.1f}")


if __name__ == "__main__":
    main()
