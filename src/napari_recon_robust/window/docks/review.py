"""The review layout: images first. All docks give way to one slim bar, and come back by the same key.

A dock that is asked for meanwhile stands between the images and the bar.
"""

from typing import Any

from napari.settings import get_settings
from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtWidgets import QDockWidget, QMainWindow, QWidget

from ...canvas.held_keys import HeldKeys
from ...canvas.wipe_line import WipeLine
from ..keys import KEYS
from ..remembered import recall, remember
from ..session import Session
from .keys_window import KeysWindow
from .page import WIDTH
from .review_bar import ReviewBar


class Review(QObject):
    """Switches a session between the review layout and the laboratory layout.

    The layout is remembered from one session to the next. While the review layout is on, those of napari's keys that
    would undo it do nothing.
    """

    @classmethod
    def of(cls, session: Session) -> "Review":
        """The layouts of a session, which has only one such object."""
        return session.findChild(cls) or cls(session)

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.session = session
        self.bar: ReviewBar | None = None
        self._dock: QDockWidget | None = None
        self._hidden: dict[QDockWidget, int] = {}  # with their widths
        self._fronts: list[QDockWidget] = []
        self._known: list[QDockWidget] = []  # docks that are watched for being shown
        self._keys: KeysWindow | None = None
        self._held: HeldKeys | None = None
        self._line = WipeLine(session.scene, self)
        session.scene.comparing.drawn.connect(self._line.follow)
        session.asked_layout.connect(self.toggle)
        session.complete.connect(self._restore)
        session.brought.connect(self._bring)
        session.asked_keys.connect(self._list_keys)
        session.left.connect(self._end)

    @property
    def active(self) -> bool:
        """Whether the images come first."""
        return self._held is not None

    def toggle(self) -> None:
        """Go to the other layout, and remember it."""
        window = self._window
        if window is not None:  # or else the images are drawn for each dock that comes or goes
            window.setUpdatesEnabled(False)
        try:
            if self.active:
                self.leave()
            else:
                self.enter()
        finally:
            if window is not None:
                window.setUpdatesEnabled(True)
        remember("images_first", self.active)

    def enter(self) -> None:
        """Give the window to the images."""
        window = self._window
        if self.active or window is None:
            return
        self._known = self._docks(window)
        docks = [dock for dock in self._known if not dock.isHidden() and not dock.isFloating()]
        self._fronts = [dock for dock in docks if not dock.visibleRegion().isEmpty()]
        self._hidden = {dock: self._width(window, dock) for dock in docks}
        for dock in docks:
            dock.hide()
        for dock in self._known:
            dock.installEventFilter(self)
        self._make_bar(window)
        self._stand(window)
        self._held = HeldKeys(window, free={key.key for key in KEYS})
        self.session.panels.drawing.stop()  # the mouse is for the picture
        window.installEventFilter(self)

    def leave(self) -> None:
        """Bring the docks back as they were."""
        if self._held is None:
            return
        self._held.give_back()
        self._held = None
        if self._dock is not None and isalive(self._dock):
            self._dock.hide()
        for dock in filter(isalive, self._known):
            dock.removeEventFilter(self)
        window = self._window
        back = [dock for dock in self._hidden if isalive(dock) and dock.widget() is not None]
        if window is not None:  # and once they were shown, it would stay as wide as they all need
            back = self.session.surroundings.spared(back, self._room(window, back))
        for dock in back:
            dock.show()
        self._restore_widths()
        for dock in self._fronts:
            if isalive(dock) and dock.isVisible():
                dock.raise_()
        self._hidden, self._fronts, self._known = {}, [], []
        if window is not None:
            window.removeEventFilter(self)

    def _room(self, window: QMainWindow, docks: list[QDockWidget]) -> int:
        """The pixels that the canvas will have between these docks at its sides."""
        sides = Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea
        beside = [[self._hidden[dock] for dock in docks if window.dockWidgetArea(dock) == side] for side in sides]
        return window.width() - sum(max(widths, default=0) for widths in beside)

    def _width(self, window: QMainWindow, dock: QDockWidget) -> int:
        """The width of a dock, or of the one in front of it: behind a tab it has that of another time."""
        tabs = window.tabifiedDockWidgets(dock)
        return next((one.width() for one in self._fronts if one is dock or one in tabs), dock.width())

    def _restore_widths(self) -> None:
        there = {dock: width for dock, width in self._hidden.items() if isalive(dock) and dock.isVisible()}
        if there and (window := self._window) is not None:
            window.resizeDocks([*there], [*there.values()], Qt.Orientation.Horizontal)

    def _fit(self, width: int) -> None:
        """Give the room of the folded bar to the images."""
        if self._dock is not None and (window := self._window) is not None:
            window.resizeDocks([self._dock], [width], Qt.Orientation.Horizontal)

    def _make_bar(self, window: QMainWindow) -> None:
        if self._dock is None:
            self._dock = QDockWidget(window)
            self._dock.setObjectName("recon-robust review")
            self._dock.setFeatures(QDockWidget.DockWidgetFeature.NoDockWidgetFeatures)
            self._dock.setTitleBarWidget(QWidget(self._dock))
            self._dock.hide()
            self.bar = ReviewBar(self.session)
            self._dock.setWidget(self.bar)
            self.bar.folded.connect(self._fit)

    def _stand(self, window: QMainWindow) -> None:
        """Put the bar at the right of all docks; napari would put a new one behind it, in a tab as slim as the bar."""
        assert self._dock is not None
        assert self.bar is not None
        if self._dock.parent() is window:
            window.removeDockWidget(self._dock)
        window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self._dock, Qt.Orientation.Horizontal)
        self._dock.show()
        self._fit(self.bar.width())

    def _bring(self) -> None:
        if isinstance(self.session.asked_dock, QDockWidget):
            self._admit(self.session.asked_dock)

    def _admit(self, dock: QDockWidget) -> None:
        """Show a dock beside the images, as wide as it was."""
        window = self._window
        if self._held is None or window is None or dock is self._dock or not isalive(dock):
            return
        self._stand(window)
        dock.show()
        dock.raise_()
        window.resizeDocks([dock], [max(self._hidden.get(dock, 0), WIDTH)], Qt.Orientation.Horizontal)

    def _restore(self) -> None:
        """Begin with the layout in which the last session ended, a turn after its bar is made, which takes as long."""
        window = self._window
        if window is not None and recall("images_first", self.session.images_first):
            self._make_bar(window)
            self.session.event_loop_steps.later(self._begin)

    def _begin(self) -> None:
        if self.bar is not None:  # or else the last dock was closed meanwhile
            self.enter()
            self._bring()

    def _end(self) -> None:
        """Give everything back after the last dock was closed."""
        self.leave()
        dock, self._dock, self.bar = self._dock, None, None
        if dock is not None and isalive(dock):
            dock.setWidget(None)
            dock.deleteLater()
        if self._keys is not None and isalive(self._keys):
            self._keys.deleteLater()
        self._keys = None

    @property
    def _window(self) -> QMainWindow | None:
        """The main window, which napari does not make public."""
        window: Any = getattr(self.session.panels.viewer.window, "_qt_window", None)
        return window

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Admit a dock that is opened or shown; bring all back before a window closes that stores which are shown."""
        if event is None:
            return False
        if event.type() == QEvent.Type.Close and watched is self._window:
            if get_settings().application.save_window_state:
                self.leave()
        elif event.type() == QEvent.Type.ChildAdded and watched is self._window:
            QTimer.singleShot(0, self._admit_new)
        elif event.type() == QEvent.Type.Show and isinstance(watched, QDockWidget):
            QTimer.singleShot(0, lambda: self._admit(watched))
        return False

    def _admit_new(self) -> None:
        """Admit a dock that napari has opened from its menu."""
        window = self._window
        docks = [] if window is None or self._held is None else self._docks(window)
        for dock in [dock for dock in docks if dock not in self._known]:
            self._known.append(dock)
            dock.installEventFilter(self)
            if not (dock.isHidden() or dock.isFloating()):
                self._admit(dock)

    def _docks(self, window: QMainWindow) -> list[QDockWidget]:
        """The window's docks but the bar. Each is its child; a search among all widgets would take longer."""
        docks = window.findChildren(QDockWidget, options=Qt.FindChildOption.FindDirectChildrenOnly)
        return [dock for dock in docks if dock is not self._dock]

    def _list_keys(self) -> None:
        if self._keys is None or not isalive(self._keys):
            self._keys = KeysWindow(self._window)
        self._keys.toggle()
