"""The ring, the jump to it and the turns, by their keys."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_recon_robust.data.orientation import Turn
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.window.session import Session

Until = Callable[[Callable[[], object]], None]


@pytest.fixture
def attacked(seen: Session, until: Until) -> Session:
    bench = seen.bench
    bench.regions.draw(ROI.box(62, 48, 10, 12), bench.acquisition.index)
    bench.perturbing.choose("worst-case", steps=1)
    seen.attempt(bench.perturbing.run)
    until(lambda: bench.perturbing.current is not None and not seen.jobs.working and seen.panels.settled)
    return seen


def press(review: Session, qtbot: Any, key: str) -> None:
    widget = review.panels.viewer.window._qt_viewer.canvas.native
    widget.setFocus()
    qtbot.keyClick(widget, getattr(Qt.Key, f"Key_{key}"))
    qtbot.wait(30)


@pytest.mark.thorough
def test_what_was_attacked_is_seen_and_found_by_keys(attacked: Session, qtbot: Any, until: Until) -> None:
    panels = attacked.panels
    marks = [panel.marks for panel in panels.panels.values()]
    assert all(layer.visible and len(layer.data) == 3 for layer in marks)
    assert panels.panels["perturbed"].title.endswith(" · attacked")
    done, values = attacked.readout.done, attacked.readout.values
    values.clear()
    attacked.readout.show_done()
    assert done.text() == "Attacked region, 10×12 px = 20.8×25 mm · between the grey lines: its surroundings"
    assert "contrast and CNR" in done.toolTip()
    values.setText("W" * 40)
    attacked.readout.show_done()
    assert done.text() == "Attacked region, 10×12 px = 20.8×25 mm", "the values go first"
    assert "\n" not in panels.panels["clean"].title
    press(attacked, qtbot, "R")
    until(lambda: not any(layer.visible for layer in marks))
    press(attacked, qtbot, "R")
    until(lambda: all(layer.visible for layer in marks))

    camera, zoom = panels.viewer.scene.camera, panels.viewer.scene.camera.zoom
    where = panels.panels["clean"].image.data_to_world((1, 66.5, 53.5))[1:]
    camera.center = (0.0, 0.0, 0.0)
    press(attacked, qtbot, "X")
    np.testing.assert_allclose(camera.center[1:], where, atol=1e-6)
    assert camera.zoom > zoom
    # from another slice, on which there is no result
    panels.viewer.dims.set_current_step(0, 0)
    until(lambda: attacked.bench.acquisition.slice is not None and attacked.bench.acquisition.index == 0)
    assert [len(layer.data) for layer in marks] == [0] * 4
    press(attacked, qtbot, "X")
    until(lambda: attacked.bench.perturbing.current is not None and not attacked.jobs.working)
    assert panels.navigation.slice == 1
    assert [len(layer.data) for layer in marks] == [3] * 4
    # with another region, which is on another slice, the result comes back too
    regions = attacked.bench.regions
    regions.draw(ROI.box(20, 20, 8, 8), 0)
    panels.viewer.dims.set_current_step(0, 0)
    until(lambda: attacked.bench.acquisition.slice is not None and attacked.bench.acquisition.index == 0)
    until(lambda: not attacked.jobs.working)
    assert attacked.bench.perturbing.current is None
    press(attacked, qtbot, "X")
    until(lambda: attacked.bench.perturbing.current is not None and not attacked.jobs.working)
    assert panels.navigation.slice == 1
    assert regions.chosen_on(1) is not None
    assert [len(layer.data) for layer in marks] == [3] * 4


@pytest.mark.thorough
def test_turns_are_marked_and_change_no_data(attacked: Session, qtbot: Any) -> None:
    panels, readout = attacked.panels, attacked.readout
    before = {key: panel.image.data.copy() for key, panel in panels.panels.items()}
    assert readout.turned.text() == ""
    for key, words in (("T", "Turned 90°"), ("M", "Turned 90°, mirrored"), ("V", "Turned 270°")):
        press(attacked, qtbot, key)
        assert readout.turned.text() == words
    assert panels.geometry is not None
    assert panels.geometry.turn == Turn().turned.mirror.flip
    for key, panel in panels.panels.items():
        np.testing.assert_array_equal(panel.image.data, before[key])
        affines = [np.asarray(layer.affine.affine_matrix) for layer in panel.layers]
        assert all(np.array_equal(one, affines[0]) for one in affines)
    # a region that is drawn on the turned picture lies where it is seen
    front = panels.panels["clean"]
    corners = np.array([[1, 20.0, 30], [1, 20, 40], [1, 26, 40], [1, 26, 30]]) - [0, 0.5, 0.5]
    world = np.array([front.image.data_to_world(corner) for corner in corners])
    front.regions.add_rectangles([[front.regions.world_to_data(one) for one in world]])
    qtbot.waitUntil(lambda: len(attacked.bench.regions.on(1)) == 3, timeout=60_000)
    assert attacked.bench.regions.on(1)[-1].roi == ROI.box(20, 30, 6, 10)
