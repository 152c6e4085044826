"""What sensitivities are worth to the methods: the NMSE with others, relative to that with those that ship.

    python benchmarks/sensitivities.py --data ../shared/data/anatomy --bank FOLDER [--count 12] [--methods ID ...]
        [--threads 1]

Slices of the validation people (`training.bank`), under equispaced lines at 4x and 8x and a Poisson disc at 6x, each
with the ACS that its case draws. NMSE of the magnitude against the noise-free root sum of squares in the foreground;
geometric means of the ratios, in brackets the largest. BART: its `ecalib -m1`, in the support of ours and with its
phase. No network is trained anew for other sensitivities. Seconds: of the sensitivities alone, the median.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from arguments import parser_of
from coils import bart
from napari_recon_robust.cli.options import follow
from napari_recon_robust.data.foreground import foreground
from napari_recon_robust.data.measurement import Calibration, Measurement
from napari_recon_robust.physics import coils, fourier
from napari_recon_robust.physics.sampling import Pattern, Sampling
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.reconstructors.classical import tv
from napari_recon_robust.training.bank import build_bank
from napari_recon_robust.training.case import TrainingCase
from napari_recon_robust.training.recipe import load_recipe

PATTERNS: dict[str, tuple[Pattern, float]] = {
    "4x": ("equispaced", 4.0),
    "8x": ("equispaced", 8.0),
    "6x points": ("poisson-disc", 6.0),
}
METHODS = ("cg-sense", "tv", "unrolled-hqs", "hqs-supervised", "cascade-net")


@dataclass(frozen=True)
class Setting:
    """ESPIRiT with other constants. noise: whether it is told the noise; else the kernels are those above 2%."""

    kernel: int
    size: int
    noise: bool = True

    def __call__(self, measurement: Measurement) -> Tensor:
        shipped = coils.KERNEL, coils.CALIBRATION_SIZE
        sigma = measurement.calibration.noise if self.noise else None
        coils.KERNEL, coils.CALIBRATION_SIZE = self.kernel, self.size
        try:
            return coils.espirit(measurement.data, measurement.mask, measurement.dims, sigma)
        finally:
            coils.KERNEL, coils.CALIBRATION_SIZE = shipped


SETTINGS = {
    "as they ship: kernels of 10 from 32x32": Setting(10, 32),
    "the same, those above 2%": Setting(10, 32, noise=False),
    "kernels of 6 from 28x28, those above 2%": Setting(6, 28, noise=False),
    "kernels of 8 from 40x40": Setting(8, 40),
    "kernels of 12 from 36x36": Setting(12, 36),
}


@torch.no_grad()
def main() -> None:
    parser = parser_of(__doc__, "data", "bank")
    parser.add_argument("--count", type=int, default=12)
    parser.add_argument("--methods", nargs="+", default=list(METHODS))
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    bank = follow(build_bank(load_recipe("unrolled-hqs").bank, options.data, options.bank), "Cases").validation
    others: dict[str, Callable[[Measurement], Tensor]] = {**SETTINGS, "BART": of_bart}
    for pattern, (kind, acceleration) in PATTERNS.items():
        cases = [bank[n] for n in range(options.count)]
        measurements = [measured(case, kind, acceleration, n) for n, case in enumerate(cases)]
        shipped = [errors(one, case, options.methods) for one, case in zip(measurements, cases, strict=True)]
        print(f"\n{pattern}, {options.count} slices\n\n| sensitivities | {' | '.join(options.methods)} | seconds |")
        print(f"|---|{'---|' * len(options.methods)}---|", flush=True)
        for name, setting in others.items():
            kept = [replace(one, kept=Calibration(setting(one), one.calibration.noise)) for one in measurements]
            found = [errors(one, case, options.methods) for one, case in zip(kept, cases, strict=True)]
            ratios = np.array(found) / np.array(shipped)
            cells = [cell(ratios[:, m]) for m in range(ratios.shape[1])]
            took = float(np.median([seconds(setting, one) for one in measurements]))
            print(f"| {name} | {' | '.join(cells)} | {took:.2f} |", flush=True)


def measured(case: TrainingCase, kind: Pattern, acceleration: float, number: int) -> Measurement:
    """The case as a scan, under a mask of its own."""
    full = fourier.fft(case.coil_images)
    rows, columns = full.shape[-2:]
    fraction = case.centre_lines / columns
    mask = Sampling(pattern=kind, acceleration=acceleration, centre_fraction=fraction, seed=number).mask(rows, columns)
    return Measurement(full * mask * case.acquired, mask & case.acquired, (rows, columns), full)


def of_bart(measurement: Measurement) -> Tensor:
    """BART's sensitivities where ours are not zero, with their phase."""
    ours, theirs = measurement.calibration.sensitivities, bart(measurement)
    return theirs * torch.sgn((theirs.conj() * ours).sum(0))


def errors(measurement: Measurement, case: TrainingCase, methods: Sequence[str]) -> list[float]:
    """The NMSE of each method at its defaults, of TV by its rule."""
    where = foreground(case.magnitude)
    found = []
    for id in methods:
        knobs = {"weight": tv.auto_weight(measurement)} if id == "tv" else {}
        difference = (registry.get(id)(measurement, **knobs).abs() - case.magnitude)[where]
        found.append(float(difference.square().sum() / case.magnitude[where].square().sum()))
    return found


def cell(ratios: np.ndarray) -> str:
    return f"{math.exp(float(np.log(ratios).mean())):.3f} ({ratios.max():.2f})"


def seconds(setting: Callable[[Measurement], Tensor], measurement: Measurement) -> float:
    start = time.perf_counter()
    setting(measurement)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
