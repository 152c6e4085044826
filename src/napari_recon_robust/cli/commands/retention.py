"""Where, how small and how faint features are kept: a map, or a table."""

from functools import partial
from pathlib import Path
from typing import Any

import click
from torch import Tensor

from ...analyses.retention import CONTRASTS, SIZES, RecoveryTable, RetentionMap, recovery_table, retention_map
from ...data.roi import ROI
from ...data.scan import Header
from ...figures.overlays import Underlay, retention_figure
from ...ground.errors import either
from ...ground.numbers import written
from ...io import images
from ...perturbations.features.feature import PARAMETRIC
from ...perturbations.features.insertion import LOST, ROSE
from ..contradictions import flag_of, is_given, refuse, refuse_both, refuse_idle
from ..options import chosen_method, former, heading, measured, sampling_options, several, whole_seed, with_auto
from ..outputs import Outputs
from ..paths import FILE
from ..printing import print_json
from ..progress import follow

_SIZE = "Diameter or length of the feature; repeat it for a table."
_TABLE = (
    "Count what is recovered by size and contrast; no map. Sizes that are not given are "
    f"{', '.join(f'{size:g}' for size in SIZES)}, and contrasts {', '.join(f'{contrast:g}' for contrast in CONTRASTS)}."
)
_CONTRAST = "Contrast of the feature to the local tissue; repeat it for a table."


@click.command()
@sampling_options
@click.option(
    "--roi", metavar="ROW,COLUMN,HEIGHT,WIDTH", help="A box in the stored image; the whole image if left out."
)
@click.option("--shape", type=click.Choice(PARAMETRIC), default="blob", show_default=True, help="Shape of the feature.")
@several("--size", "sizes", click.FLOAT, default=["4.0"], show_default="4 for the map", metavar="PIXELS", help=_SIZE)
@several(
    "--contrast", "contrasts", click.FLOAT, default=["0.4"], show_default="0.4 for the map", metavar="C", help=_CONTRAST
)
@click.option("--spacing", default=4, show_default=True, help="Distance between the map's positions, in pixels.")
@click.option("--output", type=FILE, help=f"The map: {either(images.MAP_SUFFIXES)}.")
@click.option("--table", "tabulated", is_flag=True, help=_TABLE)
@former("--sizes", "former_sizes", click.FLOAT, "--size for each")
@former("--contrasts", "former_contrasts", click.FLOAT, "--contrast for each")
@click.option(
    "--places", default=30, show_default=True, help="Number of places at which the table tries each size and contrast."
)
def retention(
    method: str,
    knobs: tuple[str, ...],
    auto: bool,
    as_json: bool,
    roi: str | None,
    shape: str,
    sizes: tuple[float, ...],
    contrasts: tuple[float, ...],
    spacing: int,
    output: Path | None,
    tabulated: bool,
    former_sizes: tuple[float, ...],
    former_contrasts: tuple[float, ...],
    places: int,
    **sampling: Any,
) -> None:
    """Insert a small feature everywhere and see where it is kept; or count how many are, by size and contrast.

    \b
    Examples:
      recon-robust retention scan.h5 --method unet --pattern equispaced --size 4 --contrast 0.4 --output map.png
      recon-robust retention scan.h5 --method unet --pattern equispaced --size 2 --size 4 --contrast 0.2 --contrast 0.4
    """
    sizes, contrasts = former_sizes or sizes, former_contrasts or contrasts
    tabulated = tabulated or bool(former_sizes or former_contrasts) or len(sizes) * len(contrasts) > 1
    _refuse(tabulated, output)
    if tabulated:  # what is not given is that of the function
        sizes = sizes if former_sizes or is_given("sizes") else SIZES
        contrasts = contrasts if former_contrasts or is_given("contrasts") else CONTRASTS
    if output is not None:
        images.check_suffix(output, images.MAP_SUFFIXES)
    outputs = Outputs(output)
    chosen = chosen_method(method, knobs, auto)
    with measured(**sampling, draws=tabulated) as taken:
        measurement = taken.measurement
        chosen = with_auto(chosen, auto, measurement)
        facts = {**chosen.to_json(), "acceleration": measurement.acceleration}
        region = None if roi is None else ROI.parse(roi)
        seed = whole_seed(sampling["seed"], default=0)
        if tabulated:
            counting = recovery_table(
                measurement, chosen, region, sizes=sizes, contrasts=contrasts, shape=shape, count=places, seed=seed
            )
            found: RecoveryTable | RetentionMap = follow(counting, "counting")
        else:
            mapping = retention_map(
                measurement, chosen, region, size=sizes[0], contrast=contrasts[0], shape=shape, spacing=spacing
            )
            found = follow(mapping, "mapping")
            if output is not None and output.suffix.lower() == ".npy":
                outputs.save(output, partial(images.write_array, values=found.values))
            elif output is not None:
                image = follow(chosen.job(measurement), f"reconstructing with {chosen.label}")
                outputs.save(
                    output, partial(_draw, taken.scan.header, found, spacing, heading(chosen, measurement), image)
                )
    if as_json:
        print_json(facts | found.to_json())
    else:
        click.echo(heading(chosen, measurement))
        if isinstance(found, RecoveryTable):
            click.echo(found.markdown(), nl=False)
            click.echo(found.legend)
        else:
            _say(found)
    outputs.end(quiet=as_json)


