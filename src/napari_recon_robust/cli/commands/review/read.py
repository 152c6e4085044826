"""Let a reader read a frozen study in napari, on this machine."""

import click

from ....reader_studies.answers import Answers
from ....workbench.reading import Reading
from ...reading import answered
from ..demo import launcher


@click.command()
@answered
@click.argument("reader")
def read(answers: Answers, reader: str) -> None:
    """Let READER (R1, R2, ...) read a frozen STUDY in napari, on this machine."""
    reading = Reading(answers, reader)
    launcher()
    from ....window.reading.room import open_room

    open_room(reading)
