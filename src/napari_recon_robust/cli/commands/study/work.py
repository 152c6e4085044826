"""Run one of several equal shares of a study, as an element of a job array does."""

from pathlib import Path

import click

from ....ground.errors import InputError
from ....studies.executors import inline
from ...studying import PLAN, STORE, TRUST, run_here


@click.command()
@PLAN
@STORE
@TRUST
@click.option("--shard", "share", required=True, metavar="I/N", help="The I-th of N shares, from 1.")
def work(plan: Path, store: Path | None, trust: bool, share: str) -> None:
    """Run every N-th shard of PLAN in this process, beside others that run the rest. SIGTERM ends it after a trial."""
    run_here(plan, inline.run, store=store, trust=trust, share=_share(share))


def _share(text: str) -> tuple[int, int]:
    number, slash, count = text.partition("/")
    if not (slash and number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise InputError(f"the share is {text!r}; give I/N, for instance 3/50 for the third of fifty.")
    return int(number), int(count)