def _refuse(tabulated: bool, output: Path | None) -> None:
    """End the command if its options ask for a table and a map at once, or for the same thing twice."""
    for name, former_name in (("sizes", "former_sizes"), ("contrasts", "former_contrasts")):
        if is_given(name) and is_given(former_name):
            refuse_both(flag_of(name), flag_of(former_name))
    if not tabulated:
        refuse_idle(("places",), "for the map; --table asks for the table")
        return
    refuse_idle(("spacing",), "for the table, which several sizes or contrasts and --table ask for")
    if output is not None:
        refuse("--output takes the map, and --table or several sizes ask for the table; leave one of them out.")


def _draw(header: Header, found: RetentionMap, spacing: int, title: str, image: Tensor, path: Path) -> None:
    """The map as a picture on the image."""
    retention_figure(
        path,
        Underlay(image.abs().cpu().numpy(), header.voxel, header.upright),
        found.values,
        found.not_carried,
        [(place.row, place.column) for place in found.worst],
        title=f"Retention: {title}\na {found.shape} of {found.size:g} pixels, contrast "
        f"{written(found.contrast, '+g')} to the tissue, every {spacing} pixels",
    )


def _say(found: RetentionMap) -> None:
    result = found.to_json()
    click.echo(
        f"a {found.shape} of {found.size:g} pixels, contrast {written(found.contrast, '+g')} to the tissue, at "
        f"{result['positions']} positions in {found.reconstructions} reconstructions:"
    )
    carried = result["carried"]
    if not carried:
        click.echo(f"the samples carry it at none of them (detectability of {ROSE:g} or more), so none can be lost.")
        return
    where = "of them" if carried == result["positions"] else f"of the {carried} that the samples carry"
    click.echo(
        f"recovery {result['mean']:.2f} on average (1: all of its contrast is seen), lost (below {LOST:g}) at "
        f"{100 * found.lost:.1f}% {where}"
    )
    click.echo("the least recovered among others, each inserted again alone; numbered as in the figure:")
    for rank, place in enumerate(found.worst, start=1):
        unseen = "" if place.detectability >= ROSE else ", which the samples do not carry"
        click.echo(
            f"{rank}  row {place.row}, column {place.column}: recovery {place.recovery:.2f}, "
            f"detectability {place.detectability:.0f}{unseen}"
        )
    click.echo(f"detectability: the feature's signal-to-noise ratio in the samples; from {ROSE:g} on they carry it.")
