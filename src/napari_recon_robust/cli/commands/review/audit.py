"""Check that the log of a study is whole, and that answers, consents and checks of displays are those in it."""

import click

from ....reader_studies.answers import Answers
from ....reader_studies.audit import hash_in
from ...reading import answered


@click.command()
@answered
@click.option("--noted", help="SHA-256 of a line of the log as it was noted before; has the log still got it?")
def audit(answers: Answers, noted: str | None) -> None:
    """Check that the log of a STUDY is whole, and that answers, consents and checks of displays are those in it."""
    line = None if noted is None else hash_in(noted)
    click.echo(f"SHA-256 of the study: {answers.bundle.id}")
    head = answers.verify(line)
    click.echo(f"the log is whole: {head.words}")
    if line == answers.bundle.id:
        click.echo(
            "The SHA-256 that was noted is that of the study, with which each log of it begins; it does not show "
            "whether the end was cut. Give that of the log's last line, as `status` said it."
        )
