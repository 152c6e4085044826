"""recon-robust diverse."""

from pathlib import Path
from typing import Any

import click

from ..diversity import diverse as diverse_job
from ..evaluation.roi import ROI
from ..io import images
from .options import follow, measured, method_and_knobs, print_json, sampling_options


@click.command()
@sampling_options
@click.option(
    "--count",
    default=4,
    show_default=True,
    type=click.IntRange(min=1),
    help="How many images; of samples and restarts at most 8.",
)
@click.option("--roi", metavar="ROW,COLUMN,HEIGHT,WIDTH", help="Where they are to differ; everywhere if left out.")
@click.option(
    "--tolerance",
    default=0.2,
    show_default=True,
    type=click.FloatRange(min=0),
    help="How much worse than the best an image may fit.",
)
@click.option("--output", type=click.Path(file_okay=False, path_type=Path), help="A folder for the pictures.")
def diverse(
    method: str,
    knobs: tuple[str, ...],
    auto: bool,
    as_json: bool,
    count: int,
    roi: str | None,
    tolerance: float,
    output: Path | None,
    **sampling: Any,
) -> None:
    """Plausible reconstructions of one slice of FILE that differ most, over the live knobs, samples or restarts.

    \b
    Example:
      recon-robust diverse scan.h5 --method hyperrecon --pattern equispaced --roi 120,140,32,28 --output variants
    """
    with measured(**sampling) as (scan, _, measurement):
        reconstructor, values = method_and_knobs(method, knobs, auto, measurement)
        region = None if roi is None else ROI.parse(roi).mask(measurement.matrix)
        job = diverse_job(measurement, reconstructor, count, region=region, tolerance=tolerance, knobs=values)
        variants = follow(job, f"Rendering with {reconstructor.label}")
        if output is not None:
            output.mkdir(parents=True, exist_ok=True)
            for number, variant in enumerate(variants, start=1):
                images.write_image(output / f"{reconstructor.id}-{number}.png", variant.image, voxel=scan.header.voxel)
    if as_json:
        fields = ("knobs", "consistency", "distance")
        print_json([{field: getattr(variant, field) for field in fields} for variant in variants])
        return
    for number, variant in enumerate(variants, start=1):
        settings = " ".join(
            f"{name}={value:.3g}" if isinstance(value, float) else f"{name}={value}"
            for name, value in variant.knobs.items()
        )
        beside = f"   1-SSIM to the nearest before {variant.distance:.3f}" if number > 1 else ""
        click.echo(f"{number}  {settings}   misfit {variant.consistency:.3f}{beside}")
