"""The wheel over the controls of a page."""

from typing import Any

import pytest
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import QApplication, QComboBox, QScrollArea, QSlider, QSpinBox, QVBoxLayout, QWidget

from napari_recon_robust.controls.wheel import WheelGuard


def turn_wheel(control: QWidget) -> None:
    """To the control, and from there to what it lies in until it is accepted, as Qt hands on those of the system."""
    widget: QWidget | None = control
    while widget is not None:
        place = QPointF(widget.rect().center())
        nothing = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase
        event = QWheelEvent(place, widget.mapToGlobal(place), QPoint(), QPoint(0, -120), *nothing, False)
        if QApplication.sendEvent(widget, event) and event.isAccepted():
            return
        widget = widget.parentWidget()


def made(kind: type[QWidget]) -> Any:
    control: Any = kind()
    if isinstance(control, QComboBox):
        control.addItems(["a", "b", "c"])
        control.value = control.currentIndex
    else:
        control.setValue(50)
    control.setFocusPolicy(Qt.FocusPolicy.WheelFocus)
    return control


@pytest.fixture
def page(qtbot: Any) -> QScrollArea:
    area = QScrollArea()
    area.setWidgetResizable(True)
    body = QWidget()
    column = QVBoxLayout(body)
    inner = QWidget()
    QVBoxLayout(inner).addWidget(QWidget())
    column.addWidget(inner)
    column.addSpacing(2000)
    area.setWidget(body)
    WheelGuard(body)
    qtbot.addWidget(area)
    with qtbot.waitExposed(area, timeout=60_000):
        area.show()
    area.activateWindow()
    qtbot.waitUntil(area.isActiveWindow, timeout=60_000)
    return area


@pytest.mark.parametrize("kind", [QComboBox, QSpinBox, QSlider])
def test_a_control_that_comes_later_leaves_the_wheel_to_the_page_until_it_is_focused(
    page: QScrollArea, qtbot: Any, kind: type[QWidget]
) -> None:
    control = made(kind)
    page.widget().layout().itemAt(0).widget().layout().addWidget(control)
    qtbot.waitUntil(lambda: control.focusPolicy() == Qt.FocusPolicy.StrongFocus, timeout=60_000)
    before = control.value()
    turn_wheel(control)
    assert control.value() == before
    assert page.verticalScrollBar().value() > 0, "the page scrolls instead"
    assert not control.hasFocus()
    control.setFocus()
    qtbot.waitUntil(control.hasFocus, timeout=60_000)
    turn_wheel(control)
    assert control.value() != before
