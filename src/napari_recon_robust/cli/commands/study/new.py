"""Write a plan to begin with, or a packaged one, and the schema by which editors check it."""

from pathlib import Path

import click

from ....studies.beginning import SCHEMA, new_plan, write_schema
from ....studies.packaged import is_packaged
from ...studying import NEW_PLAN, added_methods, data_options


@click.command()
@NEW_PLAN
@data_options
def new(plan: Path) -> None:
    """Write PLAN, a YAML file with a small study and its explanations, and beside it the JSON schema for editors.

    The name of a packaged plan writes that one: demo, or for a folder of scans paper-advrec, paper-fnaf, paper-heckel
    or paper-hyperrecon.

    \b
    Examples:
      recon-robust study new plan.yaml --method mine.py
      recon-robust study new paper-advrec --scans multicoil_val --annotations brain.csv --method mine.py
    """
    if is_packaged(plan) and plan.exists():
        write_schema(plan.parent)
    else:
        new_plan(plan, added_methods())
    click.echo(f"saved: {plan}, and {SCHEMA} beside it")
