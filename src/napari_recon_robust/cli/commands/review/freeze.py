"""Freeze a plan with its images; the key to the blinding is a file beside the folder."""

from pathlib import Path

import click

from ....reader_studies import freezing
from ....reader_studies.bundle import Bundle, key_of
from ....reader_studies.plan import read_plan
from ...paths import PLACE
from ...reading import PLAN


@click.command()
@PLAN
@click.option("--output", default="study", show_default=True, type=PLACE, help="A new folder.")
def freeze(plan: Path, output: Path) -> None:
    """Freeze a PLAN with its images; the key to the blinding is a file beside the folder."""
    folder = freezing.freeze(read_plan(plan), output, plan.parent)
    click.echo(f"saved: {folder}")
    click.echo(f"key: {key_of(folder)} (keep it away from readers)")
    frozen = Bundle(folder)
    click.echo(f"SHA-256 of the key: {frozen.hash_of_key}")
    click.echo(f"SHA-256 of the study: {frozen.id} (note it elsewhere; the log of the answers begins with it)")
