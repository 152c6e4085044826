"""Several methods side by side, by their list, their button and their key."""

import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt

from helpers.docks import dock_of
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground.progress import Job, Progress
from napari_recon_robust.window import commands
from napari_recon_robust.window.docks.lineup import LineupBox
from napari_recon_robust.window.session import Session
from napari_recon_robust.workbench.task import Task

Until = Callable[[Callable[[], object]], None]


def until_set(go: threading.Event) -> Job[None]:
    while not go.is_set():
        yield Progress(0.5, "")
        time.sleep(0.01)


def tick(box: LineupBox, *ids: str) -> None:
    items = [box.methods.item(number) for number in range(box.methods.count())]
    for item in [item for item in items if item.data(Qt.ItemDataRole.UserRole) in ids]:
        item.setCheckState(Qt.CheckState.Checked)


@pytest.mark.thorough
def test_methods_stand_side_by_side_and_go_with_their_result(review: Session, viewer: Any, until: Until) -> None:
    bench, panels = review.bench, review.panels
    compare: Any = dock_of(review, "Compare")
    box, index = compare.lineup, bench.acquisition.index
    assert not box.isEnabled()
    bench.regions.draw(ROI.box(40, 40, 12, 12), index)
    bench.perturbing.choose("worst-case", steps=1)
    review.attempt(bench.perturbing.run)
    until(lambda: bench.perturbing.current is not None and not review.jobs.busy())
    assert box.isEnabled()
    failures: list[str] = []
    review.jobs.failed.connect(failures.append)
    box.show_button.click()
    assert failures == ["1 method ticked; tick 2 to 4 under Several methods in the Compare dock."]
    tick(box, "zero-filled", "hqs")
    box.show_button.click()
    until(lambda: bench.lining_up.settled and panels.settled)
    keys = ("clean 1", "clean 2", "clean 3", "perturbed 1", "perturbed 2", "perturbed 3")
    assert panels.shown == keys
    assert panels.viewer.canvas.grid.shape == (2, 3)
    lineup = bench.lining_up.found
    assert lineup is not None
    for number, entry in enumerate(lineup.entries, start=1):
        assert entry is not None
        seen = entry.outcome.comparison
        np.testing.assert_array_equal(panels.panels[f"clean {number}"].stack[index], seen.clean.numpy())
        np.testing.assert_array_equal(panels.panels[f"perturbed {number}"].stack[index], seen.perturbed.numpy())
        title = panels.panels[f"perturbed {number}"].title
        assert title.startswith(entry.method.label)
        assert "ROI SSIM" in title
        assert ("found on it" if entry.method.id == "cg-sense" else "found on CG-SENSE") in title
    assert len({tuple(panels.panels[key].image.contrast_limits) for key in keys}) == 1
    panels.panels["clean 2"].image.contrast_limits = (0.0, 0.5 * panels.shared_window.limits[1])
    assert len({tuple(panels.panels[key].image.contrast_limits) for key in keys}) == 1, "one window"
    review.look(flicker=True)
    first = lineup.entries[0]
    assert first is not None
    np.testing.assert_array_equal(panels.panels["perturbed 1"].stack[index], first.outcome.comparison.clean.numpy())
    review.look(flicker=False)
    panels.navigation.moved.emit(45, 45)
    assert "HQS, classical" in review.readout.values.text()
    assert review.readout.values.text().count("→") == 3
    commands.lineup(viewer)
    assert panels.shown == ("reference", "clean", "perturbed", "difference")
    commands.lineup(viewer)
    assert panels.shown == keys
    review.looking.toggle_wipe()
    assert panels.shown == ("reference", "clean", "perturbed", "difference"), "two images are wiped, not each method's"
    assert review.scene.comparing.host is not None
    commands.lineup(viewer)
    assert panels.shown == keys
    assert review.scene.view.way is None
    tick(box, "tv")
    go = threading.Event()
    review.jobs.start(Task("Something else", until_set(go), lambda _: None))
    commands.lineup(viewer)
    assert panels.shown == keys, "what is seen stays"
    assert failures[-1].startswith("Several methods has to wait: something else is under way")
    go.set()
    until(lambda: not review.jobs.busy())
    region = bench.regions.chosen
    bench.regions.choose(())
    until(lambda: "reference" in panels.shown)
    bench.regions.choose(region)
    until(lambda: panels.shown == keys)
    review.looking.show_preset("3")
    assert panels.shown == ("reference", "clean", "perturbed")
