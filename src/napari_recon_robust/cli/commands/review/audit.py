"""Check that the log of a study is whole, and each answer the one that was given."""

from pathlib import Path

import click

from ....reader_studies.room.serving import open_answers
from ...reading import ANSWERS, STUDY


@click.command()
@STUDY
@ANSWERS
def audit(study: Path, answers: Path | None) -> None:
    """Check that the log of a STUDY is whole, and each answer the one that was given."""
    with open_answers(study, answers) as opened:
        click.echo(f"the log is whole: {opened.verify()} lines")
