"""Write a film of a saved case as GIF or MP4."""

from pathlib import Path
from typing import Literal

import click

from ..contradictions import refuse_idle
from ..fractions import FRACTION
from ..paths import EXISTING_FOLDER, FILE


@click.command()
@click.argument("case", type=EXISTING_FOLDER)
@click.option(
    "--kind",
    default="flicker",
    show_default=True,
    type=click.Choice(("flicker", "budgets")),
    help="Clean and perturbed in turn, or perturbed at rising budgets.",
)
@click.option(
    "--budget", type=FRACTION, metavar="η", help="Which of several budgets flickers; the largest if left out."
)
@click.option("--region", is_flag=True, help="Show no more than the region with 12 pixels around it.")
@click.option("--rate", default=2.0, show_default=True, help="Images in a second, 0.5 to 10.")
@click.option(
    "--to", "path", required=True, type=FILE, help="File to write: .gif, or .mp4 where imageio-ffmpeg is installed."
)
def film(
    case: Path, kind: Literal["flicker", "budgets"], budget: float | None, region: bool, rate: float, path: Path
) -> None:
    """Write a film of the saved CASE: clean and perturbed in turn, or the perturbed image at rising budgets.

    The window is that of the reference. Every frame says what it shows, and that it is not for clinical use.

    \b
    Examples:
      recon-robust film results/meniscus --region --to meniscus.gif
      recon-robust film results/meniscus --kind budgets --rate 1 --to budgets.gif
    """
    if kind == "budgets":
        refuse_idle(("budget",), "with --kind budgets, which shows all of them")
    from ...reports.film import export_film

    click.echo(f"saved: {export_film(case, path, kind=kind, budget=budget, rate=rate, region=region)}")
