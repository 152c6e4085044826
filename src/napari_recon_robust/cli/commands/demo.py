"""The window with the packaged sample; without a display, a folder of pictures."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import click

from ...ground.errors import InputError, to_install
from ..contradictions import refuse_both
from ..paths import FOLDER


@click.command()
@click.option("--output", type=FOLDER, help="Write into this folder, and close.")
@click.option("--tour", is_flag=True, help="Be led through five steps instead, each at its control.")
def demo(output: Path | None, tour: bool) -> None:
    """The window with the packaged sample: reference, clean, perturbed and their difference side by side.

    Without a display the same runs on a virtual one, and demo/ has the screenshot, the images and the metrics.
    """
    if tour and output is not None:
        refuse_both("--tour", "--output")
    if tour and not _has_display():
        raise InputError("the tour is for somebody who looks at a display, and there is none; leave --tour out.")
    if tour:
        launcher().tour()
        return
    if _has_display():
        if output is not None:
            os.environ["NAPARI_CONFIG"] = ""  # napari's settings, as it is imported, are neither read nor written
        launcher().demo(output)
        if output is not None:
            click.echo(f"written: {output}{os.sep} (screenshot of the window, images, metrics)")
        return
    xvfb = shutil.which("xvfb-run")
    if xvfb is None:
        raise InputError("there is no display, and xvfb-run for a virtual one is missing; install xvfb and xauth.")
    _window()
    folder = output or Path("demo")
    click.echo("no display: the window opens on a virtual one")
    command = [xvfb, "-a", "-s", "-screen 0 1280x800x24", sys.executable, "-m", "napari_recon_robust.cli"]
    sys.exit(subprocess.run([*command, "demo", "--output", str(folder)], check=False).returncode)


def _has_display() -> bool:
    return not sys.platform.startswith("linux") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def launcher() -> ModuleType:
    """The window's module; InputError without a display, where Qt would end the process."""
    if not _has_display():
        raise InputError("the window needs a display, and there is none; start it in a desktop session.")
    return _window()


def _window() -> ModuleType:
    """The window's module; napari is imported here and nowhere else on the command line."""
    try:
        from ...window import launch
    except ImportError as error:
        raise InputError(f"the window needs {error.name}; {to_install('gui')}.") from None
    return launch
