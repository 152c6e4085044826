"""Let a reader read a frozen study in napari, on this machine."""

from pathlib import Path

import click

from ....reader_studies.room.serving import open_answers
from ....workbench.reading import Reading
from ...reading import ANSWERS, STUDY
from ..demo import launcher


@click.command()
@STUDY
@click.argument("reader")
@ANSWERS
def read(study: Path, reader: str, answers: Path | None) -> None:
    """Let READER (R1, R2, ...) read a frozen STUDY in napari, on this machine."""
    with open_answers(study, answers) as opened:
        reading = Reading(opened, reader)
        launcher()
        from ....window.reading.room import open_room

        open_room(reading)
