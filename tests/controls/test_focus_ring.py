"""The frame about the control that the keyboard has led to."""

from collections.abc import Iterator
from typing import Any

import pytest
from qtpy.QtCore import QPoint, QRect, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QHBoxLayout, QPushButton, QScrollArea, QVBoxLayout, QWidget

from napari_recon_robust.controls.focus_ring import FocusRing


@pytest.fixture
def page(qtbot: Any) -> Iterator[QWidget]:
    """Buttons a and b and, in a scroll area that is lower than they are, c to f; `outside` stands beside the page."""
    window, page, inner = QWidget(), QWidget(), QWidget()
    column, inside = QVBoxLayout(page), QVBoxLayout(inner)
    for name in "ab":
        column.addWidget(QPushButton(name, objectName=name))
    for name in "cdef":
        inside.addWidget(QPushButton(name, objectName=name))
    scroll = QScrollArea(objectName="scroll")
    scroll.setFixedHeight(60)
    scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    scroll.setWidget(inner)
    column.addWidget(scroll)
    row = QHBoxLayout(window)
    row.addWidget(page)
    row.addWidget(QPushButton("outside", objectName="outside"))
    qtbot.addWidget(window)
    page.ring = FocusRing(page)
    window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow, timeout=60_000)
    named(page, "a").setFocus(Qt.FocusReason.OtherFocusReason)
    yield page
    window.close()


def named(page: QWidget, name: str) -> Any:
    return page.window().findChild(QWidget, name)


def place(page: QWidget, name: str) -> QRect:
    control = named(page, name)
    return QRect(control.mapTo(page, QPoint()), control.size())


def test_tab_frames_the_control_that_it_leads_to(page: Any) -> None:
    before = page.grab().toImage()
    QTest.keyClick(named(page, "a"), Qt.Key.Key_Tab)
    assert page.ring.control is named(page, "b")
    assert page.ring.geometry().contains(place(page, "b"))
    after, at = page.grab().toImage(), place(page, "b")
    middle = at.center().y()
    letters = page.palette().windowText().color()
    assert before.pixelColor(at.left() - 1, middle) != after.pixelColor(at.left() - 1, middle)
    assert after.pixelColor(at.left() - 1, middle) == letters


def test_no_frame_at_first_nor_outside_of_the_page(page: Any) -> None:
    assert page.ring.control is None
    for _ in range(6):
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
    assert QApplication.focusWidget() is named(page, "outside")
    assert page.ring.control is None


def test_a_click_leaves_no_frame(page: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    QTest.keyClick(named(page, "a"), Qt.Key.Key_Tab)
    monkeypatch.setattr(QApplication, "mouseButtons", lambda: Qt.MouseButton.LeftButton)
    named(page, "a").setFocus(Qt.FocusReason.MouseFocusReason)
    assert page.ring.control is None


def test_it_goes_on_with_the_focus_of_a_control_that_is_switched_off(page: Any) -> None:
    QTest.keyClick(named(page, "a"), Qt.Key.Key_Tab)
    named(page, "b").setEnabled(False)
    assert page.ring.control is QApplication.focusWidget() is named(page, "c")


def test_none_where_qt_passes_the_focus_on_by_itself(page: Any) -> None:
    named(page, "a").setEnabled(False)
    assert QApplication.focusWidget() is named(page, "b")
    assert page.ring.control is None


def test_it_moves_along_and_ends_where_what_is_scrolled_ends(page: Any) -> None:
    scroll = named(page, "scroll")
    named(page, "b").setFocus()
    QTest.keyClick(named(page, "b"), Qt.Key.Key_Tab)
    before = page.ring.geometry()
    scroll.verticalScrollBar().setValue(4)
    assert page.ring.geometry().top() < before.top() or page.ring.geometry().height() < before.height()
    area = scroll.viewport()
    seen = QRect(area.mapTo(page, QPoint()), area.size())
    assert seen.contains(page.ring.geometry())
    page.layout().setContentsMargins(40, 0, 0, 0)
    QApplication.processEvents()
    assert page.ring.geometry().left() >= 38


def test_it_goes_with_its_control_and_its_window(page: Any) -> None:
    QTest.keyClick(named(page, "a"), Qt.Key.Key_Tab)
    page.ring.follow(named(page, "b"), None)
    assert page.ring.control is None
    page.ring.follow(None, named(page, "b"))
    assert page.ring.control is named(page, "b")
    named(page, "b").hide()
    assert page.ring.control is not named(page, "b")


def test_a_control_that_is_deleted_takes_its_frame_along(page: Any) -> None:
    """As where a window is closed, which deletes the controls of a page before the page."""
    QTest.keyClick(named(page, "a"), Qt.Key.Key_Tab)
    control = named(page, "b")
    pytest.importorskip("PyQt6.sip").delete(control)
    page.ring.follow(None, None)
    assert page.ring.control is None
    page.ring.follow(named(page, "a"), named(page, "c"))
    assert page.ring.control is named(page, "c")


def test_it_takes_no_clicks_and_no_focus(page: Any) -> None:
    QTest.keyClick(named(page, "a"), Qt.Key.Key_Tab)
    assert page.childAt(place(page, "b").center()) is named(page, "b")
    assert page.ring.focusPolicy() == Qt.FocusPolicy.NoFocus
