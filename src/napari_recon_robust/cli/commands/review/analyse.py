"""Compare the arms of a study, with intervals; this breaks the blind, and the log says so."""

from pathlib import Path

import click

from ....ground.writing import try_place
from ....reader_studies import analysis, report
from ....reader_studies.answers import Answers
from ....reader_studies.export import displays, long_table, unread
from ....reader_studies.plan import Plan
from ...paths import FILE
from ...reading import KEY, answered, say


@click.command()
@answered
@KEY
@click.option("--output", default="analysis.html", show_default=True, type=FILE, help="File to write: .html or .csv.")
def analyse(answers: Answers, key: Path | None, output: Path) -> None:
    """Compare the arms of a STUDY, with intervals; this breaks the blind, and the log says so."""
    report.check_suffix(output)
    try_place(output)
    unsealed = answers.unsealed(key)
    plan = Plan.model_validate(unsealed["plan"])
    found = analysis.analyse(plan, long_table(answers, unsealed), unread(answers))
    with answers.breaking_blind("analysed") as head:
        report.write_analysis(plan, found, output, head.words, displays(answers))
    say(found.findings, found.remarks)
    if found.unread:
        click.echo(found.unread)
    click.echo(found.endpoint)
    click.echo(f"saved: {output}")
    click.echo(f"log: {head.words}")
