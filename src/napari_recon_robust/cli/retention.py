"""recon-robust retention."""

from pathlib import Path
from typing import Any

import click

from ..errors import InputError
from ..evaluation.roi import ROI
from ..io import images
from ..perturbations.feature import PARAMETRIC
from ..perturbations.retention import RetentionMap, recovery_table, retention_map
from .options import follow, measured, method_and_knobs, number, print_json, sampling_options


@click.command()
@sampling_options
@click.option("--roi", metavar="ROW,COLUMN,HEIGHT,WIDTH", help="A box in the stored image; the whole if left out.")
@click.option("--shape", type=click.Choice(PARAMETRIC), default="blob", show_default=True)
@click.option("--size", default=4.0, show_default=True, help="Of the map's feature, in pixels.")
@click.option("--contrast", default=0.4, show_default=True, help="Of the map's feature, to the local tissue.")
@click.option("--spacing", default=4, show_default=True, help="Of the map's positions, in pixels.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="The map: .npy or .png.")
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
    with measured(**sampling) as (_, _, measurement):
        reconstructor, values = method_and_knobs(method, knobs, auto, measurement)
        region = None if roi is None else ROI.parse(roi)
        if tabulated:
            job = recovery_table(
                measurement,
                reconstructor,
                region,
                reconstructor_knobs=values,
                sizes=[size] if sizes is None else _numbers(sizes, "sizes"),
                contrasts=[contrast] if contrasts is None else _numbers(contrasts, "contrasts"),
                shape=shape,
                count=places,
                seed=number(sampling["seed"], default=0),
            )
            table = follow(job, "counting")
            if as_json:
                print_json(table.to_json())
            else:
                click.echo(table.markdown(), nl=False)
            return
        mapping = retention_map(
            measurement,
            reconstructor,
            region,
            reconstructor_knobs=values,
            size=size,
            contrast=contrast,
            shape=shape,
            spacing=spacing,
        )
        found = follow(mapping, "mapping")
        if output is not None:
            images.write_map(
                output,
                found.values,
                follow(reconstructor.job(measurement, **values), f"reconstructing with {reconstructor.label}"),
                label="recovery (1 kept, below 0.5 lost)",
                title=f"{reconstructor.label}: a {shape} of {size:g} px, contrast {contrast:g}",
                marks=[(place.row, place.column) for place in found.worst],
            )
    if as_json:
        print_json(found.to_json())
    else:
        _say(found, output)


def _say(found: RetentionMap, output: Path | None) -> None:
    result = found.to_json()
    click.echo(
        f"{result['positions']} positions in {found.reconstructions} reconstructions: recovery {result['mean']:.2f} on "
        f"average, lost (below 0.5) at {100 * found.lost:.1f}%"
    )
    click.echo("the worst, inserted alone:")
    for place in found.worst:
        click.echo(
            f"  row {place.row}, column {place.column}: recovery {place.recovery:.2f}, "
            f"detectability {place.detectability:.0f}"
        )
    if output is not None:
        click.echo(f"saved: {output}")


def _numbers(text: str, name: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"--{name} is {text!r}; give numbers separated by commas, for instance 2,3,4.") from None
