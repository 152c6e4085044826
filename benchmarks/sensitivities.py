"""What sensitivities are worth to the methods: the NMSE with others, relative to that with those that ship.

    python benchmarks/sensitivities.py --data ../shared/data/anatomy --bank FOLDER [--count 12] [--methods ID ...]
        [--threads 1]
    python benchmarks/sensitivities.py --scans FILE ... [--methods ID ...] [--settings NAME ...]
    python benchmarks/sensitivities.py --discs [--methods ID ...] [--settings NAME ...]

Slices of the validation people (`training.bank`), under equispaced lines at 4x and 8x and a Poisson disc at 6x, each
with the ACS that its case draws; or the first slices of fully sampled scans, as they are and with noise of 2 and 6% of
the mean in the foreground added, under Poisson discs with square ACS of some widths and under lines; or simulated
discs of one texture that fill more and more of the field of view (8 coils, another array each, 128x128, little noise),
under lines at 4x. NMSE of the magnitude against the root sum of squares without (added) noise, in the foreground;
geometric means of the ratios, in brackets the largest. BART: its `ecalib -m1`, in the support of ours and with its
phase. No network is trained anew for other sensitivities. Seconds: of the sensitivities alone, the median.
"""

import math
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from arguments import parser_of
from coils import bart
from napari_recon_robust.cli.progress import follow
from napari_recon_robust.data.foreground import foreground
from napari_recon_robust.data.measurement import Calibration, Measurement
from napari_recon_robust.io import open_scan
from napari_recon_robust.physics import coils, fourier
from napari_recon_robust.physics.model import root_sum_of_squares
from napari_recon_robust.physics.sampling import Pattern, Sampling
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.reconstructors.classical import tv
from napari_recon_robust.simulation.acquisition import simulate_slice
from napari_recon_robust.training.bank import build_bank
from napari_recon_robust.training.recipe import load_recipe

PATTERNS: dict[str, tuple[Pattern, float]] = {
    "4x": ("equispaced", 4.0),
    "8x": ("equispaced", 8.0),
    "6x points": ("poisson-disc", 6.0),
}
SCANNED: dict[str, tuple[Pattern, float, int]] = {
    **{f"8x points, {n}x{n} in the centre": ("poisson-disc", 8.0, n) for n in (8, 10, 12)},
    "6x points, 16x16 in the centre": ("poisson-disc", 6.0, 16),
    **{f"8x, {n} lines in the centre": ("equispaced", 8.0, n) for n in (8, 10, 12)},
    **{f"4x, {n} lines in the centre": ("equispaced", 4.0, n) for n in (12, 16)},
}
ADDED = (0.0, 0.02, 0.06)
RADII = (0.8, 0.97, 1.3)  # of discs, in half fields of view
DISCS = 6
METHODS = ("cg-sense", "tv", "unrolled-hqs", "hqs-supervised", "cascade-net")


@dataclass(frozen=True)
class Slice:
    """What is known of a fully sampled slice.

    full: k-space, complex64 (coils, rows, columns). magnitude: the reference, (rows, columns). acquired: bool
    (columns,), the lines that exist.
    """

    full: Tensor
    magnitude: Tensor
    acquired: Tensor

    def measured(self, kind: Pattern, acceleration: float, centre_lines: int, seed: int) -> Measurement:
        """The slice as a scan, under a mask of its own."""
        rows, columns = self.full.shape[-2:]
        fraction = centre_lines / columns
        mask = Sampling(pattern=kind, acceleration=acceleration, centre_fraction=fraction, seed=seed)
        points = mask.mask(rows, columns)
        return Measurement(self.full * points * self.acquired, points & self.acquired, (rows, columns), self.full)


@dataclass(frozen=True)
class Setting:
    """ESPIRiT with other constants. noise: whether it is told the noise; else the kernels are those above 2%."""

    kernel: int = coils.KERNEL
    size: int = coils.CALIBRATION_SIZE
    span: float = coils.SPAN
    support_span: float = coils.SUPPORT_SPAN
    noise: bool = True

    def __call__(self, measurement: Measurement) -> Tensor:
        names = ("KERNEL", "CALIBRATION_SIZE", "SPAN", "SUPPORT_SPAN")
        shipped = [getattr(coils, name) for name in names]
        sigma = measurement.calibration.noise if self.noise else None
        self._set(names, (self.kernel, self.size, self.span, self.support_span))
        try:
            return coils.espirit_by_length(measurement.data, measurement.mask, measurement.dims, sigma)[0]
        finally:
            self._set(names, shipped)

    @staticmethod
    def _set(names: Sequence[str], values: Sequence[float]) -> None:
        for name, value in zip(names, values, strict=True):
            setattr(coils, name, value)


SETTINGS = {
    "the shorter kernels alone": Setting(),
    "the same, those above 2%": Setting(noise=False),
    "kernels of 6 from 28x28, those above 2%": Setting(6, 28, noise=False),
    "kernels of 8 from 40x40": Setting(8, 40),
    "kernels of 12 from 36x36": Setting(12, 36),
    "kernels of half of the points along each axis": Setting(span=0.5),
    "kernels of a third": Setting(span=0.33),
    "the support too from kernels of 0.4": Setting(support_span=coils.SPAN),
}


