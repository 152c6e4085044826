"""recon-robust transfer."""

from typing import Any

import click

from ..data.roi import ROI
from ..ground.errors import InputError
from ..perturbations import registry as perturbations
from ..reconstructors import registry
from ..studies.transfer import transfer as transfer_job
from .options import follow, measured, number, parse_knobs, print_json, slice_options


@click.command()
@slice_options
@click.option("--methods", required=True, metavar="ID,ID,…", help="The methods; all are evaluated.")
@click.option("--found-on", metavar="ID,…", help="Those to search on; all if left out.")
@click.option("--kind", default=perturbations.DEFAULT, show_default=True, help="Of perturbation.")
@click.option("--roi", metavar="ROW,COLUMN,HEIGHT,WIDTH", help="Where; the whole image if left out.")
@click.option("--budget", default=0.01, show_default=True, metavar="η", help="Fraction of the k-space norm.")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="A knob of the perturbation; repeat it.")
def transfer(
    methods: str,
    found_on: str | None,
    kind: str,
    roi: str | None,
    budget: float,
    settings: tuple[str, ...],
    as_json: bool,
    **sampling: Any,
) -> None:
    """What a perturbation found on one method does to the others, all at their default knobs: a matrix.

    \b
    Examples:
      recon-robust transfer scan.h5 --pattern equispaced --methods unet,unrolled-hqs,tv --roi 120,140,32,28
      recon-robust transfer scan.h5 --pattern equispaced --methods unet,irim --kind fnaf --set size=4
    """
    if kind not in perturbations.ids():
        raise InputError(f"there is no perturbation {kind!r}; choose one of {', '.join(perturbations.ids())}.")
    names = [name.strip() for name in methods.split(",")]
    with measured(**sampling) as (_, _, measurement):
        region = ROI.box(0, 0, *measurement.matrix, label="whole image") if roi is None else ROI.parse(roi)
        job = transfer_job(
            measurement,
            {name: registry.get(name) for name in names},
            region,
            kind=kind,
            budget=budget,
            found_on=None if found_on is None else [name.strip() for name in found_on.split(",")],
            **{"seed": number(sampling["seed"], default=0), **parse_knobs(settings)},
        )
        matrix = follow(job, "transfer")
    if as_json:
        print_json(matrix.to_json())
        return
    perturbation = perturbations.get(kind)
    spent = f", budget {100 * budget:.3g}%" if perturbation.needs_budget else ""
    where = "the whole image" if roi is None else f"the region {roi}"
    click.echo(f"{perturbation.label} on {where}{spent}; effective R = {matrix.acceleration:.3g}")
    click.echo(matrix.markdown(), nl=False)
    click.echo(matrix.legend)
