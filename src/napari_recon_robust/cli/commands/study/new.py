"""Write a plan to begin with, and the schema by which editors check it."""

from pathlib import Path

import click

from ....trials.beginning import SCHEMA, new_plan


@click.command()
@click.argument("plan", type=click.Path(path_type=Path))
def new(plan: Path) -> None:
    """Write PLAN, a YAML file with a small study and its explanations, and beside it the JSON schema for editors."""
    new_plan(plan)
    click.echo(f"saved: {plan}, and {SCHEMA} beside it")
