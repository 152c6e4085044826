"""Outlines that are pressed, moved and deleted by napari's own tool."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from qtpy.QtCore import QPoint

from helpers.canvas import NO, SHIFT, drag
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.window import keys
from napari_recon_robust.window.session import Session

Until = Callable[[Callable[[], object]], None]
BOX = ROI.box(42, 42, 12, 12)  # in the middle of the image
ROUND = ROI.ellipse(47.5, 63.5, 5, 5)  # 16 pixels to the right
BOTH = ROI(shapes=(*BOX.shapes, *ROUND.shapes))


class Hand:
    """napari's tool to select and move, on the one panel of a review; places are pixels to the right of its middle."""

    def __init__(self, session: Session) -> None:
        self.viewer, self.layer = session.panels.viewer, session.panels.panels["reference"].regions
        self.canvas: Any = self.viewer.window._qt_viewer.canvas.native
        self.pixel = self.viewer.scene.camera.zoom * self.layer.scale[2]

    def take(self) -> None:
        """Take the tool."""
        self.viewer.layers.selection.active = self.layer
        self.layer.mode = "select"

    def is_done(self) -> bool:
        """Whether what was done to the outlines was taken over."""
        return str(self.layer.mode) == "pan_zoom"

    def drag(self, start: float, end: float, shift: bool = False) -> None:
        """Press at a place and let go at another."""
        centre = self.canvas.rect().center()
        places = [centre + QPoint(round(place * self.pixel), 0) for place in (start, end)]
        drag(self.canvas, *places, SHIFT if shift else NO)


@pytest.fixture
def hand(seen: Session, until: Until) -> Hand:
    """The hand over the reference alone."""
    keys.run("panels_5", seen.panels.viewer)
    until(lambda: seen.panels.settled)
    hand = Hand(seen)
    hand.take()
    return hand


def test_a_press_on_an_outline_changes_nothing(seen: Session, hand: Hand) -> None:
    region = seen.bench.regions.draw(BOTH, 1)
    steps = seen.bench.undoing.undone_next
    hand.drag(16, 16)
    assert hand.layer.selected_data == {2}, "after the lesion of the scan and the box"
    assert seen.bench.regions.chosen == (region,)
    assert seen.bench.undoing.undone_next == steps
    assert hand.layer.mode == "select", "the tool stays in hand"


@pytest.mark.thorough
def test_one_outline_of_a_region_is_moved_and_deleted_and_the_region_keeps_the_others(
    seen: Session, hand: Hand, until: Until
) -> None:
    regions = seen.bench.regions
    regions.rename(regions.draw(BOTH, 1), "tumour")
    hand.drag(0, -8)
    until(hand.is_done)
    (moved,) = regions.chosen
    assert moved.roi == ROI(shapes=(*ROI.box(42, 34, 12, 12).shapes, *ROUND.shapes), label="tumour")
    hand.take()
    hand.drag(16, 16)
    hand.layer.remove_selected()
    until(hand.is_done)
    (left,) = regions.chosen
    assert left.roi == ROI.box(42, 34, 12, 12, label="tumour")
    hand.take()
    hand.drag(-8, -8)
    hand.layer.remove_selected()
    until(hand.is_done)
    assert not regions.chosen


@pytest.mark.thorough
def test_outlines_that_are_moved_together_are_one_step(seen: Session, hand: Hand, until: Until) -> None:
    regions = seen.bench.regions
    before = [regions.draw(BOX, 1), regions.draw(ROUND, 1)]
    hand.drag(0, 0)
    hand.drag(16, 16, shift=True)
    hand.drag(16, 24)
    until(hand.is_done)
    assert not set(before) & set(regions.all)
    assert seen.bench.undoing.undone_next == "reshaping 2 regions"
    seen.bench.undoing.undo()
    assert set(before) <= set(regions.all)


@pytest.mark.thorough
def test_undo_right_after_a_deletion_brings_back_what_was_deleted(seen: Session, hand: Hand, until: Until) -> None:
    regions = seen.bench.regions
    box, around = regions.draw(BOX, 1), regions.draw(ROUND, 1)
    hand.drag(0, 0)
    hand.layer.remove_selected()
    keys.run("undo", seen.panels.viewer)  # before the deletion has come to its turn
    until(hand.is_done)
    until(lambda: box in regions.all)
    assert around in regions.all
    assert seen.bench.undoing.redone_next.startswith("deleting")


@pytest.mark.thorough
def test_what_is_drawn_on_the_slice_before_is_no_region_of_the_next(
    seen: Session, hand: Hand, until: Until, may_read: threading.Event
) -> None:
    bench, panels = seen.bench, seen.panels
    before, said = list(bench.regions.all), list[str]()
    seen.jobs.failed.connect(said.append)
    panels.navigation.go_to(2)
    until(lambda: bench.acquisition.index == 2)
    panels.drawing.begin("rectangle")
    hand.drag(-10, 10)
    until(lambda: said)
    assert panels.drawing.tool == "rectangle", "it stays in hand"
    assert hand.layer.nshapes == len(before)
    for take in ("brush", "distance"):
        keys.run(take, panels.viewer)
        hand.drag(-10, 10)
    assert said == ["This is slice 1; draw when slice 2 is seen."] * 3
    assert bench.regions.all == before
    assert not bench.ruling.drawn
    may_read.set()
    until(lambda: bench.acquisition.slice is not None)
    hand.drag(-10, 10)
    assert [one.slice for one in bench.ruling.drawn] == [2]
