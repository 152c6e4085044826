"""Print which arm each presentation of a study shows; the log keeps that it was done."""

from pathlib import Path

import click

from ....reader_studies.room.serving import open_answers
from ...reading import ANSWERS, KEY, STUDY


@click.command()
@STUDY
@ANSWERS
@KEY
def unblind(study: Path, answers: Path | None, key: Path | None) -> None:
    """Print which arm each presentation of a STUDY shows; the log keeps that it was done."""
    with open_answers(study, answers) as opened:
        for one in opened.unblind(key, "unblinded")["presentations"]:
            number = f"sitting {one['sitting'] + 1}, {one['number'] + 1}"
            click.echo(f"{one['reader']} {number}: {one['case']}, {' | '.join(one['arms'])} ({one['purpose']})")
