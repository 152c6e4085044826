"""Say how far each reader of a frozen study is."""

import click

from ....reader_studies.answers import Answers
from ...reading import answered


@click.command()
@answered
def status(answers: Answers) -> None:
    """Say how far each reader of a frozen STUDY is."""
    for reader in answers.bundle.readers:
        place = answers.place(reader)
        wait = f", next sitting from {place.wait}" if place.wait else ""
        click.echo(f"{reader}: sitting {place.sitting + 1} of {place.sittings}, {place.done} of {place.total}{wait}")
    click.echo(f"log: {answers.head.words}")
