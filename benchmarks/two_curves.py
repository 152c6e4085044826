"""Cascade-Net's error over the number of people that it was trained on, and over the hours of its training.

    python benchmarks/two_curves.py --data ../shared/data --output FOLDER [--recipe cascade-net] [--steps 5700]

For the first curve the recipe is trained from random weights on 1, 2, 4, 8 and all people of the shared anatomies, each
for so many steps and with equally many cases; fewer people are among more. For the second, the training on all of them
goes on four times from where its decay began, for as many steps each. The number of steps stands for time, since a core
that does other things too takes fewer in half an hour; the default is that half hour on a core of its own. The error is
the NMSE over that of `tv, rule` on the validation people, who are always the same, with its geometric mean over cases
as a training reports it. Trainings that FOLDER holds already are kept, an interrupted one is resumed; the banks of
cases are made before the time counts.
"""

import csv
import shutil
from pathlib import Path
from random import Random

import torch

from arguments import parser_of
from napari_recon_robust.cli.progress import follow
from napari_recon_robust.training import checkpoint, loop
from napari_recon_robust.training.people import Person, Split

COUNTS = (1, 2, 4, 8)
RUNS = 5  # of equal length, for the curve over hours


def main() -> None:
    parser = parser_of(__doc__, "data", "output")
    parser.add_argument("--recipe", default="cascade-net")
    parser.add_argument("--steps", type=int, default=5700)
    parser.add_argument("--bank", type=Path, help="cases of all people that are there already")
    options = parser.parse_args()
    recipe, anatomy = loop.load_recipe(options.recipe), options.data / "anatomy"
    people = training_people(recipe.bank, anatomy)
    # In an order that does not depend on what the people's files show or how they are named.
    Random(0).shuffle(people)
    print("| people | hours | core hours | steps | NMSE ÷ tv, rule on validation people |\n|---|---|---|---|---|")
    counts = [count for count in COUNTS if count < len(people)] + [len(people)]
    for count in counts:
        left_out = tuple(beginning for person in people[count:] for beginning in person.files)
        bank = recipe.bank.model_copy(update={"exclude": (*recipe.bank.exclude, *left_out)})
        folder = options.output / f"people-{count}"
        cases = options.bank if count == len(people) else None
        train(of(recipe, options.steps).model_copy(update={"bank": bank}), anatomy, folder, cases)
        print(row(count, folder), flush=True)
    before = folder
    for number in range(2, RUNS + 1):
        folder = options.output / f"run-{number}"
        go_on(recipe, anatomy, before, folder, options.steps, options.bank or options.output / f"people-{count}/bank")
        print(row(count, folder), flush=True)
        before = folder


def training_people(split: Split, anatomy: Path) -> list[Person]:
    """The people of the recipe's training whose files are there, in the order of their files."""
    found: dict[tuple[str, ...], Person] = {}
    for path in sorted(anatomy.rglob("*.nii*")):
        parts = path.relative_to(anatomy).parts
        if split.use(parts) == "training":
            person = split.person(parts)
            found[person.files] = person
    return list(found.values())


def of(recipe: loop.Recipe, steps: int, before: int = 0) -> loop.Recipe:
    """The recipe for so many steps behind those `before`, whose decay takes its usual share of them."""
    preset = recipe.preset("cpu")
    decay = preset.decay * steps / (before + steps)
    preset = preset.model_copy(update={"steps": before + steps, "decay": decay})
    return recipe.model_copy(update={"presets": {"cpu": preset}})


def train(recipe: loop.Recipe, anatomy: Path, folder: Path, bank: Path | None) -> None:
    """Train into a folder, or go on with what it holds; a finished training is left as it is."""
    if not (folder / f"{recipe.id}.safetensors").exists():
        resume = (folder / "checkpoint.pt").exists()
        follow(loop.train(recipe, anatomy, folder, resume=resume, bank=bank), folder.name)


def go_on(recipe: loop.Recipe, anatomy: Path, before: Path, folder: Path, steps: int, bank: Path) -> None:
    """Train on for as many steps again from the checkpoint before the decay of another run."""
    if not folder.exists():
        folder.mkdir(parents=True)
        for name in ("checkpoint.pt", "log.csv"):
            shutil.copy(before / name, folder / name)
    done: int = checkpoint.read(before / "checkpoint.pt", torch.device("cpu"))["step"]
    train(of(recipe, steps, done), anatomy, folder, bank)


def row(people: int, folder: Path) -> str:
    """The last validation of a run."""
    with (folder / "log.csv").open(encoding="utf-8") as file:
        last = [one for one in csv.DictReader(file) if one["nmse_over_tv"]][-1]
    hours, core = float(last["hours"]), float(last["core_hours"])
    return f"| {people} | {hours:.2f} | {core:.2f} | {last['step']} | {float(last['nmse_over_tv']):.3f} |"


if __name__ == "__main__":
    main()
