"""What the first reconstruction and the first attack after an installation wait for: numba compiles the kernels.

    OMP_NUM_THREADS=1 python benchmarks/compiling.py

Each method is reconstructed, and attacked, twice in a new process with an empty cache, on the sample. Shown are the
seconds from the call to the result, of the clock and of the processor (which other work on the machine changes less),
and the seconds of the clock that each kernel took to compile, its callees included. Goal for TV's attack: the first
takes at most 8 s more than the second.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import torch

import napari_recon_robust as rr
from arguments import parser_of

GOAL = 8.0


def measure(method_id: str, task: str) -> None:
    """One method in this process: seconds of both runs, and of each kernel."""
    with rr.open_sample() as scan:
        measurement = scan.measurement(3, rr.Sampling(pattern="equispaced", acceleration=4, centre_fraction=0.08))
    method = rr.reconstructor(method_id)
    roi = rr.ROI.box(row=150, column=130, height=32, width=28)
    tasks: dict[str, Callable[[], object]] = {
        "image": lambda: method(measurement),
        "attack": lambda: rr.perturb("worst-case", measurement, method, roi, budgets=[0.005]),
    }
    (first, first_processor), (second, second_processor) = seconds(tasks[task]), seconds(tasks[task])
    kernels = compiled()
    print(f"{method_id}, {task}: {first:.1f} s, then {second:.1f} s; processor {first_processor:.1f}, then", end=" ")
    print(
        f"{second_processor:.1f} s; {first - second:.1f} s later, {first_processor - second_processor:.1f} of processor"
    )
    print("  compiled: " + ", ".join(f"{name} {spent:.1f} s" for name, spent in kernels), flush=True)
    if (method_id, task) == ("tv", "attack"):
        print(f"  goal {GOAL:g} s later: {'met' if first - second <= GOAL else 'missed'}", flush=True)


def seconds(run: Callable[[], object]) -> tuple[float, float]:
    """Of the clock and of the processor."""
    clock, processor = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - clock, time.process_time() - processor


def compiled() -> list[tuple[str, float]]:
    """Each kernel with its seconds, all its specialisations together."""
    from numba.core.dispatcher import Dispatcher

    from napari_recon_robust.kernels import normal, tv, wavelet

    found = []
    for module in (normal, tv, wavelet):
        for name, kernel in vars(module).items():
            if isinstance(kernel, Dispatcher) and kernel.py_func.__module__ == module.__name__ and kernel.signatures:
                timers = [kernel.get_metadata(signature)["timers"] for signature in kernel.signatures]
                spent = sum(timer["compiler_lock"] for timer in timers)
                found.append((f"{module.__name__.rpartition('.')[2]}.{name}", spent))
    return found


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--methods", nargs="+", default=["tv", "l1-wavelet"])
    parser.add_argument("--one", nargs=2, metavar=("METHOD", "TASK"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        torch.set_num_threads(1)
        measure(*arguments.one)
        return
    for method in arguments.methods:
        for task in ("image", "attack"):
            with tempfile.TemporaryDirectory() as cache:
                environment = os.environ | {"NUMBA_CACHE_DIR": cache}
                subprocess.run([sys.executable, __file__, "--one", method, task], env=environment, check=True)


if __name__ == "__main__":
    main()
