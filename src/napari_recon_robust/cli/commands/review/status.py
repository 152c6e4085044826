"""Say how far each reader of a frozen study is."""

from pathlib import Path

import click

from ....reader_studies.room.serving import open_answers
from ...reading import ANSWERS, STUDY


@click.command()
@STUDY
@ANSWERS
def status(study: Path, answers: Path | None) -> None:
    """Say how far each reader of a frozen STUDY is."""
    with open_answers(study, answers) as opened:
        for reader in opened.bundle.readers:
            place = opened.place(reader)
            wait = f", next sitting from {place.wait}" if place.wait else ""
            click.echo(
                f"{reader}: sitting {place.sitting + 1} of {place.sittings}, {place.done} of {place.total}{wait}"
            )
