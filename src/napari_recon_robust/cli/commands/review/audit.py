"""Check that the log of a study is whole, and that answers, consents and checks of displays are those in it."""

import click

from ....reader_studies.answers import Answers
from ...reading import answered


@click.command()
@answered
@click.option(
    "--noted", default="", help="SHA-256 of a line of the log as it was noted before; has the log still got it?"
)
def audit(answers: Answers, noted: str) -> None:
    """Check that the log of a STUDY is whole, and that answers, consents and checks of displays are those in it."""
    head = answers.verify(noted)
    click.echo(f"SHA-256 of the study: {answers.bundle.id}")
    click.echo(f"the log is whole: {head.words}")
