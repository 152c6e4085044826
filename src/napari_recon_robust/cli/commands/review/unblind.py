"""Print which arm each presentation of a study shows; the log keeps that it was done."""

from pathlib import Path

import click

from ....reader_studies.answers import Answers
from ...reading import KEY, answered


@click.command()
@answered
@KEY
def unblind(answers: Answers, key: Path | None) -> None:
    """Print which arm each presentation of a STUDY shows; the log keeps that it was done."""
    unsealed = answers.unsealed(key)
    with answers.breaking_blind("unblinded"):
        pass  # a pipe may keep what is printed waiting
    for one in unsealed["presentations"]:
        number = f"sitting {one['sitting'] + 1}, {one['number'] + 1}"
        click.echo(f"{one['reader']} {number}: {one['case']}, {' | '.join(one['arms'])} ({one['purpose']})")
