"""The wheel scrolls a page; a control below the mouse takes it only after a click or Tab."""

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QAbstractSlider, QAbstractSpinBox, QComboBox, QScrollBar, QWidget

_TURNED = (QComboBox, QAbstractSlider, QAbstractSpinBox)


class WheelGuard(QObject):
    """Watches a page, so that its lists, sliders and number fields leave the wheel to the page.

    A control that has the focus takes the wheel, and the wheel itself gives no focus. Controls that are added later are
    watched too. An open list takes the wheel, since it is a window of its own.
    """

    def __init__(self, page: QWidget) -> None:
        super().__init__(page)
        self._page = page
        page.installEventFilter(self)
        self._watch()

    def _watch(self) -> None:
        """Watch all controls of the page. Watching one again changes nothing, since Qt keeps a filter only once."""
        for kind in _TURNED:
            for control in self._page.findChildren(kind):
                if isinstance(control, QScrollBar):
                    continue
                control.installEventFilter(self)
                if control.focusPolicy() == Qt.FocusPolicy.WheelFocus:
                    control.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Keep the wheel from a control without focus; look for new controls whenever the page lays itself out."""
        if event is None:
            return False
        if watched is self._page:
            if event.type() in (QEvent.Type.LayoutRequest, QEvent.Type.Show):
                self._watch()
        elif event.type() == QEvent.Type.Wheel and isinstance(watched, QWidget) and not watched.hasFocus():
            event.ignore()
            return True
        return False
