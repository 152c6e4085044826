"""A review without Qt, and what its tests keep to themselves."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from helpers.plans import PLAN
from napari_recon_robust.workbench import Workbench


@pytest.fixture(autouse=True)
def _kept_elsewhere(kept: Path) -> None:
    pass


@pytest.fixture
def bench(scan_file: Path) -> Iterator[Workbench]:
    """Slice 1 of the small head is measured, 4x undersampled; the method is one that needs no compiling."""
    bench = Workbench()
    bench.acquisition.open(scan_file).run()
    bench.acquisition.measure(1).run()
    bench.reconstruction.choose("cg-sense")
    yield bench
    bench.acquisition.close()


@pytest.fixture
def no_gradients() -> Iterator[None]:
    """The window's jobs run without gradients, too."""
    with torch.no_grad():
        yield


@pytest.fixture
def plan(tmp_path: Path, scan_file: Path) -> Path:
    """A plan of a small study beside its scan."""
    for file in (scan_file, scan_file.with_suffix(".csv")):
        shutil.copy(file, tmp_path / file.name)
    path = tmp_path / "plan.yaml"
    path.write_text(PLAN, encoding="utf-8")
    return path
