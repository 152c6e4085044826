"""Go on with a study, and try again what failed."""

from pathlib import Path
from typing import Any

import click

from ...studying import PLAN, STORE, TRUST, executor_of, run_here, where_options


@click.command()
@PLAN
@STORE
@TRUST
@where_options
def resume(plan: Path, store: Path | None, trust: bool, **where: Any) -> None:
    """Run the trials of PLAN that are not finished, and those that failed once more."""
    run_here(plan, executor_of(**where), store=store, trust=trust, retry=True)
