"""Write a study's figures and one HTML file with methods, figures, the table and the worst cases."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ....studies.work import results_of
from ...outputs import Outputs
from ...paths import FILE, FOLDER
from ...studying import BEGUN, STORE, warn_unfinished

if TYPE_CHECKING:
    from ....figures.studies.all_figures import Figures


@click.command()
@click.argument("plan", type=BEGUN)
@STORE
@click.option("--output", type=FILE, help="File to write: .html; PLAN.report.html if left out.")
@click.option(
    "--figures",
    type=FOLDER,
    help="Folder for the figures (SVG, and PDF for manuscripts) and their data (CSV); a folder `figures` in the "
    "results if left out.",
)
def report(plan: Path, store: Path | None, output: Path | None, figures: Path | None) -> None:
    """Report on the finished trials of PLAN, which may also be a folder of results.

    The file works offline. Figures that the trials do not carry are named with what the plan lacks.

    \b
    Examples:
      recon-robust study report plan.yaml
      recon-robust study report plan.results --output meeting.html
    """
    from ....api import study_report

    output = plan.with_suffix(".report.html") if output is None else output
    outputs, done = Outputs(output), list["Figures"]()
    outputs.save(output, lambda path: done.append(study_report(plan, path, store=store, figures=figures)))
    for found in done:
        for title, sentence in found.lacking.items():
            click.echo(f"not drawn: {title}. {sentence}")
        click.echo("figures: " + ", ".join(found.drawn))
        warn_unfinished(results_of(plan, store), found.trials)
    outputs.end()
