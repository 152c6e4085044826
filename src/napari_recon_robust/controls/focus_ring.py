"""A frame about the control that the keyboard has led to, which napari's styles do not show."""

from collections.abc import Iterator

from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QObject, QPoint, QRect, QRectF, Qt, Slot
from qtpy.QtGui import QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QAbstractScrollArea, QApplication, QCheckBox, QRadioButton, QWidget

_WIDTH, _CORNER = 2, 4  # pixels
_MOVES = (QEvent.Type.Move, QEvent.Type.Resize, QEvent.Type.Show, QEvent.Type.Hide)


class FocusRing(QWidget):
    """A frame above a page, about the control that has the focus; it takes no room, no clicks and no focus.

    A click shows where it was, so that there is no frame until a key leads on.
    """

    def __init__(self, page: QWidget) -> None:
        super().__init__(page)
        self._page = page
        self._control: QWidget | None = None
        self._watched: list[QWidget] = []
        self._frame = QRect()
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.hide()
        QApplication.instance().focusChanged.connect(self.follow)

    @property
    def control(self) -> QWidget | None:
        """The control that the frame is about, if it is shown."""
        return self._control if self.isVisible() else None

    @Slot(QWidget, QWidget)
    def follow(self, before: QWidget | None, now: QWidget | None) -> None:
        """Go to another control, or away; a window that is left and comes back has its frame again."""
        if now is not None and now is not self._control:
            self._watch(now if self._page.isAncestorOf(now) and self._by_key(before) else None)
        self._place(now)

    def _by_key(self, before: QWidget | None) -> bool:
        """Whether a key led on, or the control that one had led to was switched off."""
        return not QApplication.mouseButtons() and (led_on(before) or self._control is not None)

    def _watch(self, control: QWidget | None) -> None:
        for one in filter(isalive, self._watched):
            one.removeEventFilter(self)
        self._control = control
        self._watched = [] if control is None else list(_up_to(control, self._page))
        for one in self._watched:
            one.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Stay about the control when it, or what it stands in, moves or is hidden."""
        if event is not None and event.type() in _MOVES:
            self._place(QApplication.focusWidget())
        return False

    def _place(self, focused: QWidget | None) -> None:
        if self._control is not None and not isalive(self._control):  # it goes before its page where a window is closed
            self._control = None
        control = self._control
        if control is None or not control.isVisible() or control is not focused:
            self.hide()
            return
        frame = _within(control, self._page)
        if isinstance(control, QCheckBox | QRadioButton):  # which may be wider than its words
            frame.setWidth(min(control.sizeHint().width(), control.width()))
        frame = frame.adjusted(-_WIDTH, -_WIDTH, _WIDTH, _WIDTH)
        seen = self._page.rect()
        for one in self._watched:
            area = one.parentWidget()
            if isinstance(area, QAbstractScrollArea) and one is area.viewport():
                seen &= _within(one, self._page)
        wide = frame & self._page.rect()  # a control at the edge of the page has its frame inside
        self.setGeometry(wide & seen)
        self._frame = wide.translated(-self.pos())
        self.raise_()
        self.show()
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw the frame in the colour of the control's letters."""
        if self._control is None or not isalive(self._control):
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self._control.palette().windowText().color(), _WIDTH))
        half = _WIDTH / 2
        painter.drawRoundedRect(QRectF(self._frame).adjusted(half, half, -half, -half), _CORNER, _CORNER)
        painter.end()


def led_on(before: QWidget | None) -> bool:
    """Whether a key led on from a control, rather than Qt by itself from one that is switched off or gone."""
    return before is not None and isalive(before) and before.isEnabled() and before.isVisible()


def _up_to(control: QWidget, page: QWidget) -> Iterator[QWidget]:
    """Yield the control and what it stands in, without the page."""
    one: QWidget | None = control
    while one is not None and one is not page:
        yield one
        one = one.parentWidget()


def _within(part: QWidget, page: QWidget) -> QRect:
    return QRect(part.mapTo(page, QPoint()), part.size())
