"""Print a link that lets a reader in once; an earlier one ends."""

import click

from ....reader_studies.answers import Answers
from ....reader_studies.room.serving import check_page
from ...reading import answered


@click.command()
@answered
@click.argument("reader")
@click.option("--days", default=30.0, show_default=True, help="Number of days for which the invitation holds.")
@click.option(
    "--address", help="Address of the page, as the reader sees it.  [default: where it is served, or was last]"
)
def invite(answers: Answers, reader: str, days: float, address: str | None) -> None:
    """Print a link that lets READER (R1, R2, ...) into a frozen STUDY once; an earlier one ends."""
    answers.access.check_reader(reader)
    if address is not None:
        check_page(address)
    page = (address or answers.access.address).rstrip("/")
    click.echo(f"{page}/#{answers.access.invite(reader, days)}")
