"""What the commands of reader studies share: their arguments, and how findings are printed."""

from collections.abc import Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..reader_studies.room.serving import open_answers
from .paths import EXISTING_FILE, EXISTING_FOLDER, FILE

if TYPE_CHECKING:
    from ..reader_studies.measures.found import Finding
    from .commanding import Command

PLAN = click.argument("plan", type=EXISTING_FILE)
STUDY = click.argument("study", type=EXISTING_FOLDER)
ANSWERS = click.option("--answers", type=FILE, help="File of the answers.  [default: STUDY.answers.sqlite]")
KEY = click.option("--key", type=FILE, help="File with the key.  [default: STUDY.key.json]")
PORT = click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535), help="Port to listen at.")


def answered(command: "Command") -> "Command":
    """The command of a frozen study, whose first argument are the answers, opened."""

    @STUDY
    @ANSWERS
    @wraps(command)
    def run(study: Path, answers: Path | None, **rest: Any) -> None:
        with open_answers(study, answers) as opened:
            command(opened, **rest)

    return run


def say(findings: "Sequence[Finding]", remarks: Sequence[str]) -> None:
    """Print a line for each finding, below it what is to be known of it and of those that follow, and the remarks."""
    note = ""
    for item in findings:
        test = "" if item.p is None else f", p = {item.p:.3g}"
        over = f" (over {item.holds_over})" if item.holds_over else ""
        click.echo(f"{item.question or 'all'}, {item.what}, {item.arm}: {item.words}{test}{over}")
        if item.note and item.note != note:
            click.echo(f"  {item.note}")
        note = item.note
    for remark in remarks:
        click.echo(remark)
