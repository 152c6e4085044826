"""Where one slice is fragile: the change to expect of an attack, and the worst regions."""

from math import nan
from pathlib import Path
from typing import Any

import click

from ...analyses import fragility as engine
from ...analyses.fragility import FragileRegion, FragilityMap
from ...data.roi import Box
from ...data.scan import Scan
from ...figures.overlays import Underlay, fragility_figure
from ...ground.errors import either
from ...io import images
from ...perturbations.base import SENSITIVITIES
from ..contradictions import refuse_idle
from ..fractions import FRACTION
from ..options import chosen_method, heading, knob_options, measured, sampling_options, whole_seed, with_auto
from ..outputs import Outputs
from ..paths import FILE
from ..printing import print_json
from ..progress import follow


@click.command()
@sampling_options
@click.option(
    "--how",
    type=click.Choice(engine.WAYS),
    default="attack",
    show_default=True,
    help="How the map is made: by an attack of the whole foreground, or a gradient for each tile.",
)
@click.option(
    "--budget",
    type=FRACTION,
    default=0.01,
    show_default=True,
    metavar="η",
    help="Strength of the attack, a fraction of the k-space norm.",
)
@click.option(
    "--gradients", default=engine.GRADIENTS, show_default=True, metavar="N", help="Number of gradients of the attack."
)
@click.option(
    "--size", default=engine.TILE, show_default=True, metavar="PIXELS", help="Side of a region and of a tile."
)
@click.option(
    "--count", default=5, show_default=True, metavar="N", help="How many of the most fragile regions are printed."
)
@click.option("--output", type=FILE, help=f"The map: {either(images.SUFFIXES)}.")
def fragility(
    method: str,
    knobs: tuple[str, ...],
    auto: bool,
    as_json: bool,
    how: str,
    budget: float,
    gradients: int,
    size: int,
    count: int,
    output: Path | None,
    sensitivities: str,
    **sampling: Any,
) -> None:
    """Where one slice of FILE is fragile: the change to expect of an attack, and the worst regions for --roi.

    attack: one worst-case search on the whole foreground. gain: one gradient for each tile of the image; slower. A
    picture shows the map on the image, the noise amplification beside it; other files hold the map alone, a fraction of
    the reference's maximum.

    The noise amplification is what the scan's own thermal noise becomes, over the noise of the fully sampled image; of
    unregularised SENSE it is the g-factor × √R, and a method that loses signal has less. It does not tell where an
    attack succeeds.

    \b
    Example:
      recon-robust fragility scan.h5 --slice 3 --method unrolled-hqs --pattern equispaced --output fragile.png
    """
    if output is not None:
        images.check_suffix(output)
    if how != "attack":
        refuse_idle(("gradients",), f"with --how {how}")
    outputs = Outputs(output)
    chosen = chosen_method(method, knobs, auto)
    with measured(**sampling, draws=True) as taken:
        measurement = taken.measurement
        chosen = with_auto(chosen, auto, measurement)
        job = engine.fragility(
            measurement,
            chosen,
            budget=budget,
            how=how,
            tile=size,
            gradients=gradients,
            sensitivities=sensitivities,
            seed=whole_seed(sampling["seed"], default=0),
        )
        found = follow(job, "looking for fragile places")
        worst = found.worst(size, size, count)
        title = heading(chosen, measurement)
        outputs.save(output, lambda path: _write(path, taken.scan, taken.index, found, worst, title))
    rows = [_row(found, region) for region in worst]
    if as_json:
        facts = {**chosen.to_json(), "acceleration": measurement.acceleration, "how": how, "budget": budget}
        print_json({**facts, "relative_to": found.relative_to, "maximum": found.maximum, "regions": rows})
    else:
        click.echo(title)
        _say(found, rows, size)
    outputs.end(quiet=as_json)


fragility.params += knob_options([SENSITIVITIES])


def _say(found: FragilityMap, rows: list[dict[str, Any]], size: int) -> None:
    click.echo(
        f"change of the image to expect of an attack of {100 * found.budget:.3g}% of the k-space norm, in % of "
        f"{found.whose}'s maximum; the worst regions of {size}×{size} pixels:"
    )
    for place, row in enumerate(rows, start=1):
        click.echo(
            f"{place}  --roi {row['roi']:<16} change {100 * row['expected_change']:.3g}%   "
            f"noise amplification {row['noise_amplification']:.2f}"
        )
    click.echo(
        "noise amplification: the thermal noise of this image over that of the fully sampled one (of unregularised "
        "SENSE the g-factor × √R, less where signal is lost); it does not tell where an attack succeeds."
    )


def _row(found: FragilityMap, region: FragileRegion) -> dict[str, Any]:
    inside = region.roi.mask((found.image.shape[0], found.image.shape[1])) & found.foreground
    assert found.noise is not None
    box = _box(region)
    return {
        "roi": f"{box.row},{box.column},{box.height},{box.width}",
        "expected_change": region.expected_change,
        "noise_amplification": float(found.noise[inside].mean()),
        "edges": float(found.edges[inside].mean()),
    }


def _box(region: FragileRegion) -> Box:
    (box,) = region.roi.shapes
    assert isinstance(box, Box)
    return box


def _write(path: Path, scan: Scan, index: int, found: FragilityMap, worst: list[FragileRegion], title: str) -> None:
    """The map by itself, or as a picture on the image."""
    header = scan.header
    if path.suffix.lower() != ".png":
        images.write_image(path, found.expected_change, voxel=header.voxel, plane=scan.plane(index))
        return
    outside = ~found.foreground
    change, noise = (
        None if one is None else one.masked_fill(outside, nan) for one in (found.expected_change, found.noise)
    )
    assert change is not None
    search = "one attack on the whole foreground" if found.how == "attack" else "the first gradient of each tile"
    fragility_figure(
        path,
        Underlay(found.image.numpy(), header.voxel, header.upright),
        100 * change.numpy(),
        None if noise is None else noise.numpy(),
        [_box(region) for region in worst],
        title=f"Fragility: {title}\nbudget {100 * found.budget:.3g}% of the k-space norm, {search}",
        relative_to=found.whose,
    )
