"""recon-robust fragility."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

from .. import fragility as engine
from ..errors import InputError
from ..evaluation.roi import Box
from ..fragility import FragileRegion, FragilityMap
from ..io import images
from ..perturbations.base import SENSITIVITIES
from .options import follow, knob_options, measured, method_and_knobs, number, print_json, sampling_options


@click.command()
@sampling_options
@click.option("--how", type=click.Choice(engine.METHODS), default="attack", show_default=True, help="See below.")
@click.option("--budget", default=0.01, show_default=True, metavar="η", help="A fraction of the k-space norm.")
@click.option("--gradients", default=engine.GRADIENTS, show_default=True, metavar="N", help="Of the attack.")
@click.option(
    "--size", default=engine.TILE, show_default=True, metavar="PIXELS", help="Side of a region and of a tile."
)
@click.option("--count", default=5, show_default=True, metavar="N", help="How many regions.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="The map: .png, .npy, .h5 or .nii.gz.")
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
    picture shows the map on the image; other files hold the map alone, a fraction of the reference's maximum.

    \b
    Example:
      recon-robust fragility scan.h5 --slice 10 --method varnet --pattern equispaced --output fragile.png
    """
    if output is not None:
        images.check_suffix(output)
    with measured(**sampling) as (scan, _, measurement):
        reconstructor, values = method_and_knobs(method, knobs, auto, measurement)
        job = engine.fragility(
            measurement,
            reconstructor,
            budget=budget,
            method=how,
            tile=size,
            reconstructor_knobs=values,
            gradients=gradients,
            sensitivities=sensitivities,
            seed=number(sampling["seed"], default=0),
        )
        found = follow(job, "looking for fragile places")
        worst = found.worst(size, size, count)
        if output is not None:
            voxel = scan.header.voxel
            if output.suffix.lower() == ".png":
                write_picture(output, found, worst, voxel)
            else:
                images.write_image(output, found.expected_change, voxel=voxel)
    rows = [_row(found, region) for region in worst]
    if as_json:
        print_json(
            {
                "method": reconstructor.id,
                "knobs": values,
                "how": how,
                "budget": budget,
                "relative_to": found.relative_to,
                "maximum": found.maximum,
                "regions": rows,
            }
        )
        return
    whose = "the reference's" if found.relative_to == "reference" else "the clean image's"
    click.echo(f"{reconstructor.label}: expected change at a budget of {100 * budget:.3g}%, in % of {whose} maximum")
    for row in rows:
        click.echo(
            f"--roi {row['roi']:<16} {100 * row['expected_change']:.3g}%   noise × {row['noise_amplification']:.2f}"
        )


fragility.params += knob_options([SENSITIVITIES])


def _row(found: FragilityMap, region: FragileRegion) -> dict[str, Any]:
    inside = region.roi.mask((found.image.shape[0], found.image.shape[1])) & found.foreground
    assert found.noise is not None
    return {
        "roi": ",".join(str(side) for side in _sides(region)),
        "expected_change": region.expected_change,
        "noise_amplification": float(found.noise[inside].mean()),
        "edges": float(found.edges[inside].mean()),
    }


def _sides(region: FragileRegion) -> tuple[int, int, int, int]:
    (box,) = region.roi.shapes
    assert isinstance(box, Box)
    return box.row, box.column, box.height, box.width


def write_picture(
    path: Path,
    found: FragilityMap,
    worst: Sequence[FragileRegion],
    voxel: tuple[float, float, float] | None = None,
) -> None:
    """The map on the image with a colour bar, and the regions by their number; row 0 at the top, as in --roi."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    row_size, column_size, _ = voxel or (1.0, 1.0, 1.0)
    figure = Figure(figsize=(7, 6), layout="constrained")
    axes = figure.add_subplot()
    image, change = found.image.numpy(), 100 * found.expected_change.numpy()
    axes.imshow(image, cmap="gray", vmin=0, vmax=float(np.percentile(image, 99.7)), interpolation="nearest")
    shown = np.ma.masked_where(~found.foreground.numpy(), change)
    overlay = axes.imshow(shown, cmap="inferno", alpha=0.5, vmin=0, interpolation="nearest")
    axes.set_aspect(row_size / column_size)
    for n, region in enumerate(worst, start=1):
        row, column, height, width = _sides(region)
        axes.add_patch(Rectangle((column - 0.5, row - 0.5), width, height, fill=False, edgecolor="cyan"))
        axes.text(column + 1, row + 1, str(n), color="cyan", va="top")
    axes.set(xlabel="column", ylabel="row", title="Not for diagnostic use")
    whole = f"% of the {'reference' if found.relative_to == 'reference' else 'clean image'}'s maximum"
    label = f"expected change at a budget of {100 * found.budget:.3g}%, {whole}"
    figure.colorbar(ScalarMappable(overlay.norm, overlay.cmap), ax=axes, label=label)
    try:
        figure.savefig(path, dpi=150)
    except OSError as error:
        raise InputError(f"{path.name} cannot be written ({error.strerror}); choose another folder.") from None
