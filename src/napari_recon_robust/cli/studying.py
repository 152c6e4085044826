"""Options that the commands of studies share, and how a study is run on the command line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from ..trials.plan import PlanError
from ..trials.running import Executor, Status, run_study
from ..trials.store import Store
from ..trials.work import store_beside
from .options import follow, warn

Command = Callable[..., Any]

PLAN = click.argument("plan", type=click.Path(exists=True, dir_okay=False, path_type=Path))
STORE = click.option(
    "--store", type=click.Path(file_okay=False, path_type=Path), help="Folder of the results; PLAN.results if left out."
)
TRUST = click.option("--trust", is_flag=True, help="Let the plan's own methods run code (.py, module:function, bart:).")
JSON = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


def listed(error: PlanError) -> click.ClickException:
    """All mistakes of a plan, a line each."""
    return click.ClickException("\n".join(["the plan has mistakes:", *(f"  {one}" for one in error.mistakes)]))


def run_here(plan: Path, executor: Executor, **options: Any) -> Status:
    """Run a study with a progress bar, and say how far it came."""
    try:
        found = follow(run_study(plan, executor=executor, **options), "study")
    except PlanError as error:
        raise listed(error) from None
    tell(found)
    return found


def tell(found: Status) -> None:
    """Say how far a study is, and which files cannot be used."""
    click.echo(found.sentence)
    for path, sentence in found.faults.items():
        warn(f"{path} is left out: {sentence}")


def results(plan: Path, store: Path | None = None) -> Store:
    """The store of a plan, or the one in a folder of results."""
    return Store.open(store or (plan if plan.is_dir() else store_beside(plan)))
