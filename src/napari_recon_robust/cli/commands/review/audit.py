"""Check that the log of a study is whole, and each answer the one that was given."""

import click

from ....ground.numbers import counted
from ....reader_studies.answers import Answers
from ...reading import answered


@click.command()
@answered
def audit(answers: Answers) -> None:
    """Check that the log of a STUDY is whole, and each answer the one that was given."""
    click.echo(f"the log is whole: {counted(answers.verify(), 'line')}")
