"""The statistics of the regions in the Compare dock, by clicks."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog

from helpers.docks import dock_of
from napari_recon_robust.window.session import Session

Until = Callable[[Callable[[], object]], None]


@pytest.mark.thorough
def test_regions_are_measured_and_exported(
    review: Session, qtbot: Any, until: Until, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = dock_of(review, "Compare").statistics
    assert box.table.isHidden()
    assert not box.export.isEnabled()
    qtbot.mouseClick(box.measure, Qt.MouseButton.LeftButton)
    until(lambda: review.bench.measuring.found)
    assert box.table.item(0, 0).text() == "1 Lesion"
    assert box.table.item(1, 0).text().endswith(" mm²")
    cells = [[box.table.item(row, column).text() for column in range(4)] for row in (2, 3)]
    assert [line[0] for line in cells] == ["reference", "clean"]
    assert all(float(line[2]) > 1 for line in cells)
    assert not box.formulas.isHidden()
    path = tmp_path / "regions.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    qtbot.mouseClick(box.export, Qt.MouseButton.LeftButton)
    until(path.exists)
    with path.open() as file:
        assert [line["region"] for line in csv.DictReader(file)] == ["1 Lesion"] * 2
    review.bench.regions.choose(review.bench.regions.on(1))
    assert not box.table.isHidden(), "the same regions are measured"
    review.bench.regions.rename(review.bench.regions.on(1)[0], "another name")
    assert box.table.isHidden()
