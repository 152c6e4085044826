"""recon-robust train."""

from pathlib import Path

import click

from ..training import loop
from .options import checked_device, follow


@click.command()
@click.argument("recipe")
@click.option("--data", type=click.Path(path_type=Path), required=True, help="Folder of volumes or scans.")
@click.option("--output", type=click.Path(path_type=Path), help="Folder of the run; runs/RECIPE if left out.")
@click.option("--preset", default="cpu", show_default=True, metavar="cpu|gpu", help="How long and on what.")
@click.option("--resume", is_flag=True, help="Go on from the run's last checkpoint.")
def train(recipe: str, data: Path, output: Path | None, preset: str, resume: bool) -> None:
    """Train the network of RECIPE: a name from the package, or a YAML file.

    The folder, with those within, may mix NIfTI volumes and DICOM series (coils and phase are simulated) and fully
    sampled multi-coil k-space in HDF5 (fastMRI, M4Raw, ISMRMRD). The run's folder gets a log.csv.

    \b
    Examples:
      recon-robust train hqs-supervised --data anatomy/
      recon-robust train hqs-supervised --data anatomy/ --resume
    """
    chosen = loop.load_recipe(recipe)
    folder = output or Path("runs") / chosen.id
    device = checked_device("cuda" if preset == "gpu" else "cpu")
    job = loop.train(chosen, data, folder, preset=preset, resume=resume, device=device)
    click.echo(f"weights: {follow(job, f'training {chosen.id}')}")
