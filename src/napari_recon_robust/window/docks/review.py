"""The review layout: images first. All docks give way to one slim bar, and come back by the same key."""

from typing import Any

from napari.settings import get_settings
from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QDockWidget, QMainWindow, QWidget

from ..held_keys import HeldKeys
from ..keys import KEYS
from ..remembered import recall, remember
from ..session import Session
from ..wipe_line import WipeLine
from .review_bar import ReviewBar


class Review(QObject):
    """Switches a session between the review layout and the laboratory layout.

    The layout is remembered from one session to the next. While the review layout is on, those of napari's keys that
    would undo it do nothing.
    """

    @classmethod
    def of(cls, session: Session) -> "Review":
        """Return the layouts of a session, which has only one such object."""
        return session.findChild(cls) or cls(session)

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.session = session
        self.bar: ReviewBar | None = None
        self._dock: QDockWidget | None = None
        self._hidden: dict[QDockWidget, int] = {}  # with their widths
        self._fronts: list[QDockWidget] = []
        self._held: HeldKeys | None = None
        self._line = WipeLine(session.scene, self)
        session.scene.comparing.drawn.connect(self._line.follow)
        session.asked_layout.connect(self.toggle)
        session.complete.connect(self._restore)
        session.left.connect(self._end)

    @property
    def active(self) -> bool:
        """Whether the images come first."""
        return self._held is not None

    def toggle(self) -> None:
        """Go to the other layout, and remember it."""
        if self.active:
            self.leave()
        else:
            self.enter()
        remember("images_first", self.active)

    def enter(self) -> None:
        """Give the window to the images."""
        window = self._window
        if self.active or window is None:
            return
        docks = [dock for dock in window.findChildren(QDockWidget) if not dock.isHidden() and not dock.isFloating()]
        self._fronts = [dock for dock in docks if not dock.visibleRegion().isEmpty()]
        self._hidden = {dock: dock.width() for dock in docks if dock is not self._dock}
        for dock in self._hidden:
            dock.hide()
        self._show_bar(window)
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
        for dock in self._hidden:
            if isalive(dock) and dock.widget() is not None:
                dock.show()
        self._restore_widths()
        for dock in self._fronts:
            if isalive(dock) and dock.isVisible():
                dock.raise_()
        self._hidden, self._fronts = {}, []
        if (window := self._window) is not None:
            window.removeEventFilter(self)

    def _restore_widths(self) -> None:
        there = {dock: width for dock, width in self._hidden.items() if isalive(dock) and dock.isVisible()}
        if there and (window := self._window) is not None:
            window.resizeDocks([*there], [*there.values()], Qt.Orientation.Horizontal)

    def _fit(self, width: int) -> None:
        """Give the room of the folded bar to the images."""
        if self._dock is not None and (window := self._window) is not None:
            window.resizeDocks([self._dock], [width], Qt.Orientation.Horizontal)

    def _show_bar(self, window: QMainWindow) -> None:
        if self._dock is None:
            self._dock = QDockWidget(window)
            self._dock.setObjectName("recon-robust review")
            self._dock.setFeatures(QDockWidget.DockWidgetFeature.NoDockWidgetFeatures)
            self._dock.setTitleBarWidget(QWidget(self._dock))
            self.bar = ReviewBar(self.session)
            self._dock.setWidget(self.bar)
            self.bar.folded.connect(self._fit)
            window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self._dock)
        self._dock.show()
        assert self.bar is not None
        self._fit(self.bar.width())

    def _restore(self) -> None:
        """Begin with the layout in which the last session ended."""
        if recall("images_first", self.session.images_first):
            self.enter()

    def _end(self) -> None:
        """Give everything back after the last dock was closed."""
        self.leave()
        dock, self._dock, self.bar = self._dock, None, None
        if dock is not None and isalive(dock):
            dock.setWidget(None)
            dock.deleteLater()

    @property
    def _window(self) -> QMainWindow | None:
        """The main window, which napari does not make public."""
        window: Any = getattr(self.session.panels.viewer.window, "_qt_window", None)
        return window

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Bring the docks back before a window is closed that stores which docks are shown."""
        if event is not None and event.type() == QEvent.Type.Close and get_settings().application.save_window_state:
            self.leave()
        return False
