"""Folders of saved cases, made of a few that are computed once."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from napari_recon_robust.cases import record

GOLDEN = Path(__file__).parents[1] / "golden" / "inputs" / "cases"


def copied(folder: Path, *names: str) -> Path:
    """Some of the frozen cases (18 × 22 pixels, 2 coils) in a folder of their own; all unless they are named."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names or sorted(path.name for path in GOLDEN.iterdir()):
        shutil.copytree(GOLDEN / name, folder / name)
    return folder


def changed(case: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """A case whose description is another one, sealed again."""
    description = record.read_description(case)
    del description["seal"]
    change(description)
    description["seal"] = record._seal(description)
    (case / record.DESCRIPTION).write_text(json.dumps(description), encoding="utf-8")
    return case
