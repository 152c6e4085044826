"""Go on with a study, and try again what failed."""

from pathlib import Path

import click

from ....trials.executors import inline
from ...studying import PLAN, STORE, TRUST, run_here


@click.command()
@PLAN
@STORE
@TRUST
def resume(plan: Path, store: Path | None, trust: bool) -> None:
    """Run the trials of PLAN that are not finished, and those that failed once more."""
    run_here(plan, inline.run, store=store, trust=trust, retry=True)
