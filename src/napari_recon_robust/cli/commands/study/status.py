"""How far a study is."""

from pathlib import Path

import click

from ....studies.running import study_status
from ...printing import print_json
from ...progress import follow
from ...studying import BEGUN_PLAN, JSON, STORE, TRUST, tell


@click.command()
@BEGUN_PLAN
@STORE
@TRUST
@JSON
def status(plan: Path, store: Path | None, trust: bool, as_json: bool) -> None:
    """Say how many trials of PLAN are finished, why others failed, and which scans are doubtful or cannot be used."""
    found = follow(study_status(plan, store=store, trust=trust), "looking")
    if as_json:
        print_json(found.to_json())
    else:
        tell(found)
