"""Write a job array for SLURM, whose elements run a study without a scheduler of their own."""

import shlex
from itertools import islice
from pathlib import Path

import click

from ....ground.writing import write
from ....studies.executors.array import JobArray
from ....studies.running import prepare_study
from ....studies.work import store_beside
from ...paths import FILE
from ...progress import follow
from ...studying import PLAN, STORE, TRUST


@click.command()
@PLAN
@STORE
@TRUST
@click.option(
    "--tasks",
    default=50,
    show_default=True,
    type=click.IntRange(min=1),
    help="Number of elements of the array, at most.",
)
@click.option(
    "--at-once", default=0, type=click.IntRange(min=0), help="Number of elements that run together, at most; 0 for any."
)
@click.option("--time", default="04:00:00", show_default=True, metavar="H:M:S", help="Time limit of each element.")
@click.option("--memory", default="8G", show_default=True, help="Memory of each element.")
@click.option(
    "--sbatch",
    "more",
    multiple=True,
    metavar="LINE",
    help="A further line for sbatch, such as --partition=gpu; repeat it.",
)
@click.option("--output", type=FILE, help="File of the script; PLAN.sbatch if left out.")
def array(
    plan: Path,
    store: Path | None,
    trust: bool,
    tasks: int,
    at_once: int,
    time: str,
    memory: str,
    more: tuple[str, ...],
    output: Path | None,
) -> None:
    """Write a SLURM script whose elements run the shards of PLAN, for nodes that cannot reach each other."""
    place, path = store or store_beside(plan), output or plan.with_suffix(".sbatch")
    study = follow(prepare_study(plan, store=place, trust=trust), "opening the scans")
    elements = max(sum(1 for _ in islice(study.shards(), tasks)), 1)  # more would have nothing to run
    text = JobArray(elements, time, memory, at_once, more).script(
        plan, place, name=study.plan.study, total=len(study), threads=study.plan.threads, trust=trust, to=path
    )
    write(path, text.encode())
    (place / "logs").mkdir(exist_ok=True)
    click.echo(f"saved: {path}\nsubmit it: sbatch {shlex.quote(str(path))}")
