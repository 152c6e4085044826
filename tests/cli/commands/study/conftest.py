"""A plan of quick trials that is run once."""

import shutil
from pathlib import Path

import pytest
import yaml


@pytest.fixture
def plan(tmp_path: Path, scan_file: Path) -> Path:
    """Five trials on the annotated slice of the small head."""
    for file in (scan_file, scan_file.with_suffix(".csv")):
        shutil.copy(file, tmp_path / file.name)
    path = tmp_path / "plan.yaml"
    values = {
        "study": "small",
        "scans": "*.h5",
        "slices": "annotated",
        "regions": [{"kind": "annotations"}],
        "masks": [{"acceleration": 2}],
        "methods": ["zero-filled"],
        "perturbations": ["none", {"kind": "random", "budgets": [0.01, 0.05]}],
    }
    path.write_text(yaml.safe_dump(values))
    return path
