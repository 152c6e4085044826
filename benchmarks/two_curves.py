"""Cascade-Net's error over the number of people that it was trained on, and over the hours of its training.

    python benchmarks/two_curves.py --data ../shared/data --output FOLDER [--recipe cascade-net] [--minutes 30]

For the first curve the recipe is trained from random weights on 1, 2, 4, 8 and all people of the shared anatomies, each
for so many minutes and with equally many cases; fewer people are among more. For the second, the training on all of
them goes on four times from where its decay began. The error is the NMSE over that of `tv, rule` on the validation
people, who are always the same, with its geometric mean over cases as a training reports it. Trainings that FOLDER
holds already are kept, an interrupted one is resumed; the banks of cases are made before the time counts.
"""

import argparse
import csv
import shutil
from pathlib import Path
from random import Random

from napari_recon_robust.cli.options import follow
from napari_recon_robust.training import loop
from napari_recon_robust.training.people import Person, Split

COUNTS = (1, 2, 4, 8)
RUNS = 5  # of equal length, for the curve over hours


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--recipe", default="cascade-net")
    parser.add_argument("--minutes", type=float, default=30.0)
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
        train(recipe.model_copy(update={"bank": bank}), anatomy, folder, options.minutes, cases)
        print(row(count, folder), flush=True)
    before = folder
    for number in range(2, RUNS + 1):
        folder = options.output / f"run-{number}"
        go_on(recipe, anatomy, before, folder, options.minutes, options.bank or options.output / f"people-{count}/bank")
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


def train(
    recipe: loop.Recipe, anatomy: Path, folder: Path, minutes: float, bank: Path | None, resume: bool = False
) -> None:
    """Train into a folder, or go on with what it holds; a finished training is left as it is."""
    if not (folder / f"{recipe.id}.safetensors").exists():
        resume = resume or (folder / "checkpoint.pt").exists()
        follow(loop.train(recipe, anatomy, folder, minutes=minutes, resume=resume, bank=bank), folder.name)


def go_on(recipe: loop.Recipe, anatomy: Path, before: Path, folder: Path, minutes: float, bank: Path) -> None:
    """Train on for as long again from the checkpoint before the decay of another run."""
    if not folder.exists():
        folder.mkdir(parents=True)
        for name in ("checkpoint.pt", "log.csv"):
            shutil.copy(before / name, folder / name)
    train(recipe, anatomy, folder, minutes, bank, resume=True)


def row(people: int, folder: Path) -> str:
    """The last validation of a run."""
    with (folder / "log.csv").open(encoding="utf-8") as file:
        last = [one for one in csv.DictReader(file) if one["nmse_over_tv"]][-1]
    hours, core = float(last["hours"]), float(last["core_hours"])
    return f"| {people} | {hours:.2f} | {core:.2f} | {last['step']} | {float(last['nmse_over_tv']):.3f} |"


if __name__ == "__main__":
    main()
