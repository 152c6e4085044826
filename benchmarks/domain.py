"""Whether a network makes any image worse than the zero-filled one in the domain that its card states.

    python benchmarks/domain.py --data ../shared/data/anatomy --bank FOLDER [--draws 5] [--methods ID|FILE ...]
        [--noise LOW HIGH]

Whole slices of the validation people; coils, matrix and noise as the cases were drawn (5 to 16 coils, 96 to 320 pixels,
noise of 0.0015 to 0.025 or as given), each under several random masks (R = 2 to 10, all families of lines), whatever
masks a network has been trained with. The error is the NMSE of the magnitude within the foreground. The trainings were
judged by these people's mean score on other crops and masks.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from inspect import Parameter, signature
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from arguments import parser_of
from napari_recon_robust.cli.progress import follow
from napari_recon_robust.physics.model import root_sum_of_squares
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.reconstructors.classical import tv
from napari_recon_robust.reconstructors.problem import Problem
from napari_recon_robust.training.bank import VALIDATION_CASES, build_bank
from napari_recon_robust.training.bank_specification import BankSpecification
from napari_recon_robust.training.case import TrainingCase
from napari_recon_robust.training.example import Example, MaskSpecification, draw_example
from napari_recon_robust.training.recipe import Recipe, load_recipe, make_network
from napari_recon_robust.training.validation import foreground_error

NETWORKS = ("unrolled-hqs", "cascade-net", "varnet", "hqs-supervised", "hqs-net", "unet")
DOMAIN = BankSpecification.model_validate({"cases": VALIDATION_CASES, "seed": 3, "people": "anatomy"})
"""The cases of the tables, whichever networks are compared and whatever wider ranges they have learned from since."""
LINES = MaskSpecification()
SEED = 7
"""Of the masks; training and its validation draw theirs from other seeds."""


def main() -> None:
    parser = parser_of(__doc__, "data", "bank")
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--methods", nargs="+", default=list(NETWORKS))
    parser.add_argument("--noise", nargs=2, type=float, metavar=("LOW", "HIGH"), default=DOMAIN.noise)
    options = parser.parse_args()
    networks = {name: at_defaults(load_recipe(Path(name).stem), name) for name in options.methods}
    examples, of_tv = drawn(in_domain(noise=options.noise), options.data, options.bank, options.draws)
    print(f"{len(examples)} cases: {len(examples) // options.draws} slices, {options.draws} masks each\n")
    print("| network | worse than zero-filled | NMSE ÷ zero-filled, at worst | NMSE ÷ tv, rule | worse than tv, rule |")
    print("|---|---|---|---|---|")
    for id, network in networks.items():
        errors = np.array([against(network, one) for one in examples])
        start, ratios = errors[:, 0] / errors[:, 1], errors[:, 0] / np.array(of_tv)
        mean = math.exp(float(np.log(ratios).mean()))
        print(f"| {id} | {(start > 1).sum()} | {start.max():.2f} | {mean:.2f} | {(ratios > 1).sum()} |", flush=True)


def at_defaults(recipe: Recipe, weights: str | None = None) -> Callable[[Problem], Tensor]:
    """The network of a recipe with shipped weights, or those of a file, at the defaults of its method's knobs."""
    network = make_network(recipe, (weights or recipe.id,)).eval()
    taken = signature(network.forward).parameters  # VarNet's method has a knob that its network in training has not
    any_name = any(one.kind is Parameter.VAR_KEYWORD for one in taken.values())
    knobs = [knob for knob in registry.get(recipe.id).knobs if any_name or knob.name in taken]
    return partial(network, **{knob.name: knob.default for knob in knobs})


def in_domain(**changed: Sequence[float]) -> BankSpecification:
    """The cases of the domain, or those drawn in another range of coils, noise or matrix."""
    return DOMAIN.model_copy(update={name: tuple(values) for name, values in changed.items()})


def drawn(cases: BankSpecification, data: Path, bank: Path, draws: int) -> tuple[list[Example], list[float]]:
    """Every validation slice under so many masks of lines, and the error of TV by its rule."""
    slices = follow(build_bank(cases, data, bank), "Cases").validation
    examples = [example(LINES, case, number, draw) for number, case in enumerate(slices) for draw in range(draws)]
    return examples, [foreground_error(one.problem.tv(tv.rule(float(one.problem.noise))), one) for one in examples]


def over_tv(images: Iterable[Tensor], examples: Sequence[Example], of_tv: Sequence[float]) -> str:
    """A cell of a table: the NMSE of images relative to that of TV, geometric mean and largest."""
    ratios = np.array([foreground_error(x, one) for x, one in zip(images, examples, strict=True)]) / of_tv
    return f"{math.exp(float(np.log(ratios).mean())):.3f} ({ratios.max():.2f})"


def example(masks: MaskSpecification, case: TrainingCase, number: int, draw: int) -> Example:
    """A whole slice, the validation case of this number, under a random mask."""
    return draw_example(case, masks, case.magnitude.numel(), np.random.default_rng((SEED, number, draw)))


@torch.no_grad()
def against(network: Callable[[Problem], Tensor], one: Example) -> tuple[float, float]:
    """The error of a network and that of the zero-filled image that it would be compared with."""
    image = network(one.problem)
    coil_images = one.problem.model.coil_images(one.problem.data)
    zero_filled = one.problem.right_hand_side if image.is_complex() else root_sum_of_squares(coil_images)
    return foreground_error(image, one), foreground_error(zero_filled, one)


if __name__ == "__main__":
    main()
