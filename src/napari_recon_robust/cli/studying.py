"""Options that the commands of studies share, and how a study is run on the command line."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from ..ground.errors import InputError
from ..trials.demo import NAME, demo_plan
from ..trials.executors.choosing import Executor, choose
from ..trials.plan import PlanError
from ..trials.running import Status, run_study
from ..trials.store import Store
from ..trials.work import store_beside
from .options import follow, warn

Command = Callable[..., Any]


class _PlanFile(click.Path):
    """The file of a plan; "demo" is that of the packaged sample, which is written into this folder."""

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        if str(value) == NAME and not Path(NAME).exists():
            return demo_plan(Path())
        return super().convert(value, parameter, context)


PLAN = click.argument("plan", type=_PlanFile(exists=True, dir_okay=False, path_type=Path))
STORE = click.option(
    "--store", type=click.Path(file_okay=False, path_type=Path), help="Folder of the results; PLAN.results if left out."
)
TRUST = click.option("--trust", is_flag=True, help="Let the plan's own methods run code (.py, module:function, bart:).")
JSON = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


_WHERE = (
    click.option("--workers", type=click.IntRange(min=1), help="Processes here; one for each core if left out."),
    click.option("--scheduler", metavar="ADDRESS", help="A Dask scheduler that runs already, tcp://HOST:PORT."),
    click.option(
        "--cluster", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A batch system, see the docs."
    ),
)


def where_options(command: Command) -> Command:
    """Where a study is run."""
    for option in reversed(_WHERE):
        command = option(command)
    return command


def executor_of(workers: int | None, scheduler: str | None, cluster: Path | None) -> Executor:
    """The executor that is asked for; InputError for several."""
    if workers is not None and (scheduler or cluster):
        raise InputError("workers are given beside a scheduler or a cluster; give one of them.")
    if workers is None and find_spec("distributed") is None:
        warn("one process runs the study: for several install Dask, pip install '.[studies]'.")
        workers = 1
    return choose(workers, scheduler, cluster, _tell_dashboard)


def _tell_dashboard(address: str) -> None:
    click.echo(f"dashboard: {address}", err=True)


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
