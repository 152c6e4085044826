"""Remove the reviews that the window has kept."""

import click

from ...workbench import saved_review


@click.command()
def forget() -> None:
    """Remove the reviews that the window keeps by itself: paths of scans, regions, settings and attacks.

    They are in the user's own folder, where nobody else may read them. An open window keeps its own anew as soon as
    something in it is changed. Cases that were saved stay.
    """
    count = saved_review.forget()
    click.echo(f"removed: {count} review{'s' * (count != 1)} from {saved_review.folder()}")
