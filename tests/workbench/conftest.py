"""A review without Qt, and what its tests keep to themselves."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

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
