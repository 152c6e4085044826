"""A study that somebody else runs."""

import json
from pathlib import Path

from napari_recon_robust.ground.machine import machine as this_machine


def held(store: Path, process: int, machine: str = "", number: int = 1) -> Path:
    """Write that a process runs the study of a store, here unless a machine is named; the file that says so."""
    path = store / "runs" / f"{number:06}" / "run.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"host": machine or "here", "machine": machine or this_machine(), "process": process}))
    return path
