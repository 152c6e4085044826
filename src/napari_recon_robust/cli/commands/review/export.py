"""Write all answers with their arms as a table; this breaks the blind, and the log says so."""

from pathlib import Path

import click

from ....ground.errors import InputError
from ....ground.numbers import counted
from ....ground.writing import write
from ....reader_studies.exchange import exchanged, write_exchanged
from ....reader_studies.export import left_out, long_table, to_csv, unread
from ....reader_studies.room.serving import open_answers
from ...contradictions import refuse_idle
from ...paths import FILE
from ...reading import ANSWERS, KEY, STUDY


@click.command()
@STUDY
@ANSWERS
@KEY
@click.option(
    "--output", default="answers.csv", show_default=True, type=FILE, help="File to write: .csv, .imrmc or .xlsx."
)
@click.option("--question", default="", help="The question about lesions to write, for .imrmc and .xlsx (RJafroc).")
def export(study: Path, answers: Path | None, key: Path | None, output: Path, question: str) -> None:
    """Write all answers with their arms as a long table; this breaks the blind, and the log says so.

    iMRMC's .imrmc and RJafroc's .xlsx get the readings of one question about lesions.
    """
    if output.suffix not in (".csv", ".imrmc", ".xlsx"):
        raise InputError(f"{output.name} has no known suffix; name it .csv, .imrmc or .xlsx.")
    if output.suffix == ".csv":
        refuse_idle(("question",), "for .csv, which gets all answers")
    with open_answers(study, answers) as opened:
        unsealed = opened.unsealed(key)
        rows = long_table(opened, unsealed)
        if not rows:
            raise InputError("nothing was read yet; there is nothing to export.")
        incomplete = unread(opened)
        arms = [arm["name"] for arm in unsealed["plan"]["arms"]]
        data = None if output.suffix == ".csv" else exchanged(rows, question, arms)
        with opened.breaking_blind("exported") as head:
            if data is None:
                write(output, to_csv(rows).encode())
            else:
                write_exchanged(data, output)
    written = counted(len(rows), "answer")
    if data is not None:
        if len({row["patient"] for row in rows}) < len({row["case"] for row in rows}):
            program = "iMRMC" if output.suffix == ".imrmc" else "RJafroc"
            click.echo(f"{program} knows no patients: it takes cases of one patient for independent")
        if data.readings < len(rows):
            written = f"{data.readings:,} of {written}; the others are in .csv alone"
    if outside := left_out(rows):
        click.echo(outside)
    if incomplete:
        click.echo(incomplete)
    click.echo(f"saved: {output} ({written})")
    click.echo(f"log: {head.words}")
