"""The Attacks dock: history and queue, by clicks."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtGui import QFontMetrics
from qtpy.QtWidgets import QFileDialog, QStyle, QTableWidget

from napari_recon_robust.cases.record import load_case
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.window import keys
from napari_recon_robust.window.docks.case_pair import PairWindow
from napari_recon_robust.window.session import Session

Until = Callable[[Callable[[], object]], None]


@pytest.fixture
def dock(review: Session, until: Until) -> Any:
    """The dock, opened by its key; random noise is set, and a region on each of two slices."""
    review.bench.regions.draw(ROI.box(30, 40, 12, 12), 0)
    review.bench.regions.draw(ROI.box(62, 46, 10, 12), 1)
    review.bench.perturbing.choose("random")
    keys.run("attacks", review.panels.viewer)
    until(lambda: len(review.docks) == 4)
    return review.docks[-1]


def tick(checks: Any, count: int) -> None:
    """Tick the first `count` that can be."""
    items = [checks.item(number) for number in range(checks.count())]
    for number, item in enumerate(one for one in items if one.data(Qt.ItemDataRole.UserRole) is not None):
        item.setCheckState(Qt.CheckState.Checked if number < count else Qt.CheckState.Unchecked)


def click(qtbot: Any, table: QTableWidget, row: int, modifier: Any = Qt.KeyboardModifier.NoModifier) -> None:
    place: QPoint = table.visualItemRect(table.item(row, 1)).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, modifier, place)


def test_a_queue_fills_the_history_while_everything_else_goes_on(
    dock: Any, review: Session, qtbot: Any, until: Until, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue, history, bench = dock.queue, dock.history, review.bench
    assert not history.empty.isHidden()
    tick(queue.regions, 2)
    queue.budgets.setText("0.5, x")
    qtbot.mouseClick(queue.add, Qt.MouseButton.LeftButton)
    assert "cannot be 0.5, x" in dock.foot.message.text()
    queue.budgets.setText("0.5, 1")
    assert queue.kind.text() == "Random noise, with its options as they are under Perturb: 4 in all"
    qtbot.mouseClick(queue.add, Qt.MouseButton.LeftButton)
    assert review.jobs.free(), "the queue holds nothing up"
    until(lambda: bench.queue.words == "4 of 4 done")
    assert [queue.table.item(row, 1).text() for row in range(4)] == ["done"] * 4
    assert history.table.rowCount() == 4
    method = bench.reconstruction.chosen.label
    assert queue.table.item(3, 0).text() == f"slice 1 · 10×12 · 1% · {method} · Random noise · Lesion"
    assert queue.table.item(3, 0).toolTip() == f"Random noise 1% on {method}, slice 1 · 10×12 · Lesion"
    assert history.table.item(3, 1).text() == f"{method}\n1% · Random noise\nslice 1 · 10×12 · Lesion"
    assert "slice 1 · 10×12 · Lesion" in history.table.item(3, 1).toolTip()
    assert not history.table.wordWrap(), "a long method would push the budget out of its row"
    assert bench.perturbing.result is None, "what is looked at stays"
    qtbot.mouseClick(queue.tidy, Qt.MouseButton.LeftButton)
    assert queue.table.isHidden()

    click(qtbot, history.table, 0)
    until(lambda: bench.perturbing.current is not None)
    until(lambda: review.panels.settled)
    assert review.panels.navigation.slice == 0
    until(lambda: history.table.item(0, 1).font().bold())
    assert not history.table.item(3, 1).font().bold()
    click(qtbot, history.table, 3, Qt.KeyboardModifier.ControlModifier)
    assert bench.acquisition.index == 0, "a second one is chosen, and not shown"
    qtbot.mouseClick(history.compare, Qt.MouseButton.LeftButton)
    until(lambda: dock.history.findChildren(PairWindow))
    dock.history.findChildren(PairWindow)[0].close()

    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "cases"), ""))
    qtbot.mouseClick(history.save, Qt.MouseButton.LeftButton)
    until(lambda: not review.jobs.busy())
    assert {load_case(one).recipe.source["slice"] for one in (tmp_path / "cases").iterdir()} == {0, 1}
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "attacks.csv"), ""))
    qtbot.mouseClick(history.export, Qt.MouseButton.LeftButton)
    until((tmp_path / "attacks.csv").exists)
    assert len((tmp_path / "attacks.csv").read_text().splitlines()) == 3


@pytest.mark.thorough
def test_the_attack_that_is_shown_is_bold_once_it_is_kept(
    dock: Any, review: Session, qtbot: Any, until: Until, may_read: Event
) -> None:
    """The review is kept by itself while its slice is read: the entry says then where its images lie."""
    queue, table, history = dock.queue, dock.history.table, review.bench.history
    tick(queue.regions, 1)
    queue.budgets.setText("1")
    may_read.set()
    qtbot.mouseClick(queue.add, Qt.MouseButton.LeftButton)
    until(lambda: review.bench.queue.words == "1 of 1 done")
    result = history.entries[0].images
    assert result.slice != review.bench.acquisition.index
    until(lambda: history.entries[0].disk is not None and not review.jobs.working)
    may_read.clear()
    click(qtbot, table, 0)
    assert history.current is None
    history.note(result, history.entries[0].disk)
    may_read.set()
    until(lambda: history.current is not None)
    assert table.item(0, 1).font().bold()


@pytest.mark.thorough
def test_cancelling_stops_the_one_that_runs_and_those_behind_it(
    dock: Any, review: Session, qtbot: Any, until: Until
) -> None:
    queue, bench = dock.queue, review.bench
    bench.perturbing.choose("worst-case", steps=200)
    tick(queue.regions, 1)
    queue.budgets.setText("0.5, 1, 2")
    qtbot.mouseClick(queue.add, Qt.MouseButton.LeftButton)
    until(lambda: bench.queue.running is not None and bench.queue.running.fraction > 0)
    first, second, third = bench.queue.orders
    qtbot.mouseClick(queue.cancel, Qt.MouseButton.LeftButton)
    assert first.state == "cancelled"
    until(lambda: second.state == "running")
    click(qtbot, queue.table, 0)
    qtbot.mouseClick(queue.cancel, Qt.MouseButton.LeftButton)
    assert second.state == "running", "the chosen one has ended"
    qtbot.mouseClick(queue.cancel_all, Qt.MouseButton.LeftButton)
    assert [one.state for one in (second, third)] == ["cancelled", "cancelled"]
    until(lambda: not review.jobs.working)
    assert bench.history.entries == []


@pytest.mark.thorough
def test_the_names_of_attacks_are_read_in_the_history_of_a_dock_of_its_usual_width(
    dock: Any, review: Session, qtbot: Any, until: Until
) -> None:
    """An annotation of fastMRI+, the longest method, and the longest perturbation with a budget, on one attack."""
    queue, history, bench = dock.queue, dock.history, review.bench
    tick(queue.regions, 1)
    queue.budgets.setText("1")
    qtbot.mouseClick(queue.add, Qt.MouseButton.LeftButton)
    until(lambda: bench.history.entries)
    long = replace(
        bench.history.entries[0],
        method=max((registry.get(id).label for id in registry.ids()), key=len),
        perturbation="Worst-case noise",
        region="Nonspecific lesion",
    )
    bench.history.entries[:] = [long]
    history.show_entries()
    dock.window().resize(1280, 800)
    dock.window().show()
    dock.parent().raise_()
    until(history.table.isVisible)
    table, letters = history.table, QFontMetrics(history.table.font())
    margins = 2 * (table.style().pixelMetric(QStyle.PixelMetric.PM_FocusFrameHMargin) + 1)
    for place in range(table.columnCount()):
        lines = table.item(0, place).text().splitlines()
        assert max(letters.horizontalAdvance(line) for line in lines) <= table.columnWidth(place) - margins
        assert letters.lineSpacing() * len(lines) <= table.rowHeight(0)
