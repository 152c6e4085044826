"""Compare two studies, or the methods of one, trial by trial."""

from functools import partial
from pathlib import Path

import click

from ....studies.difference import (
    STUDIES,
    THE_REST,
    VOLUMES,
    NothingSharedError,
    cautions,
    method_difference,
    sentences,
    shown,
    sides,
    study_difference,
)
from ....studies.exporting import SUFFIXES, check_suffix, export_table
from ....studies.work import results_of
from ...contradictions import refuse
from ...outputs import Outputs
from ...paths import FILE
from ...printing import print_json, warn
from ...studying import BEGUN, JSON, warn_unfinished


@click.command()
@click.argument("first", type=BEGUN)
@click.argument("second", type=BEGUN, required=False)
@click.option("--baseline", metavar="METHOD", help="Compare the methods of FIRST with this one of them.")
@click.option(
    "--metric", "metrics", multiple=True, help="Column to compare; the SSIM of region and foreground if none."
)
@click.option(
    "--volumes",
    multiple=True,
    type=click.IntRange(min=3),
    default=VOLUMES,
    show_default=True,
    help="Number of volumes for which the difference that could be seen is told.",
)
@click.option(
    "--output", type=FILE, help=f"Table to write, of {' or '.join(SUFFIXES)}; it has all metrics unless some are named."
)
@JSON
def diff(
    first: Path,
    second: Path | None,
    baseline: str | None,
    metrics: tuple[str, ...],
    volumes: tuple[int, ...],
    output: Path | None,
    as_json: bool,
) -> None:
    """Tell how the trials of SECOND differ from the same ones of FIRST; each is a plan or a folder of results.

    Differences are paired and their intervals are over volumes. Below three volumes there is none. If each study has
    one method, these are compared; else the methods of the same label are. With --baseline every other method of FIRST
    is compared with that one, on the same slices, masks and regions.

    \b
    Examples:
      recon-robust study diff before.yaml after.yaml
      recon-robust study diff tv.results varnet.results --metric nmse_region_clean --volumes 30
      recon-robust study diff plan.yaml --baseline tv
    """
    if baseline is not None and second is not None:
        refuse("--baseline compares the methods of one study; leave out the second.")
    if output is not None:
        check_suffix(output)
    outputs = Outputs(output)
    studies = [results_of(one) for one in (first, second) if one]
    trials, *others = (one.table() for one in studies)
    if others:
        tables, names = (trials, others[0]), STUDIES
        try:
            table = study_difference(*tables, metrics=metrics, volumes=volumes)
        except NothingSharedError as error:
            raise click.ClickException("\n  ".join(error)) from None
    elif baseline is not None:
        tables, names = sides(trials, baseline), (baseline, THE_REST)
        table = method_difference(trials, baseline, metrics=metrics, volumes=volumes)
    else:
        refuse("name a second study, or by --baseline a method of this one to compare the others with.")
    outputs.save(output, partial(export_table, table))
    if as_json:
        print_json(table.to_dicts())
    else:
        for line in sentences(table if metrics else shown(table)):
            click.echo(line)
    every = bool(metrics or as_json or output)
    inventories = [one.inventory(one.folder) for one in studies] if second else (None, None)
    for caution in cautions(*tables, names, metrics=metrics if every else None, inventories=inventories):
        warn(caution)
    for results, of_it in zip(studies, (trials, *others), strict=True):
        warn_unfinished(results, len(of_it))
    outputs.end(quiet=as_json)
