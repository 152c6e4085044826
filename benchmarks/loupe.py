"""Learned lines against equispaced and random ones, as many of them, on the held-out anatomy.

    python benchmarks/loupe.py --data ../shared/data/anatomy [--slices 12] [--matrix 192] [--card]

Axial slices of brain_t1_b, 8 coils and noise by the slice's number, against the noise-free truth on the foreground, by
TV (its weight by the rule) and the supervised network. "equispaced" keeps the nominal distance of its lines and has the
central ones on top (8%, 4% at 8x, at least 12), "equispaced-fraction" as many as asked for; learned and random lines
have the number that it has. Means over slices, NMSE geometric; its ratio to equispaced lines with a 95% interval.
"""

from collections.abc import Iterator
from itertools import count, product
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from arguments import parser_of
from napari_recon_robust.data.foreground import foreground
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.evaluation import metrics
from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.reconstructors.classical import tv
from napari_recon_robust.simulation.acquisition import NOISE_RANGE, SimulatedSlice, simulate_slice
from napari_recon_robust.simulation.anatomy import load_volume, slices
from napari_recon_robust.statistics import clustered
from napari_recon_robust.weights import store

METHODS = ("tv", "hqs-supervised")
PATTERNS = ("equispaced-fraction", "equispaced")
COILS = 8


def main() -> None:
    parser = parser_of(__doc__, "data")
    parser.add_argument("--slices", type=int, default=12)
    parser.add_argument("--matrix", type=int, default=192)
    parser.add_argument("--card", action="store_true", help="write the scores into the card of the pattern")
    options = parser.parse_args()
    acquired = list(acquisitions(options.data, options.slices, options.matrix))
    scores = {}
    print("| | R | lines | SSIM | NMSE | NMSE ÷ equispaced |\n|---|---|---|---|---|---|")
    for acceleration, pattern in product((4, 8), PATTERNS):
        results = compare(acquired, acceleration, pattern)
        for (method, lines), rows in results.items():
            ssim, nmse, effective = rows[:, 0].mean(), np.exp(np.log(rows[:, 1]).mean()), rows[:, 2].mean()
            name = f"{acceleration}x, {effective:.3g} with the centre, {lines}, {method}"
            scores[name] = {"NMSE": float(nmse), "SSIM": float(ssim)}
            ratios = np.log(rows[:, 1] / results[method, pattern][:, 1])
            interval = clustered.mean(ratios, range(len(ratios))).interval
            ratio = f"{np.exp(ratios.mean()):.2f}"
            if interval and lines != pattern:
                ratio += f" ({np.exp(interval[0]):.2f} to {np.exp(interval[1]):.2f})"
            print(f"| {method} | {effective:.3g} | {lines} | {ssim:.4f} | {nmse:.3g} | {ratio} |", flush=True)
    if options.card:
        weights = store.load("loupe")
        assert weights.metadata is not None
        metadata = weights.metadata.model_copy(update={"scores": weights.metadata.scores | scores})
        store.save(Path(store.__file__).parent, "loupe", weights.state, metadata)


def compare(
    acquired: list[SimulatedSlice], acceleration: float, pattern: str
) -> dict[tuple[str, str], NDArray[np.float64]]:
    """(SSIM, NMSE, effective R) of each slice, by method and kind of lines."""
    results: dict[tuple[str, str], list[tuple[float, float, float]]] = {}
    for number, one in enumerate(acquired):
        truth = one.image.abs()
        tissue = foreground(truth)
        for lines, mask in masks(truth.shape[1], acceleration, pattern, number).items():
            measurement = Measurement(one.kspace * mask, mask, (truth.shape[0], truth.shape[1]))
            for id in METHODS:
                knobs = {"weight": tv.auto_weight(measurement)} if id == "tv" else {}
                image = registry.get(id)(measurement, **knobs)
                score = metrics.measure(image, truth, tissue=tissue)["foreground"]
                row = score.ssim, score.nmse, measurement.acceleration
                results.setdefault((id, lines), []).append(row)
    return {key: np.array(rows) for key, rows in sorted(results.items())}


def masks(width: int, acceleration: float, pattern: str, seed: int) -> dict[str, torch.Tensor]:
    """Masks with as many lines as that of the pattern."""
    sampling = Sampling(
        pattern=pattern,
        acceleration=acceleration,
        centre_fraction=0.08 if acceleration < 8 else 0.04,
        minimum_centre_lines=12,
        seed=seed,
    )
    mask = sampling.mask(1, width)
    lines = int(mask.sum())
    same = {"acceleration": width / lines}
    learned = sampling.model_copy(update={**same, "pattern": "loupe"}).mask(1, width)
    draws = (
        sampling.model_copy(update={**same, "pattern": "random", "seed": 1000 * seed + n}).mask(1, width)
        for n in count()
    )
    return {pattern: mask, "loupe": learned, "random": next(drawn for drawn in draws if int(drawn.sum()) == lines)}


def acquisitions(data: Path, number: int, matrix: int) -> Iterator[SimulatedSlice]:
    """Slices of the held-out anatomy, fully sampled."""
    for seed, image in enumerate(slices(load_volume(data / "brain_t1_b.nii.gz"), "axial", number, (matrix, matrix))):
        rng = np.random.default_rng(seed)
        level = float(np.exp(rng.uniform(*np.log(NOISE_RANGE))))
        yield simulate_slice(image, rng, coils=COILS, noise_level=level)


if __name__ == "__main__":
    main()
