"""Train a network from a recipe."""

import signal
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from ...ground.devices import checked_device
from ...ground.ending import asked_to_end
from ...ground.errors import InputError
from ...ground.progress import Cancelled, Job, Progress, cancellable, relayed
from ...training import loop, trial
from ..contradictions import refuse_both
from ..paths import PLACE
from ..printing import warn
from ..progress import follow


@click.command()
@click.argument("recipes", nargs=-1, required=True, metavar="RECIPE...")
@click.option("--data", type=PLACE, required=True, help="Folder of volumes or scans.")
@click.option("--output", type=PLACE, help="Folder of the run; runs/RECIPE if left out.")
@click.option("--bank", type=PLACE, help="Folder of the cases; bank in the run's if left out.")
@click.option(
    "--fresh", type=click.IntRange(0), default=0, metavar="N", help="Number of processes that make new cases meanwhile."
)
@click.option(
    "--preset",
    default="cpu",
    show_default=True,
    metavar="NAME",
    help="How long and on what: cpu, gpu, or finish, which goes on from trained weights at low rates.",
)
@click.option(
    "--minutes",
    type=float,
    metavar="M",
    help="How long, by the clock, instead of the preset's steps; making the cases comes before and does not count.",
)
@click.option("--resume", is_flag=True, help="Go on from the run's last checkpoint.")
@click.option(
    "--from",
    "weights",
    multiple=True,
    metavar="WEIGHTS",
    help="Start from these weights, an id or a file; given again, from the mean.",
)
@click.option("--from-shipped", is_flag=True, help="Start from the weights that ship under the recipe's name.")
def train(
    recipes: tuple[str, ...],
    data: Path,
    output: Path | None,
    bank: Path | None,
    fresh: int,
    preset: str,
    minutes: float | None,
    resume: bool,
    weights: tuple[str, ...],
    from_shipped: bool,
) -> None:
    """Train the network of each RECIPE: a name from the package, or a YAML file.

    The folder, with those within, may mix NIfTI volumes and DICOM series (coils and phase are simulated) and fully
    sampled multi-coil k-space in HDF5 (fastMRI, M4Raw, ISMRMRD). The run's folder gets a log.csv. Several recipes get
    their shares of the minutes, one after the other, each in a folder of its own within --output.

    \b
    Examples:
      recon-robust train hqs-supervised --data anatomy/
      recon-robust train hqs-supervised --data anatomy/ --resume --minutes 60
      recon-robust train unet --data anatomy/ --from-shipped --preset finish
      recon-robust train varnet hyperrecon unet --data anatomy/ --bank cases/ --minutes 720
    """
    if weights and from_shipped:
        refuse_both("--from", "--from-shipped")
    if resume and (weights or from_shipped):
        refuse_both("--resume", "--from" if weights else "--from-shipped")
    chosen = [loop.load_recipe(name) for name in recipes]
    _check(chosen, preset, shared=bank is not None, one_start=bool(weights))
    if len(chosen) > 1:
        for recipe in chosen:
            trial.check_loss(recipe, (recipe.id,) if from_shipped else ())
    device = checked_device("cuda" if preset == "gpu" else "cpu")
    whole, failed = sum(recipe.share for recipe in chosen), list[str]()
    for recipe in chosen:
        folder = output if output and len(chosen) == 1 else (output or Path("runs")) / recipe.id
        job = loop.train(
            recipe,
            data,
            folder,
            preset=preset,
            minutes=None if minutes is None else minutes * recipe.share / whole,
            resume=resume and (len(chosen) == 1 or (folder / "checkpoint.pt").exists()),
            weights=(recipe.id,) if from_shipped else weights,
            bank=bank,
            fresh=fresh,
            device=device,
        )
        try:
            path = _followed(job, recipe, folder)
        except InputError as error:
            if len(chosen) == 1:
                raise
            failed.append(f"{recipe.id}: {error}")
            continue
        click.echo(f"weights: {path}")
    if failed:
        raise InputError(" ".join(failed))


def _check(recipes: Sequence[loop.Recipe], preset: str, *, shared: bool, one_start: bool) -> None:
    """InputError for recipes that cannot be trained together, before hours are spent on the first of them."""
    for recipe in recipes:
        recipe.preset(preset)
    ids = [recipe.id for recipe in recipes]
    if len(set(ids)) < len(ids):
        raise InputError(f"the recipes are {', '.join(ids)}; each may be given once.")
    if one_start and len(recipes) > 1:
        raise InputError("several recipes cannot start from the same weights; give one, or --from-shipped.")
    others = [recipe.id for recipe in recipes if recipe.bank != recipes[0].bank]
    if shared and others:
        raise InputError(
            f"the recipes {', '.join(others)} want other cases than {ids[0]}; leave out --bank, or train them apart."
        )


def _followed(job: Job[Path], recipe: loop.Recipe, folder: Path) -> Path:
    """Train to the end, or until Ctrl-C or SIGTERM: the step under way is taken and kept."""
    with asked_to_end(signal.SIGINT, signal.SIGTERM) as asked, cancellable(asked):
        try:
            return follow(relayed(job, _aloud), f"training {recipe.id}")
        except (Cancelled, KeyboardInterrupt):
            if (folder / "checkpoint.pt").exists():
                warn(f"the run is kept in {folder}; --resume, in place of any --from, goes on from there.")
            raise KeyboardInterrupt from None


def _aloud(step: Progress) -> Progress:
    """What is to be known of a checkpoint stays on the screen, and is no line of progress as well."""
    if not step.notice:
        return step
    click.echo(step.message, err=True)
    return replace(step, message="", notice=False)
