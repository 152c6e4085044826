"""What a perturbation found on one method does to the others."""

from itertools import filterfalse
from typing import Any

import click

from ...analyses.transfer import transfer_between
from ...data.roi import ROI
from ...ground.knob import resolve
from ...own_models.opening import recognises
from ...perturbations import registry as perturbations
from ...reconstructors import registry
from ..contradictions import refuse_both, refuse_idle
from ..fractions import FRACTION
from ..options import former, measured, parse_knobs, several, slice_options, whole_seed
from ..printing import print_json
from ..progress import follow


@click.command()
@slice_options
@click.option("--method", "methods", multiple=True, metavar="ID", help="A method to evaluate; repeat it for each.")
@several(
    "--found-on",
    "found_on",
    click.STRING,
    commas=True,
    metavar="ID",
    help="A method to search on; repeat it; all if left out.",
)
@former("--methods", "former_methods", click.STRING, "--method for each")
@click.option(
    "--kind", default=perturbations.DEFAULT, show_default=True, help="Kind of the perturbation, as in `perturb`."
)
@click.option(
    "--roi", metavar="ROW,COLUMN,HEIGHT,WIDTH", help="A box in the stored image to attack; all of it if left out."
)
@click.option(
    "--budget",
    type=FRACTION,
    default=0.01,
    show_default=True,
    metavar="η",
    help="Strength of the perturbation, a fraction of the k-space norm.",
)
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="A knob of the perturbation; repeat it.")
def transfer(
    methods: tuple[str, ...],
    found_on: tuple[str, ...],
    former_methods: tuple[str, ...],
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
      recon-robust transfer scan.h5 --pattern equispaced --method unet --method tv --roi 120,140,32,28
      recon-robust transfer scan.h5 --pattern equispaced --method unet --method irim --kind fnaf --set size=4
    """
    perturbation = perturbations.get(kind)
    if methods and former_methods:
        refuse_both("--method", "--methods")
    if not perturbation.needs_budget:
        refuse_idle(("budget",), f"with --kind {kind}, which has no budget")
    knobs = parse_knobs(settings, "--set")
    resolve(perturbation.knobs, knobs)
    names = methods or former_methods
    if not names:
        raise click.UsageError("no method is given; give --method for each.")
    for name in filterfalse(recognises, names):  # not an own model, which would be opened twice
        registry.get(name)
    with measured(**sampling, draws=True, whole=perturbation.undersamples) as taken:
        measurement = taken.measurement
        region = ROI.box(0, 0, *measurement.matrix, label="whole image") if roi is None else ROI.parse(roi)
        job = transfer_between(
            measurement,
            names,
            region,
            kind=kind,
            budget=budget,
            found_on=found_on or None,
            **{"seed": whole_seed(sampling["seed"], default=0), **knobs},
        )
        matrix = follow(job, "transfer")
    if as_json:
        print_json(matrix.to_json())
        return
    spent = f", budget {100 * budget:.3g}%" if perturbation.needs_budget else ""
    where = "the whole image" if roi is None else f"the region {roi}"
    click.echo(f"{perturbation.label} on {where}{spent}; effective R = {matrix.acceleration:.3g}")
    click.echo(matrix.markdown(), nl=False)
    click.echo(matrix.legend)
    for remark in matrix.remarks:
        click.echo(f"caution: {remark}")
