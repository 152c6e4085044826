"""Export an image of a saved case as PNG, TIFF, NIfTI or DICOM."""

from pathlib import Path

import click

from ...ground.errors import either
from ..contradictions import refuse_idle
from ..fractions import FRACTION
from ..paths import EXISTING_FOLDER, FILE

_IMAGES = ("reference", "clean", "perturbed", "random", "perturbed-reference")
_WITHOUT_BUDGET = ("reference", "clean")
_LABELLED = (".png", ".dcm")


@click.command()
@click.argument("case", type=EXISTING_FOLDER)
@click.option(
    "--image", default="perturbed", show_default=True, type=click.Choice(_IMAGES), help="Which image of the case."
)
@click.option(
    "--budget", type=FRACTION, metavar="η", help="Which of several budgets is written; the largest if left out."
)
@click.option("--to", "path", required=True, type=FILE, help="File to write: .png, .tiff, .nii.gz or .dcm.")
@click.option("--label/--no-label", default=True, show_default=True, help="Write into PNG and DICOM pixels what it is.")
def export(case: Path, image: str, budget: float | None, path: Path, label: bool) -> None:
    """Export one image of the saved CASE: PNG (8 bits, windowed), TIFF or NIfTI (float32), or a DICOM MR image.

    The window is that of the reference. Every file says whether the image was synthetically modified.

    \b
    Examples:
      recon-robust export results/meniscus --image perturbed --to perturbed.dcm
      recon-robust export results/meniscus --image clean --to clean.nii.gz
    """
    if image in _WITHOUT_BUDGET:
        refuse_idle(("budget",), f"with --image {image}, which has none")
    if label and path.suffix.lower() not in _LABELLED:
        refuse_idle(("label",), f"for {path.name}; only {either(_LABELLED)} have it in their pixels")
    from ...reports.export import export_image

    click.echo(f"saved: {export_image(case, image, path, budget=budget, label=label)}")
