"""Supervised HyperRecon's options against each other: how it is conditioned, and how knobs are sampled in training.

    python benchmarks/hyperrecon_options.py --data ../shared/data --output FOLDER [--steps 1000] [--bank FOLDER]

Trains one network for each option in FOLDER, from the same first weights, with the same cases and the same number of
steps, and keeps what is done: all weights generated, or a scale and a shift for each channel; knobs uniform, or the
better of two settings by the samples (data-driven). Scores: the mixture of losses at random knobs, uniform for all, and
its parts, relative to TV, over the bank's validation cases; how much the image changes from one end of each knob to the
other, relative to the image, which tells whether a knob shows anything.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from arguments import parser_of
from napari_recon_robust.reconstructors.learned.hyperrecon_supervised import SupervisedHyperReconNetwork
from napari_recon_robust.training import loop, losses
from napari_recon_robust.training.bank import Bank
from napari_recon_robust.training.example import draw_example
from napari_recon_robust.weights import store
from trained import weights_of

# Conditioning, loss, and learning rate: where all weights are generated, the other one's diverges within 20 steps.
OPTIONS = {
    "weights, uniform": ("weights", "mixture", 5e-5),
    "scale and shift, uniform": ("scale-and-shift", "mixture", 5e-4),
    "scale and shift, data-driven": ("scale-and-shift", "mixture-data-driven", 5e-4),
}
WIDTHS = (24, 32, 48)  # small enough that all weights can be generated
CASES = 24


def main() -> None:
    parser = parser_of(__doc__, "data", "output")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--bank", type=Path, help="cases of the recipe that are there already")
    options = parser.parse_args()
    heads = (
        "parameters | MB | ms to generate | mixture | improvement | consistency | sharpness | knobs change the image by"
    )
    print(f"| option | {heads} |\n|---|---|---|---|---|---|---|---|---|")
    for name in OPTIONS:
        path, recipe = trained(name, options)
        weights = store.load(str(path))
        network = SupervisedHyperReconNetwork(**recipe.arguments)
        network.load_state_dict(weights.state)
        size = sum(parameter.numel() for parameter in network.parameters())
        with torch.no_grad():
            cells = [f"{size:,}", f"{path.stat().st_size / 1e6:.1f}", f"{1e3 * seconds_to_generate(network):.1f}"]
            cells += scores(network.eval(), recipe, path.parent / "bank")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def trained(name: str, options: argparse.Namespace) -> tuple[Path, loop.Recipe]:
    """The weights of one option: as they were left, or trained."""
    conditioning, loss, rate = OPTIONS[name]
    recipe = loop.load_recipe("hyperrecon-supervised")
    schedule = {"steps": options.steps, "validate_every": options.steps, "learning_rate": rate}
    preset = recipe.presets["cpu"].model_copy(update=schedule)
    arguments = {**recipe.arguments, "widths": list(WIDTHS), "conditioning": conditioning}
    changes: dict[str, Any] = {"arguments": arguments, "loss": loss, "start": {}, "presets": {"cpu": preset}}
    recipe = recipe.model_copy(update=changes)
    folder = options.output / name.replace(", ", "_").replace(" ", "-")
    return weights_of(recipe, options.data, folder, options.bank), recipe


def scores(network: nn.Module, recipe: loop.Recipe, bank: Path) -> list[str]:
    """Means over the bank's validation cases, which no training sees."""
    cases = Bank(bank).validation
    mixture, parts, changes = [], [], []
    for number in range(CASES):
        rng = np.random.default_rng((1, number))
        example = draw_example(cases[number], recipe.masks, recipe.pixels, rng)
        mixture.append(float(losses.mixture(network, example, rng)))
        middle = {knob.name: knob.default for knob in network.knobs}
        image = network(example.problem, **middle)
        parts.append([float(losses.TERMS[term](image, example)) for term in network.terms])
        changes.append([])
        for knob in network.knobs:
            low, high = (network(example.problem, **{**middle, knob.name: end}) for end in (knob.minimum, knob.maximum))
            changes[-1].append(float((high - low).norm() / image.norm()))
    change = ", ".join(
        f"{knob.label.lower()} {100 * value:.1f}%"
        for knob, value in zip(network.knobs, np.mean(changes, 0), strict=True)
    )
    return [f"{np.mean(mixture):.4f}", *(f"{value:.4f}" for value in np.mean(parts, 0)), change]


def seconds_to_generate(network: SupervisedHyperReconNetwork) -> float:
    """The median of the time that the hypernetwork takes for one setting."""
    knobs = {knob.name: knob.default for knob in network.knobs[1:]}
    taken = []
    for _ in range(20):
        started = time.perf_counter()
        network.generate(torch.zeros(1, 1), **knobs)
        taken.append(time.perf_counter() - started)
    return float(np.median(taken))


if __name__ == "__main__":
    main()
