"""Open files in the window."""

from pathlib import Path

import click

from ..paths import EXISTING
from .demo import launcher


@click.command()
@click.argument("files", nargs=-1, required=True, type=EXISTING)
def open(files: tuple[Path, ...]) -> None:
    """Open k-space, the folder of a saved case, or a folder of cases (the gallery) in the window."""
    launcher().open_window(files)
