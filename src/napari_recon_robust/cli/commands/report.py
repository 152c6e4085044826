"""Write saved cases as one HTML file that any browser shows, or as PDF."""

from pathlib import Path

import click

from ..paths import EXISTING_FOLDER, FILE


@click.command()
@click.argument("cases", nargs=-1, required=True, metavar="CASE...", type=EXISTING_FOLDER)
@click.option("--output", default="report.html", show_default=True, type=FILE, help="File to write: .html or .pdf.")
def report(cases: tuple[Path, ...], output: Path) -> None:
    """Write one self-contained HTML file with the images, metrics, curves and recipes of saved CASEs.

    It works offline. Its viewer has flicker, wipe, difference, window, zoom and read-out on the exact values. A PDF has
    the same on sheets of A4, without the viewer.

    \b
    Examples:
      recon-robust report results/meniscus
      recon-robust report results/* --output meeting.html
      recon-robust report results/meniscus --output meniscus.pdf
    """
    from ...reports.report import write_report

    click.echo(f"saved: {write_report(cases, output)}")
