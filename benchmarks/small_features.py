"""What networks make of small features in people whom the training did not see: SSIM, and the error against TV's.

    python benchmarks/small_features.py --data ../shared/data/anatomy --bank FOLDER [--methods ID|FILE ...]

Whole slices of the validation people with up to twelve inserted blobs, lines, rings and random walks of 3 to 10 pixels
each (those of `training.robust`), at 4x and 8x under random masks of lines. A method may be a file of weights, named as
its recipe, so that weights are compared before they ship. The sample's lesions decide nothing; these may.
"""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from arguments import parser_of
from domain import DOMAIN, at_defaults
from napari_recon_robust.cli.progress import follow
from napari_recon_robust.evaluation.metrics import ssim
from napari_recon_robust.perturbations.features.feature import Feature
from napari_recon_robust.physics.sampling import Pattern
from napari_recon_robust.reconstructors.classical import tv
from napari_recon_robust.reconstructors.problem import Problem
from napari_recon_robust.training.bank import build_bank
from napari_recon_robust.training.example import Example, MaskSpecification, draw_example
from napari_recon_robust.training.recipe import load_recipe
from napari_recon_robust.training.robust import draw_features, feature_errors, insert
from napari_recon_robust.training.validation import foreground_error

NETWORKS = ("hqs-supervised", "unrolled-hqs", "cascade-net", "hyperrecon-supervised")
ACCELERATIONS = (4.0, 8.0)
PATTERNS: tuple[Pattern, ...] = ("equispaced", "random", "magic")
"""Those with fixed fractions refuse 8x where a slice has many centre lines."""
SEED = 11
"""Of the masks and features; training and its validation draw theirs from other seeds."""

Case = tuple[Example, list[Feature]]


@torch.no_grad()
def main() -> None:
    parser = parser_of(__doc__, "data", "bank")
    parser.add_argument("--methods", nargs="+", default=list(NETWORKS))
    options = parser.parse_args()
    recipes = {name: load_recipe(Path(name).stem) for name in options.methods}
    bank = follow(build_bank(DOMAIN, options.data, options.bank), "Cases").validation
    for acceleration in ACCELERATIONS:
        cases = []
        for number, case in enumerate(bank):
            rng = np.random.default_rng((SEED, number, int(acceleration)))
            masks = MaskSpecification(patterns=PATTERNS, acceleration=(acceleration, acceleration))
            example = draw_example(case, masks, case.magnitude.numel(), rng)
            if features := draw_features(example, rng):
                cases.append((insert(example, features), features))
        of_tv = [measured(lambda problem: problem.tv(tv.rule(float(problem.noise))), one) for one in cases]
        count = sum(len(features) for _, features in cases)
        print(f"\n{acceleration:g}x, {count} features in {len(cases)} slices\n")
        print("| | SSIM of the features | their error ÷ that of `tv, rule` | NMSE of the slice ÷ that of `tv, rule` |")
        print("|---|---|---|---|")
        print(row("tv, rule", of_tv, of_tv), flush=True)
        for name, recipe in recipes.items():
            network = at_defaults(recipe, name)
            print(row(name, [measured(network, one) for one in cases], of_tv), flush=True)


def measured(method: Callable[[Problem], Tensor], case: Case) -> tuple[list[float], Tensor, float]:
    """SSIM and error of each feature, and the NMSE of the slice."""
    example, features = case
    image = method(example.problem)
    rows, columns = example.truth.shape
    scale = float(example.truth.abs().max())
    similar = [float(ssim(image, example.truth, scale, feature.region((rows, columns)))) for feature in features]
    return similar, feature_errors(image, example, features), foreground_error(image, example)


def row(
    name: str, found: list[tuple[list[float], Tensor, float]], of_tv: list[tuple[list[float], Tensor, float]]
) -> str:
    similar = float(np.mean([value for values, _, _ in found for value in values]))
    errors = torch.cat([one[1] / base[1] for one, base in zip(found, of_tv, strict=True)]).log().mean().exp()
    whole = math.exp(float(np.mean([math.log(one[2] / base[2]) for one, base in zip(found, of_tv, strict=True)])))
    return f"| {name} | {similar:.4f} | {float(errors):.3f} | {whole:.3f} |"


if __name__ == "__main__":
    main()
