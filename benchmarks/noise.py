"""Noise that training has not seen so strong: which reconstructions degrade by how much.

    python benchmarks/noise.py --data ../shared/data [--slices 6]

Noise of 1, 2 and 4 times the scan's own is added to the samples of slices of the held-out anatomy (noise 0.005) and of
the real 16-coil brain, equispaced lines at 4x; sensitivities and noise level are estimated again. SSIM of the
foreground against the fully sampled image without the added noise. The claim of Wang, Dalca, Sabuncu 2020,
https://arxiv.org/abs/2007.14979: HQS-Net, whose every step minimises an objective, degrades less than Cascade-Net.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from arguments import parser_of
from cases import real_brain, slices_of
from napari_recon_robust.data.foreground import foreground
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.evaluation import metrics
from napari_recon_robust.physics import noise
from napari_recon_robust.reconstructors import registry

FACTORS = (0, 1, 2, 4)


def main() -> None:
    parser = parser_of(__doc__, "data")
    parser.add_argument("--slices", type=int, default=6)
    parser.add_argument(
        "--methods", nargs="+", default=["cg-sense", "tv", "hqs-net", "cascade-net", "irim", "hqs-supervised"]
    )
    options = parser.parse_args()
    heads = " | ".join("as it is" if factor == 0 else f"+ {factor} times" for factor in FACTORS)
    print(f"| case | method | {heads} | lost |\n|---|---|---|---|---|---|---|")
    for case, measurements in cases(options.data, options.slices):
        for id in options.methods:
            with torch.no_grad():
                scores = np.array([judged(id, one, seed) for seed, one in enumerate(measurements)]).mean(0)
            values = " | ".join(f"{score:.4f}" for score in scores)
            print(f"| {case} | {id} | {values} | {scores[0] - scores[-1]:.4f} |", flush=True)


def judged(id: str, measurement: Measurement, seed: int) -> list[float]:
    """SSIM at each amount of noise."""
    reference, full = measurement.reference(), measurement.full
    assert reference is not None
    tissue = foreground(reference)
    sigma = float(measurement.calibration.noise.square().mean().sqrt())
    scores = []
    for factor in FACTORS:
        kspace = noise.add(measurement.kspace, measurement.mask, factor * sigma, seed)
        image = registry.get(id)(Measurement(kspace, measurement.mask, measurement.matrix, full))
        scores.append(metrics.measure(image.abs(), reference, tissue=tissue)["foreground"].ssim)
    return scores


def cases(data: Path, count: int) -> Iterator[tuple[str, list[Measurement]]]:
    """Each case's name and its slices."""
    yield "held-out anatomy", list(slices_of(data, 192, count, noise=0.005))
    yield "real brain", [real_brain(data)]


if __name__ == "__main__":
    main()
