"""Say how far each reader of a frozen study is, and what the checks of their displays found."""

import click

from ....reader_studies.answers import Answers
from ....reader_studies.export import displays
from ...reading import answered


@click.command()
@answered
def status(answers: Answers) -> None:
    """Say how far each reader of a frozen STUDY is, and what the checks of their displays found."""
    for reader in answers.bundle.readers:
        place = answers.place(reader)
        wait = f", next sitting from {place.wait}" if place.wait else ""
        click.echo(f"{reader}: sitting {place.sitting + 1} of {place.sittings}, {place.done} of {place.total}{wait}")
    for line in displays(answers):
        click.echo(line)
    click.echo(f"log: {answers.head.words}")
