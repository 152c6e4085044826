"""Simulate a multi-coil brain from an open anatomy."""

from pathlib import Path

import click

from ...ground.writing import try_place
from ...simulation import sample
from ..outputs import refuse_input
from ..paths import EXISTING, FILE
from ..progress import follow


@click.command()
@click.argument("output", type=FILE)
@click.option("--recipe", type=EXISTING, help="YAML file of the recipe; the packaged sample's if left out.")
@click.option(
    "--seed", type=click.IntRange(min=0), help="Seed of another head, coils, lesions and noise than the recipe's."
)
def simulate(output: Path, recipe: Path | None, seed: int | None) -> None:
    """Simulate a multi-coil brain with lesions into OUTPUT (.h5, fastMRI's layout; the lesions' boxes in a .csv).

    Needs nilearn, whose packaged MNI152 template is the anatomy.

    \b
    Example:
      recon-robust simulate head.h5 --seed 7
    """
    refuse_input(output)
    chosen = sample.SimulationRecipe() if recipe is None else sample.SimulationRecipe.read(recipe)
    if seed is not None:
        chosen = chosen.model_copy(update={"seed": seed})
    try_place(output)
    click.echo(f"written: {follow(sample.simulate_volume(chosen, output), 'simulating')}")
