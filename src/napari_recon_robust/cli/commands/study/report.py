"""Write a study's figures and one HTML file with methods, figures, the table and the worst cases."""

from pathlib import Path

import click

from ...outputs import Outputs
from ...studying import STORE, results


@click.command()
@click.argument("plan", type=click.Path(exists=True, path_type=Path))
@STORE
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write: .html; PLAN.report.html if left out.",
)
@click.option(
    "--figures",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the figures (SVG) and their data (CSV); a folder `figures` in the results if left out.",
)
def report(plan: Path, store: Path | None, output: Path | None, figures: Path | None) -> None:
    """Report on the finished trials of PLAN, which may also be a folder of results.

    The file works offline. Figures that the trials do not carry are named with what the plan lacks.

    \b
    Examples:
      recon-robust study report plan.yaml
      recon-robust study report plan.results --output meeting.html
    """
    from ....cases.record import DESCRIPTION
    from ....figures.studies.all_figures import draw_all
    from ....reports.study import write_study_report

    opened = results(plan, store)
    output = plan.with_suffix(".report.html") if output is None else output
    folder = opened.folder / "figures" if figures is None else figures
    outputs, trials = Outputs(output), opened.table()
    folder.mkdir(parents=True, exist_ok=True)
    found = draw_all(trials, folder)
    cases = sorted(path.parent for path in (opened.folder / "cases").glob(f"**/{DESCRIPTION}"))
    drawn = list(found.drawn.values())
    outputs.save(
        output,
        lambda path: write_study_report(trials, path, figures=drawn, lacking=found.lacking, cases=cases),
    )
    for title, sentence in found.lacking.items():
        click.echo(f"not drawn: {title}. {sentence}")
    click.echo(f"figures: {len(drawn)} in {folder}")
    outputs.end()
