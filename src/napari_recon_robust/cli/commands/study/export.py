"""Write the table of a study as CSV or Parquet."""

from functools import partial
from pathlib import Path

import click

from ....studies.exporting import SUFFIXES, check_finished, check_suffix, export_table
from ....studies.work import results_of
from ...outputs import Outputs
from ...paths import FILE
from ...studying import BEGUN, STORE, warn_unfinished


@click.command()
@click.argument("plan", type=BEGUN)
@STORE
@click.option("--output", type=FILE, required=True, help=f"File to write: {' or '.join(SUFFIXES)}.")
def export(plan: Path, store: Path | None, output: Path) -> None:
    """Write one file with a row for each finished trial of PLAN, which may also be a folder of results."""
    check_suffix(output)
    outputs = Outputs(output)
    results = results_of(plan, store)
    table = results.table()
    check_finished(table)
    outputs.save(output, partial(export_table, table))
    warn_unfinished(results, len(table))
    outputs.end()
