"""The contrast of a region over posterior samples, and the probability that it exceeds a value."""

from math import isfinite
from pathlib import Path
from typing import Any

import click

from ...data.roi import ROI
from ...figures import plots
from ...figures.contrast import contrast_histogram
from ...ground.errors import InputError, either
from ...reconstructors.generative.posterior import CALIBRATION, Posterior
from ..options import measured, slice_options
from ..outputs import Outputs
from ..paths import FILE
from ..printing import print_json
from ..progress import follow


@click.command()
@slice_options
@click.option("--roi", required=True, metavar="ROW,COLUMN,HEIGHT,WIDTH", help="The region, a box in the stored image.")
@click.option(
    "--reference",
    metavar="ROW,COLUMN,HEIGHT,WIDTH",
    help="The box that it is compared with; 3 to 6 pixels around the region if left out.",
)
@click.option(
    "--exceeds", default=0.0, show_default=True, metavar="C", help="The contrast in question: 0.1 is 10% brighter."
)
@click.option(
    "--samples", default=64, show_default=True, type=click.IntRange(1, 256), help="Number of samples of the posterior."
)
@click.option(
    "--steps", default=20, show_default=True, type=click.IntRange(2, 1000), help="Number of steps of each sample."
)
@click.option("--plot", type=FILE, help=f"Draw the histogram: {either(plots.SUFFIXES)}.")
def contrast(
    roi: str,
    reference: str | None,
    exceeds: float,
    samples: int,
    steps: int,
    plot: Path | None,
    as_json: bool,
    **scan: Any,
) -> None:
    """How probable it is that a region of one slice of FILE is brighter than its reference by more than a value.

    The contrast is (a - b) / b for the mean magnitudes a in the region and b in the reference, in each of the samples
    of the posterior. The probability is the share of samples beyond the value, its interval the Monte-Carlo error.

    \b
    Example:
      recon-robust contrast scan.h5 --pattern equispaced --roi 120,140,12,10 --exceeds 0.1 --plot contrast.png
    """
    if not isfinite(exceeds):
        raise InputError(f"--exceeds is {exceeds:g}; give the contrast in question, for instance 0.1.")
    if plot is not None:
        plots.check_file(plot)
    outputs = Outputs(plot)
    method = Posterior()
    with measured(**scan) as taken:
        measurement = taken.measurement
        region = ROI.parse(roi).mask(measurement.matrix)
        against = None if reference is None else ROI.parse(reference).mask(measurement.matrix)
        job = method.contrasts(measurement, region, against, samples, steps)
        found = follow(job, "Drawing samples")
        acceleration = measurement.acceleration
    title = f"{method.label}, effective R = {acceleration:.3g}"
    outputs.save(plot, lambda path: contrast_histogram(path, found, exceeds, title))
    if as_json:
        print_json({"method": method.id, **found.to_json(exceeds), "calibration": CALIBRATION})
    else:
        click.echo(found.sentence(exceeds))
        for caution in found.cautions:
            click.echo(f"caution: {caution}")
        click.echo(f"{method.caution} {CALIBRATION}")
    outputs.end(quiet=as_json)
