"""The order in which Tab goes through the controls of a page."""

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QHBoxLayout, QLineEdit, QScrollArea, QVBoxLayout, QWidget

from napari_recon_robust.controls.tab_order import TabOrder, controls

Until = Callable[[Callable[[], object]], None]


def field(name: str) -> QLineEdit:
    made = QLineEdit()
    made.setObjectName(name)
    return made


def page() -> tuple[QWidget, QVBoxLayout]:
    """Fields a, b, c and, in a scroll area, d, which were made in another order."""
    body = QWidget()
    column = QVBoxLayout(body)
    scroll, inner = QScrollArea(), QWidget()
    QVBoxLayout(inner).addWidget(field("d"))
    scroll.setWidget(inner)
    row = QHBoxLayout()
    c, b = field("c"), field("b")
    row.addWidget(b)
    row.addWidget(c)
    column.addLayout(row)
    column.addWidget(scroll)
    column.insertWidget(0, field("a"))
    TabOrder(body)
    return body, column


def names(body: QWidget) -> list[str]:
    return [one.objectName() for one in controls(body)]


def test_the_order_is_that_of_the_layouts(qtbot: Any) -> None:
    body, column = page()
    qtbot.addWidget(body)
    column.insertWidget(1, field("new"))
    assert names(body) == ["a", "new", "b", "c", "d"]


def test_tab_follows_it_also_to_a_control_that_came_later(qtbot: Any) -> None:
    body, column = page()
    qtbot.addWidget(body)
    body.show()
    column.insertWidget(1, field("new"))
    qtbot.waitUntil(lambda: body.findChild(QLineEdit, "new").isVisible(), timeout=60_000)
    body.activateWindow()
    qtbot.waitUntil(body.isActiveWindow, timeout=60_000)
    body.findChild(QLineEdit, "a").setFocus()
    reached = []
    for _ in range(4):
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        reached.append(QApplication.focusWidget().objectName())
    assert reached == ["new", "b", "c", "d"]
