"""The plausible reconstructions of one slice that differ most."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from ...analyses.diversity import Choice
from ...analyses.diversity import diverse as diverse_job
from ...data.roi import ROI
from ...io import images
from ..options import chosen_method, measured, sampling_options, with_auto
from ..outputs import Outputs
from ..paths import FOLDER
from ..printing import print_json
from ..progress import follow


@click.command()
@sampling_options
@click.option(
    "--count",
    default=4,
    show_default=True,
    type=click.IntRange(min=1),
    help="How many images; of samples and restarts at most 8.",
)
@click.option(
    "--roi", metavar="ROW,COLUMN,HEIGHT,WIDTH", help="The box where the images are to differ; everywhere if left out."
)
@click.option("--output", type=FOLDER, help="A folder for the pictures.")
def diverse(
    method: str,
    knobs: tuple[str, ...],
    auto: bool,
    as_json: bool,
    count: int,
    roi: str | None,
    output: Path | None,
    **sampling: Any,
) -> None:
    """Plausible reconstructions of one slice of FILE that differ most, over the live knobs, samples or restarts.

    Plausible: the residual ||Ax - y|| / ||y|| is neither that of an image that fits the noise nor more than noise and
    coil sensitivities leave of the truth, both as calibrated on the slice.

    \b
    Example:
      recon-robust diverse scan.h5 --method hyperrecon --pattern equispaced --roi 120,140,32,28 --output variants
    """
    outputs = Outputs(output)
    chosen = chosen_method(method, knobs, auto)
    with measured(**sampling) as taken:
        measurement = taken.measurement
        turn = taken.scan.header.upright
        chosen = with_auto(chosen, auto, measurement)
        region = None if roi is None else ROI.parse(roi).mask(measurement.matrix)
        job = diverse_job(measurement, chosen, count, region=region)
        found = follow(job, f"Rendering with {chosen.label}")

    def save(folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for number, variant in enumerate(found, start=1):
            images.write_image(folder / f"{chosen.id}-{number}.png", variant.image, turn=turn)

    outputs.save(output, save)
    if as_json:
        fields = ("knobs", "consistency", "distance", "salience")
        print_json(
            {
                "images": [{field: getattr(variant, field) for field in fields} for variant in found],
                "band": asdict(found.band),
                "plausible": found.plausible,
                "members": found.members,
                "sentence": found.sentence,
            }
        )
    else:
        _say(found)
    outputs.end(quiet=as_json)


def _say(found: Choice) -> None:
    click.echo(f"   {'residual':>8} {'1-SSIM':>7} {'salience':>8}")
    for number, variant in enumerate(found, start=1):
        settings = " ".join(
            f"{name}={value:.3g}" if isinstance(value, float) else f"{name}={value}"
            for name, value in variant.knobs.items()
        )
        beside = f"{variant.distance:>7.3f} {variant.salience:>8.1f}" if number > 1 else f"{'':>16}"
        click.echo(f"{number:>2} {variant.consistency:>8.4f} {beside}   {settings}")
    click.echo(found.sentence)
    if len(found) > 1:
        click.echo("1-SSIM and salience: of the difference from the nearest image above it. Salience: its largest")
        click.echo(
            "contrast to noise on blobs of 3 to 8 pixels; from 5 on it is seen, below 4 noise alone does as much."
        )
