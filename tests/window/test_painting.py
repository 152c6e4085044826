"""The brush, by the mouse on the canvas."""

from collections.abc import Callable
from typing import Any

import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QInputDialog

from helpers.canvas import SHIFT, drag
from helpers.docks import dock_of
from napari_recon_robust.data.roi import Brush
from napari_recon_robust.window import keys
from napari_recon_robust.window.session import Session

Until = Callable[[Callable[[], object]], None]


@pytest.mark.thorough
def test_a_region_is_painted_erased_named_and_copied(seen: Session, qtbot: Any, until: Until, monkeypatch: Any) -> None:
    perturb = dock_of(seen, "Perturb")
    perturb.parent().raise_()
    regions = perturb.regions
    canvas, bench = seen.panels.viewer.window._qt_viewer.canvas.native, seen.bench
    keys.run("panels_5", seen.panels.viewer)
    until(lambda: seen.panels.settled)
    keys.run("brush", seen.panels.viewer)
    assert regions.brush.isChecked()
    keys.run("brush_larger", seen.panels.viewer)
    assert regions.radius.value() == 2.5
    centre, away = canvas.rect().center(), QPoint(60, 0)
    before = seen.panels.viewer.scene.camera.center
    drag(canvas, centre - away, centre + away)
    assert seen.panels.viewer.scene.camera.center == before, "the picture stays"
    (region,) = bench.regions.chosen
    assert isinstance(region.roi.shapes[0], Brush)
    mask = region.roi.mask((96, 96)).numpy()
    height, width = (mask.any(axis).sum() for axis in (1, 0))
    assert 4 <= height <= 6 < width, "a stroke to the right, as wide as the brush"
    assert mask[44:52, 44:52].any(), "where the mouse was"
    front = seen.panels.panels["reference"].regions
    assert "polygon" in [str(kind) for kind in front.shape_type]
    drag(canvas, centre - away, centre, SHIFT)
    assert 0 < bench.regions.roi(1).mask((96, 96)).sum() < mask.sum()
    keys.run("undo", seen.panels.viewer)
    assert bench.regions.roi(1).mask((96, 96)).sum() == mask.sum()
    assert seen.docks[0].foot.message.text() == "Undone: reshaping drawn 1."
    bench.regions.draw(bench.regions.roi(1), 1)
    assert seen.docks[0].foot.message.text() == "", "something else was done since"
    bench.regions.remove(bench.regions.chosen)
    keys.run("undo", seen.panels.viewer)
    keys.run("undo", seen.panels.viewer)
    assert seen.docks[0].foot.message.text().startswith("Undone: drawing")

    keys.run("undo", seen.panels.viewer)
    assert not bench.regions.chosen
    drag(canvas, centre - away, centre + away, busy=True)
    assert bench.regions.roi(1).mask((96, 96)).sum() == mask.sum(), "up to the release, whose move is still to come"
    drag(canvas, centre - away, centre, SHIFT)
    assert 0 < bench.regions.roi(1).mask((96, 96)).sum() < mask.sum(), "that move is none of the next stroke"

    monkeypatch.setattr(QInputDialog, "getText", lambda *_, **__: ("caudate", True))
    qtbot.mouseClick(regions.rename, Qt.MouseButton.LeftButton)
    assert [one.name for one in bench.regions.chosen] == ["caudate"]
    qtbot.mouseClick(regions.copy, Qt.MouseButton.LeftButton)
    until(lambda: bench.acquisition.slice is not None and bench.acquisition.index == 2)
    assert [(one.name, one.slice) for one in bench.regions.chosen] == [("caudate", 2)]
    keys.run("brush", seen.panels.viewer)
    drag(canvas, centre - away, centre + away)
    assert len(bench.regions.on(2)) == 1, "without the brush a drag moves the picture"
