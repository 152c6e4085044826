"""The dock feature of ARCHITECTURE.md works in a dock."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from helpers.architecture import importable
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.window.docks.compare import CompareDock


@pytest.mark.thorough
def test_the_line_follows_the_region_and_the_image(
    review: Any, tmp_path: Path, until: Callable[[Callable[[], object]], None]
) -> None:
    (dock,) = (dock for dock in review.docks if isinstance(dock, CompareDock))
    with importable(tmp_path):
        line = import_module("region_mean_line").RegionMeanLine(dock)
    dock.column.addWidget(line)
    assert line.line.isHidden()
    bench = review.bench
    region = ROI.box(40, 40, 12, 10)
    bench.regions.draw(region, bench.acquisition.index)
    shown = bench.reconstruction.shown.image
    assert line.line.text() == f"Mean of the region: {shown[40:52, 40:50].mean():.3g}."
    bench.reconstruction.choose("zero-filled")
    until(lambda: bench.reconstruction.shown is not None and bench.reconstruction.shown.method.id == "zero-filled")
    shown = bench.reconstruction.shown.image
    assert line.line.text() == f"Mean of the region: {shown[40:52, 40:50].mean():.3g}."
