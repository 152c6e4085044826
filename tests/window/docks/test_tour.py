"""The tour in the real window, from the first click to the last."""

from collections.abc import Callable
from typing import Any

import pytest
from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QPoint, QPointF, QRect, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QApplication

from helpers.docks import dock_of
from napari_recon_robust.window.docks.tour import Tour
from napari_recon_robust.window.session import PLUGIN, Session

Until = Callable[[Callable[[], object]], None]


def seen_of(widget: Any) -> QRect:
    """Where the image is in the window of a control."""
    canvas = widget.window()._qt_viewer.canvas.native
    return QRect(canvas.mapTo(widget.window(), QPoint(0, 0)), canvas.size())


def points_at(tour: Tour, widget: Any) -> bool:
    """Whether the frame is around a control, and the box beside it and not over it."""
    assert tour.box is not None
    assert tour.pointer is not None
    corner = widget.mapTo(widget.window(), QPoint(0, 0))
    around = tour.pointer.geometry()
    return bool(
        around.contains(corner)
        and not tour.box.geometry().intersects(around)
        and not tour.box.geometry().intersects(seen_of(widget))
        and widget.window().rect().contains(tour.box.geometry())
    )


def drag(qtbot: Any, box: Any, by: QPoint) -> None:
    at, left = box.title.geometry().center(), Qt.MouseButton.LeftButton
    qtbot.mousePress(box, left, pos=at)
    to = QPointF(at + by)
    there = QPointF(box.mapToGlobal(at + by))
    QApplication.sendEvent(
        box,
        QMouseEvent(QEvent.Type.MouseMove, to, there, Qt.MouseButton.NoButton, left, Qt.KeyboardModifier.NoModifier),
    )
    qtbot.mouseRelease(box, left)


def test_it_points_at_what_is_to_be_done_and_goes_on(seen: Session, qtbot: Any, until: Until) -> None:
    tour, bench = Tour.of(seen), seen.bench
    pages = {one.title: one for one in seen.docks}
    help_menu = seen.panels.viewer.window.help_menu
    entry = next(one for one in help_menu.actions() if one.text().startswith("Recon Robust"))
    entry.trigger()
    until(lambda: points_at(tour, pages["Reconstruct"].method))
    assert "2 of 5" in tour.box.title.text(), "a scan is open"
    place = tour.box.pos()
    drag(qtbot, tour.box, QPoint(-400, 20))
    assert tour.box.pos() == place + QPoint(-400, 20)
    qtbot.wait(300)
    assert tour.box.pos() == place + QPoint(-400, 20), "it stays where it was put"
    seen.knob_turning.turn({"weight": 0.02})
    until(lambda: points_at(tour, pages["Perturb"].regions))
    bench.regions.choose(bench.regions.on(1))
    until(lambda: points_at(tour, pages["Perturb"].kind.run))
    bench.perturbing.choose("random")
    qtbot.mouseClick(pages["Perturb"].kind.run, Qt.MouseButton.LeftButton)
    until(lambda: bench.perturbing.current is not None)
    until(lambda: points_at(tour, pages["Compare"].tour_stops["flicker"]))
    seen.look(flicker=True)
    seen.look(flicker=False)
    assert tour.box is None
    assert bench.touring.stop is None


@pytest.fixture
def empty(viewer: Any, until: Until) -> Session:
    session = Session.of(viewer)
    viewer.window.add_plugin_dock_widget(PLUGIN, "Reconstruct", tabify=True)
    until(lambda: len(session.docks) == 3)
    session.docks[0].window().show()
    return session


def test_it_is_left_at_any_time(empty: Session, qtbot: Any, until: Until) -> None:
    tour, page = Tour.of(empty), dock_of(empty, "Reconstruct")
    until(page.opening.tour_button.isVisible)
    qtbot.mouseClick(page.opening.tour_button, Qt.MouseButton.LeftButton)
    until(lambda: points_at(tour, page.opening.sample_button))
    until(
        lambda: tour.box.words.height() >= tour.box.words.heightForWidth(tour.box.words.width())
    )  # nothing is cut off
    qtbot.mouseClick(tour.box.leave, Qt.MouseButton.LeftButton)
    assert tour.box is None
    empty.asked_tour.emit()
    assert tour.box is not None
    for dock in list(empty.docks):
        empty.leave(dock)
    assert tour.box is None, "nothing is left of it with the docks"


def test_it_outlives_the_dock_that_it_points_into(empty: Session, qtbot: Any, until: Until) -> None:
    """A dock that is closed right after a step has come was asked to scroll to the control once more."""
    tour, page = Tour.of(empty), dock_of(empty, "Reconstruct")
    until(page.opening.tour_button.isVisible)
    qtbot.mouseClick(page.opening.tour_button, Qt.MouseButton.LeftButton)
    until(lambda: points_at(tour, page.opening.sample_button))
    empty.panels.viewer.window.remove_dock_widget(page)
    until(lambda: not isalive(page))
    tour._settling = 1
    tour.place()
    assert tour.box.isVisible()
