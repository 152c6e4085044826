"""The weights that the classical methods choose from the noise alone, against the best of many, which knows the truth.

    python benchmarks/rules.py --data ../shared/data/anatomy --bank FOLDER [--methods ID ...] [--count 8] [--threads 1]

Slices of the validation people, and the real scan's one slice as a guard, whose reference is as noisy as its data.
Noise is white, of the given part of the largest magnitude, beside what a case has; sigma is its estimate relative to
the scale. NMSE against the root sum of squares, on the foreground, at the rule's weight and at 13 weights around it;
geometric means over slices.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from arguments import parser_of
from coils import real_brain
from napari_recon_robust.cli.progress import follow
from napari_recon_robust.data.foreground import foreground
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.physics import fourier
from napari_recon_robust.physics.model import root_sum_of_squares
from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.training.bank import build_bank
from napari_recon_robust.training.recipe import load_recipe
from sensitivities import PATTERNS

METHODS = ("cg-sense", "tv", "l1-wavelet", "hqs")
NOISE = (0.0, 0.02, 0.05, 0.1, 0.2)
FACTORS = 2.0 ** np.arange(-3, 3.5, 0.5)
Scan = tuple[Measurement, torch.Tensor]  # and its reference


@torch.no_grad()
def main() -> None:
    parser = parser_of(__doc__, "data", "bank")
    parser.add_argument("--methods", nargs="+", default=list(METHODS))
    parser.add_argument("--count", type=int, default=8)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print("| scans | sigma | method | NMSE at the rule ÷ least (largest) | best weight ÷ rule's |")
    print("|---|---|---|---|---|")
    for title, scans in settings(options.data, options.bank, options.count):
        sigma = np.mean([float(scan.noise_level) for scan, _ in scans])
        for id in options.methods:
            ratios, factors = zip(*(judged(id, *scan) for scan in scans), strict=True)
            worst, mean, factor = max(ratios), geometric_mean(ratios), geometric_mean(factors)
            print(f"| {title} | {sigma:.3f} | {id} | {mean:.3f} ({worst:.2f}) | {factor:.2f} |", flush=True)


def settings(data: Path, folder: Path, count: int) -> Iterator[tuple[str, list[Scan]]]:
    """Titles and scans."""
    for acceleration in (2, 3, 4, 6):
        yield f"real, {acceleration}x", [real(data.parent, acceleration, seed) for seed in range(3)]
    bank = follow(build_bank(load_recipe("unrolled-hqs").bank, data, folder), "Cases").validation
    for pattern, (kind, acceleration) in PATTERNS.items():
        for level in NOISE:
            scans = []
            for number in range(count):
                case, generator = bank[number], torch.Generator().manual_seed(number)
                full = fourier.fft(case.coil_images)
                noise = torch.randn(full.shape, dtype=full.dtype, generator=generator)
                full = full + level * case.magnitude.max() * noise
                rows, columns = full.shape[-2:]
                fraction = case.centre_lines / columns
                sampling = Sampling(pattern=kind, acceleration=acceleration, centre_fraction=fraction, seed=number)
                mask = sampling.mask(rows, columns) & case.acquired
                scans.append((Measurement(full * mask, mask, (rows, columns), full), case.magnitude))
            yield f"{pattern}, noise {level:g}", scans


def real(data: Path, acceleration: float, seed: int) -> Scan:
    measurement = real_brain(data, acceleration, seed)
    assert measurement.full is not None
    return measurement, root_sum_of_squares(fourier.ifft(measurement.full))


def judged(id: str, measurement: Measurement, reference: torch.Tensor) -> tuple[float, float]:
    """The NMSE at the rule's weight relative to the least, and the weight of the least relative to the rule's."""
    method, where = registry.get(id), foreground(reference)
    knob = next(knob for knob in method.knobs if knob.name == "weight")
    rule = method.rule(measurement)["weight"]
    errors = {}
    for factor in FACTORS:
        image = method(measurement, weight=knob.nearest(factor * rule)).abs()
        errors[factor] = float((image - reference)[where].square().sum())
    best = min(errors, key=errors.__getitem__)
    return errors[1.0] / errors[best], best


def geometric_mean(values: tuple[float, ...]) -> float:
    return float(np.exp(np.log(values).mean()))


if __name__ == "__main__":
    main()
