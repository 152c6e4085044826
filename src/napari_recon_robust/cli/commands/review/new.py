"""Write a first plan for saved cases, to be edited."""

from pathlib import Path

import click

from ....reader_studies.planning import new_plan
from ...paths import EXISTING, FILE


@click.command()
@click.argument("cases", nargs=-1, required=True, metavar="CASE...", type=EXISTING)
@click.option("--output", default="plan.yaml", show_default=True, type=FILE, help="File to write: .yaml.")
@click.option(
    "--questions",
    default="lesion",
    show_default=True,
    help="Kinds of questions: preference, ranking, lesion, free-response, quality, visual-grading, structures.",
)
def new(cases: tuple[Path, ...], output: Path, questions: str) -> None:
    """Write a first plan for saved CASEs, to be edited."""
    click.echo(f"saved: {new_plan(cases, output, questions)}")
