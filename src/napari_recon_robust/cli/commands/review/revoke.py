"""End the invitations and sessions of a reader; what was answered stays."""

from pathlib import Path

import click

from ....reader_studies.room.serving import open_answers
from ...reading import ANSWERS, STUDY


@click.command()
@STUDY
@click.argument("reader")
@ANSWERS
def revoke(study: Path, reader: str, answers: Path | None) -> None:
    """End the invitations and sessions of READER; what was answered stays."""
    with open_answers(study, answers) as opened:
        opened.access.revoke(reader)
    click.echo(f"{reader} cannot read any more; `recon-robust review invite` lets a reader in again")
