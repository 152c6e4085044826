"""Copy a fastMRI file with prewhitened coils."""

from pathlib import Path

import click

from ...ground.writing import try_place
from ..outputs import refuse_input
from ..paths import EXISTING_FILE, FILE
from ..progress import follow


@click.command()
@click.argument("scan", type=EXISTING_FILE)
@click.option("--output", type=FILE, required=True, help="The new file, in fastMRI's layout (.h5).")
def prewhiten(scan: Path, output: Path) -> None:
    """Copy SCAN, a file in fastMRI's layout, with coils whose noise is independent and equally strong.

    The noise is found in the samples where there is no signal. Methods that weigh all coils alike, as those here do,
    then make less noise of the same samples, and so do references. ISMRMRD files with a noise scan need no copy.

    \b
    Example:
      recon-robust prewhiten scan.h5 --output prewhitened.h5
    """
    from ...io.prewhitening import prewhiten as job

    refuse_input(output)
    try_place(output)
    found = follow(job(scan, output), "prewhitening")
    click.echo(f"{found.words}; written: {output}")
