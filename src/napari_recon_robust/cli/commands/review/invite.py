"""Print a link that lets a reader in once; an earlier one ends."""

from pathlib import Path

import click

from ....reader_studies.room.serving import open_answers
from ...reading import ANSWERS, STUDY


@click.command()
@STUDY
@click.argument("reader")
@ANSWERS
@click.option("--days", default=30.0, show_default=True, help="How long the invitation holds.")
@click.option("--address", help="Of the page, as the reader sees it.  [default: where it was served last]")
def invite(study: Path, reader: str, answers: Path | None, days: float, address: str | None) -> None:
    """Print a link that lets READER (R1, R2, ...) into a frozen STUDY once; an earlier one ends."""
    with open_answers(study, answers) as opened:
        opened.access.check_reader(reader)
        page = (address or opened.access.address).rstrip("/")
        click.echo(f"{page}/#{opened.access.invite(reader, days)}")
