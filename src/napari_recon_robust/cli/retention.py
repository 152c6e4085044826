"""recon-robust retention."""

from pathlib import Path
from typing import Any

import click
import numpy as np

from ..data.roi import ROI
from ..figures.overlays import Anatomy, retention_figure
from ..ground.errors import InputError, either
from ..io import images
from ..perturbations.features.feature import PARAMETRIC
from ..perturbations.features.insertion import LOST, ROSE
from ..studies.retention import RetentionMap, recovery_table, retention_map
from .options import chosen_method, follow, heading, measured, number, numbers, print_json, sampling_options

_LIST = "numbers separated by commas, for instance 2,3,4"


@click.command()
@sampling_options
@click.option("--roi", metavar="ROW,COLUMN,HEIGHT,WIDTH", help="A box in the stored image; the whole if left out.")
@click.option("--shape", type=click.Choice(PARAMETRIC), default="blob", show_default=True)
@click.option("--size", default=4.0, show_default=True, help="Of the map's feature, in pixels.")
@click.option("--contrast", default=0.4, show_default=True, help="Of the map's feature, to the local tissue.")
@click.option("--spacing", default=4, show_default=True, help="Of the map's positions, in pixels.")
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help=f"The map: {either(images.MAP_SUFFIXES)}."
)
@click.option("--sizes", metavar="A,B,…", help="A table instead of the map: sizes in pixels.")
@click.option("--contrasts", metavar="A,B,…", help="A table instead of the map: contrasts.")
@click.option("--places", default=30, show_default=True, help="Of each size and contrast of the table.")
def retention(
    method: str,
    knobs: tuple[str, ...],
    auto: bool,
    as_json: bool,
    roi: str | None,
    shape: str,
    size: float,
    contrast: float,
    spacing: int,
    output: Path | None,
    sizes: str | None,
    contrasts: str | None,
    places: int,
    **sampling: Any,
) -> None:
    """Insert a small feature everywhere and see where it is kept; or count how many are, by size and contrast.

    \b
    Examples:
      recon-robust retention scan.h5 --method unet --pattern equispaced --size 4 --contrast 0.4 --output map.png
      recon-robust retention scan.h5 --method unet --pattern equispaced --sizes 2,3,4,6 --contrasts 0.2,0.4
    """
    tabulated = sizes is not None or contrasts is not None
    if output is not None:
        if tabulated:
            raise InputError("--output takes the map, and --sizes or --contrasts ask for the table; give one of them.")
        images.check_suffix(output, images.MAP_SUFFIXES)
    with measured(**sampling) as (scan, _, measurement):
        chosen = chosen_method(method, knobs, auto, measurement)
        title = heading(chosen, measurement)
        facts = {**chosen.to_json(), "acceleration": measurement.acceleration}
        region = None if roi is None else ROI.parse(roi)
        if tabulated:
            job = recovery_table(
                measurement,
                chosen,
                region,
                sizes=[size] if sizes is None else numbers(sizes, "--sizes", _LIST),
                contrasts=[contrast] if contrasts is None else numbers(contrasts, "--contrasts", _LIST),
                shape=shape,
                count=places,
                seed=number(sampling["seed"], default=0),
            )
            table = follow(job, "counting")
            if as_json:
                print_json(facts | table.to_json())
            else:
                click.echo(title)
                click.echo(table.markdown(), nl=False)
                click.echo(table.legend)
            return
        mapping = retention_map(
            measurement,
            chosen,
            region,
            size=size,
            contrast=contrast,
            shape=shape,
            spacing=spacing,
        )
        found = follow(mapping, "mapping")
        if output is not None and output.suffix.lower() == ".npy":
            np.save(output, found.values)
        elif output is not None:
            image = follow(chosen.job(measurement), f"reconstructing with {chosen.label}")
            header = scan.header
            retention_figure(
                output,
                Anatomy(image.abs().cpu().numpy(), header.voxel, header.upside_down),
                found.values,
                [(place.row, place.column) for place in found.worst],
                title=f"Retention: {title}\na {shape} of {size:g} pixels, contrast {contrast:+g} to the tissue, "
                f"every {spacing} pixels",
            )
    if as_json:
        print_json(facts | found.to_json())
    else:
        click.echo(title)
        _say(found, output)


def _say(found: RetentionMap, output: Path | None) -> None:
    result = found.to_json()
    click.echo(
        f"a {found.shape} of {found.size:g} pixels, contrast {found.contrast:+g} to the tissue, at "
        f"{result['positions']} positions in {found.reconstructions} reconstructions:"
    )
    click.echo(
        f"recovery {result['mean']:.2f} on average (1: all of its contrast is seen), lost (below {LOST:g}) at "
        f"{100 * found.lost:.1f}% of them"
    )
    click.echo("the least recovered, each inserted again alone; numbered as in the figure:")
    for rank, place in enumerate(found.worst, start=1):
        unseen = "" if place.detectability >= ROSE else ", which the samples do not carry"
        click.echo(
            f"{rank}  row {place.row}, column {place.column}: recovery {place.recovery:.2f}, "
            f"detectability {place.detectability:.0f}{unseen}"
        )
    click.echo(f"detectability: the feature's signal-to-noise ratio in the samples; from {ROSE:g} on they carry it.")
    if output is not None:
        click.echo(f"saved: {output}")
