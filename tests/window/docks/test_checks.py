"""Lists with check boxes: what is ticked is what is seen."""

from collections.abc import Callable
from typing import Any

import pytest
from qtpy.QtCore import Qt

from napari_recon_robust.data.roi import ROI
from napari_recon_robust.window import keys
from napari_recon_robust.window.docks.checks import MethodChecks, RegionChecks
from napari_recon_robust.window.session import Session

Until = Callable[[Callable[[], object]], None]
pytestmark = pytest.mark.slow


@pytest.fixture
def queue(review: Session, until: Until) -> Any:
    """The queue in front; many regions on slice 0, the last of them chosen, and a method far down the list."""
    for row in range(12):
        review.bench.regions.draw(ROI.box(20 + 2 * row, 40, 8, 9), 0)
    review.bench.reconstruction.choose("zero-filled")
    review.panels.navigation.go_to(0)
    until(lambda: review.bench.acquisition.index == 0 and review.panels.settled)
    review.panels.viewer.window._qt_window.show()
    keys.run("attacks", review.panels.viewer)
    until(lambda: len(review.docks) == 4 and review.docks[-1].isVisible())
    return review.docks[-1].queue


def seen(checks: MethodChecks | RegionChecks) -> bool:
    """Whether the first tick is in sight."""
    items = [checks.item(number) for number in range(checks.count())]
    first = next(one for one in items if one.checkState() == Qt.CheckState.Checked)
    return checks.viewport().rect().contains(checks.visualItemRect(first))


@pytest.mark.thorough
def test_the_lists_begin_with_their_first_tick(queue: Any, review: Session) -> None:
    assert [one.name for one in queue.regions.ticked()] == ["drawn 12"]
    assert seen(queue.regions)
    assert seen(queue.methods)
    last = queue.methods.item(queue.methods.count() - 1).data(Qt.ItemDataRole.UserRole)
    review.bench.reconstruction.choose(last)
    assert queue.methods.ticked() == [last]
    assert seen(queue.methods)


@pytest.mark.thorough
def test_a_region_of_another_slice_is_not_ticked_by_itself(queue: Any, review: Session, until: Until) -> None:
    review.panels.navigation.go_to(1)
    until(lambda: review.bench.acquisition.index == 1 and review.panels.settled)
    assert review.bench.regions.chosen
    assert queue.regions.ticked() == []
    assert queue.kind.text().endswith(": 0 in all")
    review.panels.navigation.go_to(0)
    until(lambda: queue.regions.ticked() == list(review.bench.regions.chosen))
    assert seen(queue.regions)


@pytest.mark.thorough
def test_ticks_of_the_user_stay_on_every_slice_and_in_sight(queue: Any, review: Session, until: Until) -> None:
    checks = queue.regions
    checks.item(0).setCheckState(Qt.CheckState.Checked)
    ticked, place = checks.ticked(), checks.verticalScrollBar().value()
    assert len(ticked) == 2
    assert place > 0
    review.panels.navigation.go_to(1)
    until(lambda: review.bench.acquisition.index == 1 and review.panels.settled)
    review.bench.regions.draw(ROI.box(20, 40, 8, 9), 1)
    assert checks.ticked() == ticked
    assert checks.verticalScrollBar().value() == place


@pytest.mark.thorough
def test_what_the_user_unticked_stays_so_until_its_region_is_gone(queue: Any, review: Session, until: Until) -> None:
    checks, regions = queue.regions, review.bench.regions
    checks.item(11).setCheckState(Qt.CheckState.Unchecked)
    review.panels.navigation.go_to(1)
    until(lambda: review.bench.acquisition.index == 1 and review.panels.settled)
    review.panels.navigation.go_to(0)
    until(lambda: review.bench.acquisition.index == 0 and review.panels.settled)
    assert regions.chosen
    assert checks.ticked() == []
    checks.item(3).setCheckState(Qt.CheckState.Checked)
    regions.remove(checks.ticked())
    assert checks.ticked() == list(regions.chosen)