@torch.no_grad()
def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--bank", type=Path)
    parser.add_argument("--scans", type=Path, nargs="+")
    parser.add_argument("--discs", action="store_true")
    parser.add_argument("--count", type=int, default=12)
    parser.add_argument("--methods", nargs="+", default=list(METHODS))
    parser.add_argument("--settings", nargs="+", metavar="NAME", choices=[*SETTINGS, "BART"])
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.scans:
        slices = [one for path in options.scans for one in scanned(path)]
        for name, (kind, acceleration, centre) in SCANNED.items():
            measurements = [one.measured(kind, acceleration, centre, n) for n, one in enumerate(slices)]
            show(name, slices, measurements, options)
        return
    if options.discs:
        for radius, lines in product(RADII, (12, 20)):
            slices = [disc(radius, n) for n in range(DISCS)]
            measurements = [one.measured("equispaced", 4.0, lines, n) for n, one in enumerate(slices)]
            show(f"discs of radius {radius:g}, {lines} lines in the centre", slices, measurements, options)
        return
    bank = follow(build_bank(load_recipe("unrolled-hqs").bank, options.data, options.bank), "Cases").validation
    cases = [bank[n] for n in range(options.count)]
    slices = [Slice(fourier.fft(case.coil_images), case.magnitude, case.acquired) for case in cases]
    for name, (kind, acceleration) in PATTERNS.items():
        measurements = [
            one.measured(kind, acceleration, case.centre_lines, n)
            for n, (one, case) in enumerate(zip(slices, cases, strict=True))
        ]
        show(name, slices, measurements, options)


def scanned(path: Path) -> Iterator[Slice]:
    """The first slice of a scan, as it is and with more noise."""
    with open_scan(path) as scan:
        full = scan.kspace(0)
    magnitude = root_sum_of_squares(fourier.ifft(full))
    generator = torch.Generator().manual_seed(0)
    for share in ADDED:
        level = share * float(magnitude[foreground(magnitude)].mean())
        noise = level * torch.randn(full.shape, generator=generator, dtype=full.dtype)
        yield Slice(full + noise, magnitude, torch.ones(full.shape[-1], dtype=torch.bool))


def disc(radius: float, seed: int, size: int = 128) -> Slice:
    """A disc, its radius in half fields of view, in an array of its own."""
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    texture = 0.6 + 0.4 * np.sin(7 * y + 3 * x * x) * np.cos(9 * x)
    scan = simulate_slice((np.hypot(y, x) < radius) * texture, np.random.default_rng(seed), coils=8, noise_level=0.002)
    magnitude = root_sum_of_squares(fourier.ifft(scan.kspace - scan.noise))
    return Slice(scan.kspace, magnitude, torch.ones(size, dtype=torch.bool))


def show(title: str, slices: Sequence[Slice], measurements: Sequence[Measurement], options: Namespace) -> None:
    """Print the table of one kind of mask."""
    every: dict[str, Callable[[Measurement], Tensor]] = {**SETTINGS, "BART": of_bart}
    others = {name: setting for name, setting in every.items() if name in (options.settings or every)}
    methods = options.methods
    shipped = [errors(one, each.magnitude, methods) for one, each in zip(measurements, slices, strict=True)]
    print(f"\n{title}, {len(slices)} slices\n\n| sensitivities | {' | '.join(methods)} | seconds |")
    print(f"|---|{'---|' * len(methods)}---|", flush=True)
    for name, setting in others.items():
        kept = [replace(one, kept=Calibration(setting(one), one.calibration.noise)) for one in measurements]
        found = [errors(one, each.magnitude, methods) for one, each in zip(kept, slices, strict=True)]
        ratios = np.array(found) / np.array(shipped)
        cells = [cell(ratios[:, m]) for m in range(ratios.shape[1])]
        took = float(np.median([seconds(setting, one) for one in measurements]))
        print(f"| {name} | {' | '.join(cells)} | {took:.2f} |", flush=True)


def of_bart(measurement: Measurement) -> Tensor:
    """BART's sensitivities where ours are not zero, with their phase."""
    ours, theirs = measurement.calibration.sensitivities, bart(measurement)
    return theirs * torch.sgn((theirs.conj() * ours).sum(0))


def errors(measurement: Measurement, magnitude: Tensor, methods: Sequence[str]) -> list[float]:
    """The NMSE of each method at its defaults, of TV by its rule."""
    where = foreground(magnitude)
    found = []
    for id in methods:
        knobs = {"weight": tv.auto_weight(measurement)} if id == "tv" else {}
        difference = (registry.get(id)(measurement, **knobs).abs() - magnitude)[where]
        found.append(float(difference.square().sum() / magnitude[where].square().sum()))
    return found


def cell(ratios: np.ndarray) -> str:
    return f"{math.exp(float(np.log(ratios).mean())):.3f} ({ratios.max():.2f})"


def seconds(setting: Callable[[Measurement], Tensor], measurement: Measurement) -> float:
    start = time.perf_counter()
    setting(measurement)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
