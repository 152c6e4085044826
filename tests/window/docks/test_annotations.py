"""Annotations opened where the regions are, with jumps to their slices."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QFileDialog

from helpers.docks import dock_of
from napari_recon_robust.window.session import Session

Until = Callable[[Callable[[], object]], None]
HEAD = "file,slice,study_level,x,y,width,height,label\n"


def dock(session: Session) -> Any:
    return dock_of(session, "Perturb")


@pytest.fixture
def opened(review: Session, until: Until, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: Any) -> Any:
    """The Perturb dock after a table was chosen with its button: two boxes on slice 2, two on slices that are not."""
    table = tmp_path / "knee.csv"
    rows = [f"head,{slice},No,40,{20 + slice},8,6,Cyst\n" for slice in (2, 2, 7, 9)]
    table.write_text(HEAD + rows[0] + rows[1].replace("40", "50") + "".join(rows[2:]), encoding="utf-8")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *arguments: (str(table), ""))
    page = dock(review)
    page.window().show()
    page.parent().raise_()
    until(page.isVisible)
    qtbot.mouseClick(page.regions.annotations.open_button, Qt.MouseButton.LeftButton)
    until(lambda: len(review.bench.regions.all) == 3 and not review.jobs.busy())
    return page


@pytest.mark.thorough
def test_boxes_on_slices_that_the_scan_does_not_have_are_refused(opened: Any, review: Session) -> None:
    said = opened.foot.message.text()
    assert said == (
        "2 boxes are on slice 7, 9 and left out, since this scan has slices 0 to 2; "
        "check whether the table belongs to it."
    )
    assert opened.regions.annotations.refused.text() == said
    assert review.panels.viewer.dims.range[0].stop / review.panels.viewer.dims.range[0].step == 2


@pytest.mark.thorough
def test_the_slices_with_regions_are_counted_and_one_click_away(
    opened: Any, review: Session, until: Until, qtbot: Any
) -> None:
    label = opened.regions.annotations.slices
    assert "<b>1</b> (1)" in label.text()
    assert ">2</a> (2)" in label.text()
    for across in range(0, label.width(), 3):  # a real click: the link is where its digit is
        qtbot.mouseClick(label, Qt.MouseButton.LeftButton, pos=QPoint(across, label.height() // 2))
        if review.panels.navigation.slice == 2:
            break
    until(lambda: review.bench.acquisition.slice is not None and review.bench.acquisition.slice.index == 2)
    assert [opened.regions.list.item(row).text() for row in range(opened.regions.list.count())] == [
        "Cyst, 6×8 px = 12.5×16.7 mm",
        "Cyst, 6×8 px = 12.5×16.7 mm",
    ]


@pytest.mark.thorough
def test_the_list_of_the_whole_scan_goes_to_the_slice_of_a_region(
    opened: Any, review: Session, until: Until, qtbot: Any
) -> None:
    listed, acquisition = opened.regions.list, review.bench.acquisition
    opened.regions.every.setChecked(True)
    texts = [listed.item(row).text() for row in range(listed.count())]
    assert [text.partition(":")[0] for text in texts] == ["Slice 1", "Slice 2", "Slice 2"]
    place = listed.visualItemRect(listed.item(2)).center()
    qtbot.mouseClick(listed.viewport(), Qt.MouseButton.LeftButton, pos=place)
    until(lambda: acquisition.slice is not None and acquisition.index == 2)
    assert review.bench.regions.chosen == (review.bench.regions.in_order[2],)
    assert [item.text() for item in listed.selectedItems()] == [texts[2]]
    review.looking.region_view.step(1)
    until(lambda: acquisition.slice is not None and acquisition.index == 1)
    assert [item.text() for item in listed.selectedItems()] == [texts[0]]


@pytest.mark.thorough
def test_the_region_view_goes_along_with_a_region_on_another_slice(opened: Any, review: Session, until: Until) -> None:
    camera, regions = review.panels.viewer.scene.camera, review.bench.regions
    regions.choose(regions.on(1))
    review.looking.region_view.toggle()
    before = tuple(camera.center)
    review.looking.region_view.step(1)
    until(lambda: review.bench.acquisition.slice is not None and review.bench.acquisition.index == 2)
    assert tuple(camera.center) != before
    seen = tuple(camera.center)
    camera.center = (seen[0], seen[1] + 3, seen[2])
    review.measure()
    until(lambda: not review.jobs.busy("measure"))
    assert camera.center[1] == seen[1] + 3, "the view of the same slice is the user's"


@pytest.mark.thorough
def test_an_empty_list_says_how_it_is_filled(review: Session, until: Until) -> None:
    page = dock(review)
    page.window().show()
    page.parent().raise_()
    until(page.isVisible)
    with_an_entry = page.regions.list.viewport().grab().toImage()
    review.bench.regions.remove(review.bench.regions.all)
    assert page.regions.list.count() == 0
    assert "open annotations" in page.regions.list.hint
    shown = page.regions.list.viewport().grab().toImage()
    page.regions.list.hint = ""
    assert shown != page.regions.list.viewport().grab().toImage()
    assert shown != with_an_entry
