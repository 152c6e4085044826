"""How HyperRecon's settings are drawn in training: uniformly, or the one of four that fits the samples best.

    python benchmarks/knob_sampling.py --data ../shared/data --output FOLDER [--steps 1500] [--bank FOLDER]

Trains the recipe hyperrecon in FOLDER with each loss, from the same first weights, on the same cases and for the same
number of steps; then uniformly for as many steps as take the same processor's time. What is done is kept, and what was
interrupted goes on. Score: J of the network's image relative to the linear start's, over cases of the bank's validation
people, whom no training sees, at three weights and three mixes.
"""

import argparse
import csv
from pathlib import Path

import numpy as np
import torch

from arguments import parser_of
from napari_recon_robust.networks.loading import load_trained
from napari_recon_robust.reconstructors.classical.tv_wavelet import objective
from napari_recon_robust.reconstructors.learned.hyperrecon import HyperReconNetwork
from napari_recon_robust.reconstructors.problem import linear_start
from napari_recon_robust.training import loop
from napari_recon_robust.training.bank import Bank
from napari_recon_robust.training.example import draw_example
from trained import weights_of

WEIGHTS = (2e-4, 2e-3, 2e-2)
MIXES = (0.0, 0.5, 1.0)
CASES = 24


def main() -> None:
    parser = parser_of(__doc__, "data", "output")
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--bank", type=Path, help="cases of the recipe that are there already")
    options = parser.parse_args()
    print(f"| settings | steps | core hours | {' | '.join(f'weight {weight:g}' for weight in WEIGHTS)} | all |")
    print(f"|---|---|---|{'---|' * len(WEIGHTS)}---|")
    spent = {
        loss: run(name, loss, options.steps, options)
        for name, loss in (("uniform", "energy"), ("best of four", "energy-data-driven"))
    }
    longer = round(options.steps * spent["energy-data-driven"] / spent["energy"])
    run("uniform, as long", "energy", longer, options)


def run(name: str, loss: str, steps: int, options: argparse.Namespace) -> float:
    """Train and judge one network, print its line, and return its core hours."""
    recipe = loop.load_recipe("hyperrecon")
    preset = recipe.presets["cpu"].model_copy(update={"steps": steps, "validate_every": steps})
    recipe = recipe.model_copy(update={"loss": loss, "presets": {"cpu": preset}})
    folder = options.output / f"{loss}-{steps}"
    path = weights_of(recipe, options.data, folder, options.bank)
    with (folder / "log.csv").open() as file:
        hours = float(list(csv.DictReader(file))[-1]["core_hours"])
    found = scores(load_trained(HyperReconNetwork, str(path), torch.device("cpu")), recipe, folder / "bank")
    cells = [f"{one:.4f}" for one in (*found, found.mean())]
    print(f"| {name} | {steps:,} | {hours:.2f} | {' | '.join(cells)} |", flush=True)
    return hours


@torch.no_grad()
def scores(network: HyperReconNetwork, recipe: loop.Recipe, bank: Path) -> np.ndarray:
    """J relative to the linear start's for each weight, the mean over cases and mixes."""
    cases, found = Bank(bank).validation, []
    for number in range(CASES):
        rng = np.random.default_rng((1, number))
        problem = draw_example(cases[number % len(cases)], recipe.masks, recipe.pixels, rng).problem
        start = linear_start(problem)
        found.append(
            [
                [
                    float(
                        objective(problem.model, problem.data, network(problem, weight, mix), weight, mix)
                        / objective(problem.model, problem.data, start, weight, mix)
                    )
                    for mix in MIXES
                ]
                for weight in WEIGHTS
            ]
        )
    return np.mean(found, axis=(0, 2))


if __name__ == "__main__":
    main()
