"""Delete all answers of a reader who asked for it; the log keeps only that it was done."""

from pathlib import Path

import click

from ....reader_studies.room.serving import open_answers
from ...reading import ANSWERS, STUDY


@click.command()
@STUDY
@click.argument("reader")
@ANSWERS
@click.option("--yes", is_flag=True, help="Do not ask.")
def forget(study: Path, reader: str, answers: Path | None, yes: bool) -> None:
    """Delete all answers of READER, who asked for it; the log keeps only that it was done."""
    with open_answers(study, answers) as opened:
        opened.access.check_reader(reader)
        if not yes:
            click.confirm(f"This deletes all answers of {reader} and cannot be undone. Delete them?", abort=True)
        opened.forget(reader)
    click.echo(f"the answers of {reader} are deleted")
