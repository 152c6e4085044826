"""Run what is not finished of a study, here or on a cluster."""

from pathlib import Path
from typing import Any

import click

from ....studies.packaged import is_packaged
from ...studying import PLAN, STORE, TRUST, data_options, executor_of, run_here, where_options


@click.command()
@PLAN
@data_options
@STORE
@TRUST
@click.option("--join", is_flag=True, help="Take part where another run is under way.")
@where_options
@click.pass_context
def run(context: click.Context, plan: Path, store: Path | None, trust: bool, join: bool, **where: Any) -> None:
    """Run the trials of PLAN that are not finished. Whatever ends it, the next run goes on from there.

    Packaged PLANs end in the report: demo, of the packaged sample with its 14 lesions, and for a folder of scans
    paper-advrec, paper-fnaf, paper-heckel and paper-hyperrecon, with each paper's methods, budgets and metrics.

    \b
    Examples:
      recon-robust study run demo
      recon-robust study run paper-advrec --scans multicoil_val --annotations brain.csv
      recon-robust study run plan.yaml --workers 4
      recon-robust study run plan.yaml --scheduler tcp://10.0.0.1:8786
      recon-robust study run plan.yaml --cluster slurm.yaml
    """
    found = run_here(plan, executor_of(**where), store=store, trust=trust, join=join)
    if is_packaged(plan) and found.ended:
        from .report import report

        context.invoke(report, plan=plan, store=store)
