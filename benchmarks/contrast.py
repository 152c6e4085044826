"""Posterior sampling on lesions: how often the true contrast exceeds a value of given probability.

    python benchmarks/contrast.py --data ../shared/data [--weights FILE] [--slices 8] [--samples 16]
        [--matrix 160] [--acceleration 4]

Lesions (blurred discs of 6 to 10 pixels, -40% to 40% of the tissue there, six in a slice) are put into the held-out
anatomy before its acquisition is simulated (8 coils, 1% of noise, lines). The contrast is that of the disc to its
surroundings. Nominal: the value which that share of the samples exceeds; observed: how often the truth exceeds it, with
Jeffreys' interval of 95% over lesions. They are all of one head, and six share a slice: the interval speaks of
such lesions in that head alone.
"""

from pathlib import Path

import numpy as np
import torch
from scipy.ndimage import gaussian_filter

from arguments import parser_of
from napari_recon_robust.data.foreground import foreground
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.evaluation.contrast import Probability, contrasts, surroundings
from napari_recon_robust.ground.progress import run
from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.reconstructors.generative.posterior import Posterior
from napari_recon_robust.simulation.acquisition import simulate_slice
from napari_recon_robust.simulation.anatomy import load_volume, slices

NOMINAL = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
LESIONS = 6
APART = 22  # pixels


def main() -> None:
    parser = parser_of(__doc__, "data")
    parser.add_argument("--weights", type=Path, help="others than the shipped ones")
    parser.add_argument("--slices", type=int, default=8)
    parser.add_argument("--samples", type=int, default=16)
    parser.add_argument("--matrix", type=int, default=160)
    parser.add_argument("--acceleration", type=float, default=4)
    options = parser.parse_args()
    torch.set_num_threads(1)
    size, method = options.matrix, Posterior(options.weights) if options.weights else Posterior()
    volume = load_volume(options.data / "anatomy" / "brain_t1_b.nii.gz")
    ranks, errors, deviations = [], [], []
    for seed, image in enumerate(slices(volume, "axial", options.slices, (size, size))):
        random = np.random.default_rng(seed)
        image, regions = with_lesions(image, random)
        one = simulate_slice(image, random, coils=8, noise_level=0.01)
        sampling = Sampling(acceleration=options.acceleration, centre_fraction=0.08, minimum_centre_lines=12, seed=seed)
        mask = sampling.mask(size, size)
        samples = run(method.samples(Measurement(one.kspace * mask, mask, (size, size)), options.samples))
        for region in regions:
            around = surroundings(region)
            truth = contrasts(one.image[None], region, around).mean
            found = contrasts(samples.images, region, around)
            ranks.append([truth > float(found.values.quantile(1 - level)) for level in NOMINAL])
            errors.append(truth - found.mean)
            deviations.append(found.deviation)
        print(
            f"slice {seed + 1}: {len(errors)} lesions, error / spread {ratio(errors, deviations, options.samples):.2f}"
        )
    error, spread = (100 * np.sqrt(np.mean(np.square(values))) for values in (errors, deviations))
    print(f"\n{len(errors)} lesions, effective R = {mask.size(1) / int(mask.sum()):.2f}")
    print(f"error of the mean {error:.2f}% (root mean square), spread of the samples {spread:.2f}%")
    print(f"the samples' mean above the truth on average: {-100 * np.mean(errors):.2f}%")
    print(f"error / spread {ratio(errors, deviations, options.samples):.2f}")
    print("\n| nominal | observed | 95% |\n|---|---|---|")
    for level, exceeded in zip(NOMINAL, np.array(ranks).T, strict=True):
        one = Probability(int(exceeded.sum()), len(exceeded))
        print(f"| {level:.0%} | {one.value:.0%} ({one.holding} of {one.samples}) | {one.low:.0%} to {one.high:.0%} |")


def ratio(errors: list[float], deviations: list[float], samples: int) -> float:
    """1 for exact samples."""
    return float(np.sqrt(np.mean(np.square(errors)) / (np.mean(np.square(deviations)) * (1 + 1 / samples))))


def with_lesions(image: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, list[torch.Tensor]]:
    """The image with lesions well inside of the tissue, and the region of each."""
    inside = foreground(torch.from_numpy(image).float()).numpy() & (image > 0.25 * np.percentile(image, 99.5))
    places, changed, regions = [], image.copy(), []
    candidates = random.permutation(np.argwhere(gaussian_filter(inside.astype(np.float32), 6) > 0.9))
    for row, column in candidates.tolist():
        if len(places) == LESIONS:
            break
        if any(np.hypot(row - r, column - c) < APART for r, c in places):
            continue
        places.append((row, column))
        radius, contrast = random.uniform(3, 5), random.uniform(-0.4, 0.4)
        region = ROI.ellipse(row, column, radius, radius).mask(image.shape)
        changed *= 1 + contrast * gaussian_filter(region.numpy().astype(np.float32), 0.7)
        regions.append(region)
    return changed, regions


if __name__ == "__main__":
    main()
