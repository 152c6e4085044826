"""Run what is not finished of a study, here or on a cluster."""

from pathlib import Path
from typing import Any

import click

from ...studying import PLAN, STORE, TRUST, executor_of, run_here, where_options


@click.command()
@PLAN
@STORE
@TRUST
@click.option("--join", is_flag=True, help="Take part where another run is under way.")
@where_options
def run(plan: Path, store: Path | None, trust: bool, join: bool, **where: Any) -> None:
    """Run the trials of PLAN that are not finished. Whatever ends it, the next run goes on from there.

    \b
    Examples:
      recon-robust study run plan.yaml --workers 4
      recon-robust study run plan.yaml --scheduler tcp://10.0.0.1:8786
      recon-robust study run plan.yaml --cluster slurm.yaml
    """
    run_here(plan, executor_of(**where), store=store, trust=trust, join=join)
