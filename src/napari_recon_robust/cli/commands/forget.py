"""Remove the reviews that the window has kept."""

import click

from ...ground.numbers import counted
from ...workbench import saved_review


@click.command()
def forget() -> None:
    """Remove the reviews that the window keeps by itself: paths of scans, regions, settings and attacks.

    They are in the user's own folder, where nobody else may read them. An open window keeps its own anew as soon as
    something in it is changed. Cases that were saved stay.
    """
    click.echo(f"removed: {counted(saved_review.forget(), 'review')} from {saved_review.folder()}")
