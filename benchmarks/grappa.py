"""GRAPPA against pygrappa (`pip install pygrappa`): the same samples, in one run.

    OMP_NUM_THREADS=1 python benchmarks/grappa.py [--data ../shared/data]

320x320, 8 coils; equispaced and random lines at 4x, a Poisson disc at 4x; processor time of one thread, the median of
three runs, and the NMSE of the root sum of squares. pygrappa's regularization is its default; its windows are 5 by 9,
of points 5 by 5. It takes all samples in a window, ours the nearest in a wider one, so that the work is not quite the
same. `grappa` is for regular lines, `mdgrappa` for any samples. BART has no GRAPPA.

With --data there is instead the real 16-coil brain whose field of view is cut, so that the object folds over: the NMSE
of each method's image by the fully sampled image of its kind, equispaced lines with 16% of them in the centre.
"""

import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np
import torch

import napari_recon_robust as rr
from arguments import parser_of
from brain import brain
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.evaluation import metrics
from napari_recon_robust.physics import fourier
from napari_recon_robust.physics.acs import acs_region
from napari_recon_robust.physics.model import root_sum_of_squares

RUNS = 3
METHODS = {
    "zero-filled": rr.reconstructor("zero-filled").at(),
    "grappa": rr.reconstructor("grappa").at(),
    "grappa, combined": rr.reconstructor("grappa").at(combine="combined"),
    "cg-sense": rr.reconstructor("cg-sense").at(),
    "tv": rr.reconstructor("tv").at(),
}


def ours(measurement: Measurement) -> torch.Tensor:
    return rr.reconstructor("grappa")(measurement).abs()


def peer(name: str) -> Callable[[Measurement], torch.Tensor]:
    def run(measurement: Measurement) -> torch.Tensor:
        import pygrappa

        kspace = measurement.kspace.numpy()
        acs = kspace[:, *acs_region(measurement.sampled)]
        window = (5, 9) if measurement.lines else (5, 5)
        filled = getattr(pygrappa, name)(kspace, acs, kernel_size=window, coil_axis=0)
        return root_sum_of_squares(fourier.ifft(torch.from_numpy(np.ascontiguousarray(filled, np.complex64))))

    return run


def folded(kspace: torch.Tensor, columns: int) -> torch.Tensor:
    """The k-space of a field of view of so many columns: what lies outside comes in at the other side."""
    images = fourier.ifft(kspace, (-1,))
    places = (torch.arange(images.shape[-1]) - images.shape[-1] // 2 + columns // 2) % columns
    return fourier.fft(images.new_zeros(*images.shape[:-1], columns).index_add(-1, places, images), (-1,))


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--data", type=Path)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    if options.data is None:
        beside_pygrappa()
    else:
        with rr.open_scan(
            options.data / "kspace" / "brain_16coil_128x128_full.npy", ("coil", "phase", "readout")
        ) as scan:
            in_a_small_field_of_view(scan.kspace(0))


def in_a_small_field_of_view(brain: torch.Tensor) -> None:
    print("| columns | R |", *(f"{name} |" for name in METHODS))
    print("|---" * (len(METHODS) + 2) + "|")
    for columns in (128, 96, 88, 80, 72, 64):
        kspace = folded(brain, columns)
        for acceleration in (2, 3, 4):
            mask = rr.Sampling(acceleration=acceleration, centre_fraction=0.16).mask(*kspace.shape[-2:])
            measurement = Measurement(kspace * mask, mask, (kspace.shape[-2], columns), kspace)
            errors = (
                metrics.nmse(method(measurement).abs(), measurement.reference(method.reference_kind))
                for method in METHODS.values()
            )
            print(f"| {columns} | {acceleration} |", *(f"{error:.2g} |" for error in errors), flush=True)


def beside_pygrappa() -> None:
    full = brain()
    print("| samples | | seconds | NMSE |\n|---|---|---|---|")
    for pattern in ("equispaced", "random", "poisson-disc"):
        mask = rr.Sampling(pattern=pattern, acceleration=4, centre_fraction=0.08).mask(320, 320)
        measurement = replace(full, kspace=full.full * mask, mask=mask)
        runs = {"ours": ours, "mdgrappa": peer("mdgrappa")}
        if pattern == "equispaced":
            runs["grappa"] = peer("grappa")
        for name, run in runs.items():
            run(measurement)  # loads what it needs
            seconds = []
            for _ in range(RUNS):
                start = time.thread_time()
                image = run(measurement)
                seconds.append(time.thread_time() - start)
            error = metrics.nmse(image, measurement.reference("rss"))
            print(f"| {pattern} | {name} | {median(seconds):.2f} | {error:.2g} |", flush=True)


if __name__ == "__main__":
    main()
