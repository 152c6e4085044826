"""The band of plausible residuals on simulations: the truth within, a fit of the noise below, smoothed images above.

    python benchmarks/plausible.py --data ../shared/data [--cases 60] [--points] [--end partial] [--methods]

Coils (4 to 16), noise (0.2 to 3%), R (2, 4, 6), size (96, 128) and pattern (equispaced, random lines; with --points
Poisson discs) are drawn for each case; random slices of five people in turn, by seeds (from --first on) that had no
part in choosing the band's constants; maps are estimated by ESPIRiT. --end: where k-space ends early, "partial" for one
side from which on 12.5 to 45% of the lines are never measured (partial Fourier), "padded" for 3 to 15% on both sides.
The truth is the noise-free image of what a full scan measures, seen through the estimated maps; the fit of the noise is
200 iterations of conjugate gradients; the smoothed images are the truth under Gaussians of 1 and 2 pixels. excess: the
truth's residual above the unregularised fit's, relative to what is expected. --methods: where reconstructions lie, as
the share of that excess which they have lost to the noise (0 the truth, 1 the unregularised fit; negative: smoother
than the truth), beside their NMSE. Objects that fill the field of view, with tissue at both ends of the phase encoding,
are counted apart: maps jump there from one end to the other.
"""

from collections.abc import Sequence

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from scipy.stats import binomtest
from torch import Tensor

from arguments import parser_of
from napari_recon_robust.analyses.plausibility import Band, plausible_band
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.ground.progress import run
from napari_recon_robust.physics import fourier
from napari_recon_robust.physics.model import coil_combined
from napari_recon_robust.physics.sampling import Pattern, Sampling
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.reconstructors.classical import tv
from napari_recon_robust.reconstructors.classical.conjugate_gradients import conjugate_gradients
from napari_recon_robust.reconstructors.generative.posterior import Posterior
from napari_recon_robust.simulation.acquisition import SimulatedSlice, simulate_slice
from napari_recon_robust.simulation.anatomy import Volume, load_volume, random_slice

VOLUMES = ("brain_t1_child", "brain_t2_m2208", "brain_t1_seg3d", "brain_stroke_t2", "brain_t1_eun")


def main() -> None:
    parser = parser_of(__doc__, "data")
    parser.add_argument("--cases", type=int, default=60)
    parser.add_argument("--points", action="store_true")
    parser.add_argument("--first", type=int, default=1000)
    parser.add_argument("--end", choices=("partial", "padded"))
    parser.add_argument("--methods", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    patterns: list[Pattern] = ["poisson-disc"] if options.points else ["equispaced", "random"]
    volumes = [load_volume(options.data / "anatomy" / f"{name}.nii.gz") for name in VOLUMES]
    found: dict[str, list[bool]] = {}
    excesses = []
    for number in range(options.first, options.first + options.cases):
        one, measurement = simulated(volumes[number % len(volumes)], patterns, number, options.end)
        band = run(plausible_band(measurement))
        clean = measurement.to_data((one.kspace - one.noise) * measurement.acquired)
        truth = coil_combined(fourier.ifft(clean, measurement.dims), measurement.model.sensitivities)
        fit = conjugate_gradients(measurement.model.normal, measurement.combined, 200)
        excesses.append(share(band, residual(measurement, truth)))
        within, group = band.holds(residual(measurement, truth)), ", filled" if filled(one.image) else ""
        found.setdefault(f"truth within{group}", []).append(within)
        found.setdefault("noise below", []).append(residual(measurement, fit) < band.low)
        for width in (1, 2):
            above = residual(measurement, smoothed(truth, width)) > band.high
            found.setdefault(f"{width} px above", []).append(above)
        held = group if within else f"{group}, beyond the band"
        print(
            f"{number}: {measurement.coils:2d} coils, R {measurement.acceleration:.2f}, {excesses[-1]:.2f}{held}",
            flush=True,
        )
        if options.methods:
            print(where(one, measurement, band, excesses[-1]), flush=True)
    for name, each in sorted(found.items()):
        low, high = binomtest(sum(each), len(each)).proportion_ci(method="wilson")
        print(f"{name}: {sum(each)} of {len(each)}, {low:.1%} to {high:.1%}")
    print("excess: " + ", ".join(f"{q:.0%} {np.quantile(excesses, q):.2f}" for q in (0, 0.05, 0.5, 0.95, 1)))


def simulated(
    volume: Volume, patterns: Sequence[Pattern], seed: int, end: str | None
) -> tuple[SimulatedSlice, Measurement]:
    """A case drawn at random."""
    random = np.random.default_rng(seed)
    size = int(random.choice([96, 128]))
    image = random_slice(volume, (size, size), random)
    noise = float(np.exp(random.uniform(*np.log([0.002, 0.03]))))
    one = simulate_slice(image, random, coils=int(random.integers(4, 17)), noise_level=noise)
    sampling = Sampling(
        pattern=patterns[int(random.integers(len(patterns)))],
        acceleration=float(random.choice([2, 4, 6])),
        centre_fraction=0.12 if "poisson-disc" in patterns else 0.08,
        minimum_centre_lines=12,
        seed=seed,
    )
    left, right = {
        None: (0, 0),
        "partial": (random.uniform(0.125, 0.45), 0),
        "padded": random.uniform(0.03, 0.15, 2),
    }[end]
    lines = torch.arange(size)[None]
    acquired = (lines >= round(left * size)) & (lines < size - round(right * size))
    mask = sampling.mask(size, size) & acquired
    return one, Measurement(one.kspace * mask, mask, (size, size), acquired=acquired)


def filled(image: Tensor) -> bool:
    """Whether tissue is at both ends of the phase encoding. image: complex (rows, columns)."""
    size = image.abs()
    ends = torch.stack((size[:, :2].mean(), size[:, -2:].mean()))
    return bool(ends.min() > 0.02 * size.quantile(0.995))


def residual(measurement: Measurement, image: Tensor) -> float:
    data = measurement.model.mask * measurement.data
    return float((measurement.model.forward(image) - data).norm() / data.norm())


def share(band: Band, consistency: float) -> float:
    """Of the excess over the unregularised fit that is expected of the truth."""
    return (consistency**2 - band.unregularised**2) / (band.expected**2 - band.unregularised**2)


def smoothed(image: Tensor, width: float) -> Tensor:
    parts = torch.view_as_real(image).movedim(-1, 0).numpy()
    return torch.complex(*(torch.from_numpy(gaussian_filter(part, width)) for part in parts))


def where(one: SimulatedSlice, measurement: Measurement, band: Band, truth: float) -> str:
    """The share lost to the noise and the NMSE of each method."""
    weight = tv.rule(float(measurement.noise_level))
    images = {f"tv x {f:g}": registry.get("tv")(measurement, weight=weight * f) for f in (0.25, 0.5, 1, 2, 4)}
    images["hqs-supervised"] = registry.get("hqs-supervised")(measurement)
    samples = run(Posterior().samples(measurement, 4, 10))
    images |= {"posterior, mean of 4": samples.mean, "posterior, one sample": samples.images[0]}
    return "\n".join(
        f"  {name}: {1 - share(band, residual(measurement, image)) / truth:.2f}, NMSE "
        f"{float(((image.abs() - one.image.abs()).norm() / one.image.norm()).square()):.5f}"
        for name, image in images.items()
    )


if __name__ == "__main__":
    main()
