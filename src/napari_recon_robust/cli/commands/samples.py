"""Quality of one method against the number of samples."""

from pathlib import Path
from typing import Any

import click

from ...analyses.samples import Level, SamplesCurve, quality_by_samples
from ...evaluation.measures import MEASURES
from ...figures import plots
from ...figures.samples import samples_curve
from ...ground.errors import either
from ...ground.numbers import written
from ...physics.sampling import Sampling
from ..options import chosen_method, measured, samplings_options
from ..outputs import Outputs
from ..paths import FILE
from ..printing import print_json
from ..progress import follow


@click.command()
@samplings_options
@click.option(
    "--plot", type=FILE, help=f"Draw SSIM, PSNR and NMSE over the number of samples: {either(plots.SUFFIXES)}."
)
def samples(
    method: str,
    knobs: tuple[str, ...],
    pattern: str,
    accelerations: tuple[float, ...],
    centre_fraction: float,
    seeds: int,
    as_json: bool,
    plot: Path | None,
    **scan: Any,
) -> None:
    """Quality against the number of samples, for one slice of the fully sampled FILE and one method.

    A network that was trained for one acceleration may get worse when it is given more samples; this says so.

    \b
    Example:
      recon-robust samples scan.h5 --method unet --acceleration 2 --acceleration 8 --plot curve.png
    """
    if plot is not None:
        plots.check_file(plot)
    outputs = Outputs(plot)
    sampling = Sampling(pattern=pattern, centre_fraction=centre_fraction)
    chosen = chosen_method(method, knobs)
    with measured(**scan, whole=True) as taken:
        job = quality_by_samples(taken.measurement, chosen, accelerations, sampling=sampling, seeds=range(seeds))
        curve = follow(job, f"Reconstructing with {chosen.label}")
    title = f"{chosen.title}, {pattern} masks, against the number of samples"
    outputs.save(plot, lambda path: samples_curve(path, curve, title))
    if as_json:
        print_json({**chosen.to_json(), **curve.to_json()})
    else:
        _say(curve, f"{chosen.title}, {pattern}")
    outputs.end(quiet=as_json)


_WIDTH = 19  # of a mean with its spread


def _say(curve: SamplesCurve, title: str) -> None:
    against = "its root-sum-of-squares" if curve.reference == "rss" else "the coil-combined"
    click.echo(f"{title}: on the foreground, against {against} reference")
    heads = [f"{measure.label:<{_WIDTH}}" for measure in MEASURES.values()]
    click.echo("   ".join([f"{'nominal R':>9} {'effective':>9} {'lines':>5} {'masks':>5}", *heads]).rstrip())
    for level in curve.levels:
        click.echo(_row(level))
    if any(level.masks > 1 for level in curve.levels):
        click.echo("±: the standard deviation over the masks of one R.")
    click.echo(curve.sentence)


def _row(level: Level) -> str:
    lines = "" if level.lines is None else f"{level.lines:.3g}"
    cells = [f"{level.acceleration:>9.3g} {level.effective:>9.3g} {lines:>5} {level.masks:>5}"]
    for name, measure in MEASURES.items():
        each = [getattr(metrics, name) for metrics in (level.mean, level.spread) if metrics is not None]
        cells.append(f"{' ± '.join(written(one, measure.form) for one in each):<{_WIDTH}}")
    return "   ".join(cells).rstrip()
