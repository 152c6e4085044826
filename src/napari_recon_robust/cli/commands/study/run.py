"""Run what is not finished of a study."""

from pathlib import Path

import click

from ....trials.executors import inline
from ...studying import PLAN, STORE, TRUST, run_here


@click.command()
@PLAN
@STORE
@TRUST
@click.option("--join", is_flag=True, help="Take part where another run is under way.")
def run(plan: Path, store: Path | None, trust: bool, join: bool) -> None:
    """Run the trials of PLAN that are not finished. Whatever ends it, the next run goes on from there."""
    run_here(plan, inline.run, store=store, trust=trust, join=join)
