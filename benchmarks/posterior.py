"""Posterior sampling: quality of the mean, and how often the reference lies within the interval.

    python benchmarks/posterior.py --data ../shared/data [--samples 8] [--steps 20] [--slices 6] [--matrix 192]

Held-out anatomy (simulated coils, 4x) against the noise-free truth, and the real 16-coil brain at R = 2, 3, 4 against
its fully sampled image combined by the same sensitivities. Interval of a pixel at level p, from n samples with mean m
and standard deviation d of the magnitude: m +- t d sqrt(1 + 1/n), t of Student's distribution with n - 1 degrees of
freedom, which holds one draw more with probability p if draws are normal. On the real scan the reference has noise of
its own, whose variance is added to d^2. Everything on the foreground.

NMSE: geometric mean over the cases; SSIM: mean. error / spread: root mean square of m - reference over that of
d sqrt(1 + 1/n), 1 for an exact posterior. rank: Spearman's correlation of d with |m - reference|. misfit: data
consistency of the samples, and of the reference's own noise.
"""

import time
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from scipy.stats import spearmanr, t
from torch import Tensor

from arguments import parser_of
from napari_recon_robust.analyses.quality.entries import MethodEntry
from napari_recon_robust.analyses.quality.grid import Grid, UndersampledSlice, cases, groups
from napari_recon_robust.ground.progress import run
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.reconstructors.generative.posterior import Posterior, PosteriorSamples

LEVELS = (0.5, 0.8, 0.9, 0.95)
OTHERS = ("zero-filled, combine=combined", "cg-sense", "tv, rule", "hqs-supervised")


def main() -> None:
    parser = parser_of(__doc__, "data")
    parser.add_argument("--weights", type=Path, help="others than the shipped ones")
    parser.add_argument("--samples", type=int, default=8)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--slices", type=int, default=6)
    parser.add_argument("--matrix", type=int, default=192)
    options = parser.parse_args()
    torch.set_num_threads(1)

    method = Posterior(options.weights) if options.weights else registry.get("posterior")
    assert isinstance(method, Posterior)
    anatomy = groups({"held-out anatomy": options.data / "anatomy" / "brain_t1_b.nii.gz"})
    brain = groups({"real": options.data / "kspace" / "brain_16coil_128x128_full.npy"})
    grid = Grid(accelerations=(4.0,), slices=options.slices, matrix=options.matrix)
    print("| case | images | NMSE | SSIM | seconds |\n|---|---|---|---|---|")
    calibrations = {
        **scored(cases(anatomy, grid), method, options.samples, options.steps),
        **scored(
            cases(brain, Grid(accelerations=(2.0, 3.0, 4.0)), axes=("coil", "phase", "readout")),
            method,
            options.samples,
            options.steps,
        ),
    }
    heads = [f"within {level:.0%}" for level in LEVELS]
    print(f"\n| case | {' | '.join(heads)} | error / spread | rank | misfit (noise) |\n|{'---|' * (len(heads) + 4)}")
    for name, values in calibrations.items():
        *shares, ratio, rank, misfit, floor = np.mean(values, axis=0)
        cells = [f"{share:.3f}" for share in shares]
        print(f"| {name} | {' | '.join(cells)} | {ratio:.2f} | {rank:.2f} | {misfit:.4f} ({floor:.4f}) |")


def scored(
    some: Iterable[UndersampledSlice], method: Posterior, count: int, steps: int
) -> dict[str, list[list[float]]]:
    """Prints the quality of all methods; returns each group's calibration."""
    quality = defaultdict(list)
    calibrations = defaultdict(list)
    for case in some:
        name = f"{case.group} {case.sampling.acceleration:g}x"
        measurement = case.measurement
        _ = measurement.calibration
        for text in OTHERS:
            entry = MethodEntry.parse(text)
            chosen = run(entry.choose(entry.open(), case))
            start = time.process_time()
            image = chosen(measurement)
            quality[name, text].append((image, time.process_time() - start, case))
        start = time.process_time()
        samples = run(method.samples(measurement, count, steps))
        seconds = time.process_time() - start
        quality[name, f"posterior, mean of {count}"].append((samples.mean, seconds, case))
        quality[name, "posterior, one sample"].append((samples.images[0], seconds / count, case))
        calibrations[name].append(calibration(samples, case))
    for (name, text), results in quality.items():
        scores = [case.score(image)["foreground"] for image, _, case in results]
        nmse = np.exp(np.mean([np.log(score.nmse) for score in scores]))
        ssim = np.mean([score.ssim for score in scores])
        print(f"| {name} | {text} | {nmse:.5f} | {ssim:.4f} | {np.mean([s for _, s, _ in results]):.2f} |", flush=True)
    return calibrations


def calibration(samples: PosteriorSamples, case: UndersampledSlice) -> list[float]:
    """Shares within the intervals, error / spread, rank correlation, misfits."""
    inside, measurement = case.foreground, case.measurement
    noise = float((measurement.noise_level * measurement.scale).squeeze())
    own = noise**2 / 2 if case.truth is None else 0.0  # the variance of one part of complex noise
    error, shares, ratio = held(samples.images.abs()[:, inside], case.reference[inside], own)
    rank = float(spearmanr(samples.deviation[inside], error).statistic)
    data = measurement.data
    floor = noise * (float(measurement.model.mask.expand(data.shape).sum()) ** 0.5) / float(data.norm())
    return [*shares, ratio, rank, float(samples.consistency.mean()), floor]


def held(magnitudes: Tensor, reference: Tensor, own: float = 0.0) -> tuple[Tensor, list[float], float]:
    """|m - reference| of pixels, the shares of them that the intervals hold, and error / spread.

    magnitudes: (samples, pixels); reference: (pixels,), which has noise of the variance `own`.
    """
    count = len(magnitudes)
    error = (magnitudes.mean(0) - reference).abs()
    variance = magnitudes.var(0) * (1 + 1 / count) + own
    shares = [float((error <= t.ppf(0.5 + level / 2, count - 1) * variance.sqrt()).float().mean()) for level in LEVELS]
    return error, shares, float((error.square().mean() / variance.mean()).sqrt())


if __name__ == "__main__":
    main()
