"""Delete all answers of a reader who asked for it; the log keeps only that it was done."""

import click

from ....reader_studies.answers import Answers
from ...reading import answered


@click.command()
@answered
@click.argument("reader")
@click.option("--yes", is_flag=True, help="Do not ask.")
def forget(answers: Answers, reader: str, yes: bool) -> None:
    """Delete all answers of READER, who asked for it; the log keeps only that it was done."""
    answers.access.check_reader(reader)
    if not yes:
        click.confirm(f"This deletes all answers of {reader} and cannot be undone. Delete them?", abort=True)
    answers.forget(reader)
    click.echo(f"the answers of {reader} are deleted")
