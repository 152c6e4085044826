"""recon-robust demo and open: the window. napari is imported here and nowhere else on the command line."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import click

from ..ground.errors import InputError


@click.command("open")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
def open_files(files: tuple[Path, ...]) -> None:
    """Open k-space, the folder of a saved case, or a folder of cases (the gallery) in the window."""
    _launcher().open_window(files)


@click.command()
@click.option("--output", type=click.Path(file_okay=False, path_type=Path), help="Write into this folder, and close.")
def demo(output: Path | None) -> None:
    """The window with the packaged sample: reference, clean, perturbed and their difference side by side.

    Without a display the same runs on a virtual one, and demo/ has the screenshot, the images and the metrics.
    """
    if _has_display():
        _launcher().demo(output)
        if output is not None:
            click.echo(f"written: {output}{os.sep} (screenshot of the window, images, metrics)")
        return
    xvfb = shutil.which("xvfb-run")
    if xvfb is None:
        raise InputError("there is no display, and xvfb-run for a virtual one is missing; install xvfb and xauth.")
    _launcher()
    folder = output or Path("demo")
    click.echo("no display: the window opens on a virtual one")
    command = [xvfb, "-a", "-s", "-screen 0 1280x800x24", sys.executable, "-m", "napari_recon_robust.cli"]
    sys.exit(subprocess.run([*command, "demo", "--output", str(folder)], check=False).returncode)


def _has_display() -> bool:
    return not sys.platform.startswith("linux") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _launcher() -> ModuleType:
    try:
        from ..window import launch
    except ImportError as error:
        raise InputError(f"the window needs {error.name}, which is not installed: pip install '.[gui]'.") from None
    return launch
