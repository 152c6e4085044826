"""A plan of quick trials on the small head, and a finished study of two methods."""

import shutil
from pathlib import Path

import pytest
import yaml

from napari_recon_robust.ground.progress import run
from napari_recon_robust.studies.executors import inline
from napari_recon_robust.studies.running import run_study


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, scan_file: Path) -> Path:
    """Its plan; the results are in `plan.results` beside it."""
    folder = tmp_path_factory.mktemp("study")
    for file in (scan_file, scan_file.with_suffix(".csv")):
        shutil.copy(file, folder / file.name)
    plan = folder / "plan.yaml"
    parts = {
        "study": "small",
        "scans": "*.h5",
        "slices": [1],
        "regions": [{"kind": "annotations"}],
        "masks": [{"acceleration": [2, 3], "centre_fraction": 0.2}],
        "methods": ["zero-filled", "cg-sense"],
        "perturbations": ["none", {"kind": "random", "budgets": [0.01, 0.05]}],
        "metrics": ["ssim", "nmse", "contrast_recovery", "detectability"],
    }
    plan.write_text(yaml.safe_dump(parts, sort_keys=False), encoding="utf-8")
    run(run_study(plan, executor=inline.run))
    return plan


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
