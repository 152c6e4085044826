"""Expand and validate a plan without opening k-space."""

from pathlib import Path

import click

from ....studies.checking import check_study
from ....studies.estimate import estimate_study
from ....studies.mistakes import PlanError
from ...printing import print_json
from ...progress import follow
from ...studying import JSON, PLAN, STORE, TRUST, data_options, listed, tell_scans


@click.command()
@PLAN
@data_options
@STORE
@TRUST
@JSON
@click.option("--time", "timed", is_flag=True, help="Run a sample of the trials, and estimate time and room.")
def check(plan: Path, store: Path | None, trust: bool, as_json: bool, timed: bool) -> None:
    """Say how many trials PLAN has, or every mistake in it with its line.

    No k-space is read, but for --time, and one slice of each scan, to see whether it is undersampled.
    """
    try:
        found = follow(check_study(plan, store=store, trust=trust), "checking")
    except PlanError as error:
        raise listed(error) from None
    cost = follow(estimate_study(plan, store=store, trust=trust), "estimating") if timed else None
    if as_json:
        print_json({**found.to_json(), **({} if cost is None else {"estimate": cost.to_json()})})
        return
    click.echo(found.sentence)
    if cost is not None:
        click.echo(cost.sentence)
    tell_scans(found)
