"""Plans of a few quick trials on a small scan."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

WritePlan = Callable[..., Path]


def plans(folder: Path, scan_file: Path) -> WritePlan:
    """Write plans into a folder, on the small head, `head.h5` with its annotation beside it."""
    for file in (scan_file, scan_file.with_suffix(".csv")):
        shutil.copy(file, folder / file.name)

    def write(name: str = "plan.yaml", **parts: Any) -> Path:
        values: dict[str, Any] = {
            "study": "small",
            "scans": "head.h5",
            "slices": [1],
            "regions": [{"kind": "annotations"}],
            "masks": [{"acceleration": 2, "centre_fraction": 0.2}],
            "methods": ["zero-filled"],
            "perturbations": ["none", {"kind": "random", "budgets": [0.01, 0.05]}],
        }
        path = folder / name
        path.write_text(yaml.safe_dump(values | parts, sort_keys=False), encoding="utf-8")
        return path

    return write


@pytest.fixture
def write_plan(tmp_path: Path, scan_file: Path) -> WritePlan:
    """Write a plan into the test's folder; the keywords are parts of the plan."""
    return plans(tmp_path, scan_file)


@pytest.fixture(scope="module")
def write_shared_plan(tmp_path_factory: pytest.TempPathFactory, scan_file: Path) -> WritePlan:
    """Likewise into a folder of the module's, for a study that several of its tests compare with."""
    return plans(tmp_path_factory.mktemp("studies"), scan_file)
