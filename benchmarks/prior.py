"""Priors of posterior sampling on the people for validation: the error of the mean, and what the intervals hold.

    python benchmarks/prior.py --data ../shared/data/anatomy --bank FOLDER [--weights posterior FILE ...]
        [--samples 4] [--noise LOW HIGH]

Whole slices, cases and masks of `domain.py`, one mask each. NMSE: that of the magnitude within the foreground, relative
to TV by its rule, as the geometric mean (largest; how many are above 1). within 95%: the share of the foreground's
pixels whose truth lies within Student's interval around the mean, as in `posterior.py`, mean (least).
error / spread: root mean square of the error over that of the spread, geometric mean (largest); 1 for an exact
posterior.
"""

import math
from pathlib import Path

import numpy as np
import torch

from arguments import parser_of
from domain import DOMAIN, drawn, in_domain
from napari_recon_robust.ground.progress import run
from napari_recon_robust.networks.loading import load_trained
from napari_recon_robust.reconstructors.generative.posterior import Denoiser, posterior_sample
from napari_recon_robust.training.example import Example
from napari_recon_robust.training.validation import foreground_error
from posterior import LEVELS, held

STEPS = 20


def main() -> None:
    parser = parser_of(__doc__, "data", "bank")
    parser.add_argument("--weights", nargs="+", default=["posterior"])
    parser.add_argument("--samples", type=int, default=4)
    parser.add_argument("--noise", nargs=2, type=float, metavar=("LOW", "HIGH"), default=DOMAIN.noise)
    options = parser.parse_args()
    examples, of_tv = drawn(in_domain(noise=options.noise), options.data, options.bank, 1)
    print(f"{len(examples)} slices, {options.samples} samples of {STEPS} steps\n")
    print("| prior | NMSE of the mean | of one sample | within 95% | error / spread |\n|---|---|---|---|---|")
    for name in options.weights:
        network = load_trained(Denoiser, name, torch.device("cpu"))
        results = np.array([scored(network, one, tv, options.samples) for one, tv in zip(examples, of_tv, strict=True)])
        of_mean, of_one, shares, ratios = results.T
        cells = (relative(of_mean), relative(of_one), f"{shares.mean():.3f} ({shares.min():.3f})")
        print(
            f"| {Path(name).stem} |",
            *(f"{cell} |" for cell in cells),
            f"{_mean(ratios):.2f} ({ratios.max():.2f}) |",
            flush=True,
        )


def scored(network: Denoiser, one: Example, of_tv: float, count: int) -> tuple[float, float, float, float]:
    """The NMSE of the mean and of the first sample relative to TV's, the share within 95%, and error / spread."""
    images = torch.stack([run(posterior_sample(network, one.problem, STEPS, seed)) for seed in range(count)])
    _, shares, ratio = held(images.abs()[:, one.inside], one.truth.abs()[one.inside])
    errors = [foreground_error(image, one) / of_tv for image in (images.mean(0), images[0])]
    return errors[0], errors[1], shares[LEVELS.index(0.95)], ratio


def relative(ratios: np.ndarray) -> str:
    """A cell of the table: the geometric mean (largest; how many are above 1)."""
    return f"{_mean(ratios):.3f} ({ratios.max():.2f}; {(ratios > 1).sum()})"


def _mean(values: np.ndarray) -> float:
    return math.exp(float(np.log(values).mean()))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
