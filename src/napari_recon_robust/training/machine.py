"""What a training ran on: the version of this package and the machine, for checkpoints and cards."""

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path

import torch

from . import precision
from .recipe import Preset


def version() -> str:
    """The version of this package, with the commit if it runs from its repository."""
    version = metadata.version("napari-recon-robust")
    here = Path(__file__)
    asked = ["git", "-C", str(here.parent), "log", "-1", "--format=%h"]
    try:  # nothing is said about a file that the repository around it does not track
        tracked = subprocess.run([*asked, "--", here.name], capture_output=True, text=True, timeout=10)
        found = subprocess.run(asked, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return version
    return f"{version} ({found.stdout.strip()})" if tracked.stdout.strip() else version


def hardware(device: torch.device, preset: Preset) -> str:
    """The device, with its threads or its name, and the precision of the convolutions."""
    convolutions = f"convolutions in {precision.of(preset, device)}"
    if device.type == "cuda":
        return f"one {torch.cuda.get_device_name(device)}, {convolutions}"
    cpu = f"{torch.get_num_threads()} thread(s) of a {os.cpu_count()}-core {platform.machine()} CPU"
    return f"{cpu}{', no GPU' if device.type == 'cpu' else f' with {device}'}, {convolutions}"
