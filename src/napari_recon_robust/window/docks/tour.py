"""The tour on the screen: a frame around the control that is meant, and a box beside it that says what to do."""

from collections.abc import Callable

from napari.utils.theme import get_theme
from qtpy.compat import isalive
from qtpy.QtCore import QObject, QPoint, QRect, QSize, Qt, QTimer
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QFrame, QMainWindow, QMenu, QWidget

from ...controls.focus_ring import FocusRing
from ...controls.letters import letters
from ...controls.parts import ACCENT, button, column, heading, row, words
from ...workbench.touring import FLICKERED, STOPS
from ..session import Session
from .page import Page

_WIDTH, _GAP, _MARGIN = 260, 12, 4
_FOLLOW = 150  # ms between two looks at where the control is
_SETTLING = 4  # looks during which a page may still grow: a result brings figures above the control
_BOX = "#tour {{ background: {ground}; border: 2px solid {accent}; border-radius: 6px; }}"
_FRAME = f"#pointer {{ border: 3px solid {ACCENT}; border-radius: 6px; background: transparent; }}"
_PAGES = {"sample": "Reconstruct", "method": "Reconstruct", "region": "Perturb", "run": "Perturb", "flicker": "Compare"}


class Tour(QObject):
    """A thin view on `touring` of the workbench. Nothing is blocked: whoever does something else leaves it standing."""

    @classmethod
    def of(cls, session: Session) -> "Tour":
        """The tour of a session, which has one."""
        return session.findChild(cls) or cls(session)

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.session, self.touring = session, session.bench.touring
        self.box: TourBox | None = None
        self.pointer: QFrame | None = None
        self._target: QWidget | None = None
        self._page: Page | None = None
        self._settling = 0  # looks for which the control is still brought into sight
        self._follow = QTimer(self)
        self._follow.setInterval(_FOLLOW)
        self._follow.timeout.connect(self.place)
        self._menu: QMenu | None = None
        self.touring.changed.connect(self._show)
        session.scene.comparing.drawn.connect(self._on_drawn)
        session.asked_tour.connect(self.touring.start)
        session.complete.connect(self._join_menu)
        session.left.connect(self._end)

    def _on_drawn(self) -> None:
        if self.touring.number is not None and self.session.scene.view.flicker:
            self.touring.note(FLICKERED)

    def _join_menu(self) -> None:
        """Stand in napari's Help menu while the docks are open."""
        menu = getattr(self.session.panels.viewer.window, "help_menu", None)
        if menu is not None and self._menu is None:
            self._menu = menu
            self._entry = menu.addAction("Recon Robust: tour in five steps")
            self._entry.triggered.connect(lambda: self.touring.start())

    def _end(self) -> None:
        self.touring.leave()
        menu, self._menu = self._menu, None
        if menu is not None and isalive(menu):
            menu.removeAction(self._entry)

    # ---------------------------------------------------------------- showing

    def _show(self) -> None:
        stop, window = self.touring.stop, self._window
        if stop is None or window is None or self.touring.number is None:
            self._hide()
            return
        if self.box is None or not isalive(self.box):
            self.box = TourBox(window, self.session.panels.viewer.theme, self.touring.skip, self.touring.leave)
            self.pointer = QFrame(window)
            self.pointer.setObjectName("pointer")
            self.pointer.setStyleSheet(_FRAME)
            self.pointer.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._page, self._settling = self.session.bring(_PAGES[stop.place]), _SETTLING
        self._target = self._page.pointed_at(stop.place)
        self.box.say(f"{self.touring.number + 1} of {len(STOPS)} · {stop.title}", stop.words)
        self._follow.start()
        QTimer.singleShot(0, self.place)

    def _hide(self) -> None:
        self._follow.stop()
        self._page = self._target = None
        for one in (self.box, self.pointer):
            if one is not None and isalive(one):
                one.hide()
                one.deleteLater()
        self.box = self.pointer = None

    def place(self) -> None:
        """Put the frame around the control where that is now, and the box where it hides neither that nor the image.

        It stands below the control or above it, and only where there is no room beside it; without a control in sight
        at the right edge, and where the user has dragged it to for as long as the step lasts.
        """
        box, pointer, window, target = self.box, self.pointer, self._window, self._target
        if box is None or pointer is None or window is None or not isalive(box):
            return
        page = self._page
        if self._settling and page is not None and isalive(page) and self.touring.stop is not None:
            self._settling -= 1
            page.pointed_at(self.touring.stop.place)
        box.setFixedHeight(box.heightForWidth(box.width()))  # Qt's own hint is that of a wider box
        seen = target is not None and isalive(target) and target.isVisible()
        pointer.setVisible(seen)
        if target is None or not seen:
            area = QRect(window.width() - _GAP, window.height() // 3, 0, 0)
        else:
            corner = target.mapTo(window, QPoint(0, 0))
            area = QRect(corner, target.size()).adjusted(-_MARGIN, -_MARGIN, _MARGIN, _MARGIN)
            pointer.setGeometry(area)
        if not box.dragged:
            box.move(_beside(area, box.size(), window.size(), seen))
        pointer.raise_()
        box.show()
        box.raise_()

    @property
    def _window(self) -> QMainWindow | None:
        for dock in self.session.docks:
            window = dock.window()
            if isinstance(window, QMainWindow):
                return window
        return None


def _beside(area: QRect, box: QSize, window: QSize, seen: bool) -> QPoint:
    """Where a box stands for a control: below, above, or else left of it."""
    below, above = area.bottom() + _GAP, area.top() - _GAP - box.height()
    bottom = window.height() - box.height() - _GAP
    if seen and (below <= bottom or above >= _GAP):
        return QPoint(min(area.left(), window.width() - box.width() - _GAP), below if below <= bottom else above)
    middle = area.center().y() - box.height() // 2
    return QPoint(max(area.left() - box.width() - _GAP, _GAP), min(max(middle, _GAP), bottom))


class TourBox(QFrame):
    """What to do, and two buttons. dragged: whether the user has put it elsewhere, by its words."""

    def __init__(self, window: QWidget, theme: str, skip: Callable[[], object], leave: Callable[[], object]) -> None:
        super().__init__(window)
        self.setObjectName("tour")
        self.dragged, self._held = False, QPoint()
        self.setStyleSheet(_BOX.format(ground=get_theme(theme).background.as_hex(), accent=ACCENT))
        self.setFixedWidth(round(_WIDTH * max(letters(), 1)))
        self.title, self.words = heading(""), words()
        self.title.setWordWrap(True)
        self.skip = button("Skip", "Go on to the next step", lambda: skip())
        self.leave = button("Leave the tour", "It is in the Help menu", lambda: leave())
        column(self.title, self.words, row(self.skip, self.leave), into=self)
        self.layout().setContentsMargins(10, 8, 10, 10)
        FocusRing(self)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Take hold of the box."""
        if event is not None:
            self._held = event.position().toPoint()

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Drag the box, within the window."""
        window = self.parentWidget()
        if event is None or window is None:
            return
        self.dragged = True
        room = window.rect().adjusted(0, 0, -self.width(), -self.height())
        to = self.mapToParent(event.position().toPoint() - self._held)
        self.move(min(max(to.x(), 0), room.right()), min(max(to.y(), 0), room.bottom()))

    def say(self, title: str, text: str) -> None:
        """Say what to do."""
        self.dragged = False
        self.title.setText(f"<b>{title}</b>")
        self.words.setText(text)
        self.setAccessibleName(f"Tour: {title}. {text}")
