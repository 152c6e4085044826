"""What every dock does with the wheel, on the real pages."""

from collections.abc import Callable

from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import QAbstractSlider, QAbstractSpinBox, QApplication, QComboBox, QScrollBar

from napari_recon_robust.window.session import Session

Until = Callable[[Callable[[], object]], None]


def test_the_wheel_over_a_control_scrolls_the_dock(review: Session, until: Until) -> None:
    """HyperRecon became HQS-Net that way."""
    for page in review.docks:
        page.window().show()
        page.parent().raise_()
        until(page.isVisible)
        controls = [
            control
            for kind in (QComboBox, QAbstractSlider, QAbstractSpinBox)
            for control in page.body_widget.findChildren(kind)
            if not isinstance(control, QScrollBar)
        ]
        assert all(control.focusPolicy() != Qt.FocusPolicy.WheelFocus for control in controls)
        for control in controls:
            before = control.currentIndex() if isinstance(control, QComboBox) else control.value()
            control.clearFocus()
            for turn in (-120, 120):
                place = QPointF(control.rect().center())
                nothing = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase
                event = QWheelEvent(place, control.mapToGlobal(place), QPoint(), QPoint(0, turn), *nothing, False)
                QApplication.sendEvent(control, event)
                after = control.currentIndex() if isinstance(control, QComboBox) else control.value()
                assert after == before, control.toolTip() or control
        assert controls or type(page).__name__ == "CompareDock"
