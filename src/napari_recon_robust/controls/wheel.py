"""The wheel scrolls a page; a control below the mouse takes it only after a click or Tab."""

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QAbstractSlider, QAbstractSpinBox, QComboBox, QScrollBar, QWidget

_TURNED = (QComboBox, QAbstractSlider, QAbstractSpinBox)


class WheelGuard(QObject):
    """Watches a page: its lists, sliders and number fields, also those that come later, leave the wheel to the page.

    One that has the focus takes the wheel; the wheel itself gives no focus. An open list is a window of its own.
    """

    def __init__(self, page: QWidget) -> None:
        super().__init__(page)
        self._page = page
        page.installEventFilter(self)
        self._watch()

    def _watch(self) -> None:
        """Qt keeps one filter of a kind, so that watching again changes nothing."""
        for kind in _TURNED:
            for control in self._page.findChildren(kind):
                if isinstance(control, QScrollBar):
                    continue
                control.installEventFilter(self)
                if control.focusPolicy() == Qt.FocusPolicy.WheelFocus:
                    control.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """A control that is added makes its page lay out again."""
        if event is None:
            return False
        if watched is self._page:
            if event.type() in (QEvent.Type.LayoutRequest, QEvent.Type.Show):
                self._watch()
        elif event.type() == QEvent.Type.Wheel and isinstance(watched, QWidget) and not watched.hasFocus():
            event.ignore()
            return True
        return False
