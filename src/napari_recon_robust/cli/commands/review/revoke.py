"""End the invitations and sessions of a reader; what was answered stays."""

import click

from ....reader_studies.answers import Answers
from ...reading import answered


@click.command()
@answered
@click.argument("reader")
def revoke(answers: Answers, reader: str) -> None:
    """End the invitations and sessions of READER; what was answered stays."""
    answers.access.revoke(reader)
    click.echo(f"{reader} cannot read any more; `recon-robust review invite` lets a reader in again")
