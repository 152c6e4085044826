"""A dock of the window: its page, and its foot with the progress of the running job."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from psygnal import SignalInstance
from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QObject, QSize, Qt, QTimer
from qtpy.QtGui import (
    QDragEnterEvent,
    QDropEvent,
    QHideEvent,
    QShortcut,
    QShowEvent,
)
from qtpy.QtWidgets import (
    QApplication,
    QDockWidget,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from ...canvas.surface import NOTICE
from ...controls.focus_ring import FocusRing, led_on
from ...controls.letters import letter_style, letters
from ...controls.message import Message
from ...controls.parts import box_style, faint_style, rule, set_faint
from ...controls.progress_bar import Bar
from ...controls.tab_order import TabOrder
from ...controls.time_left import TimeLeft
from ...controls.wheel import WheelGuard
from ...ground.progress import Progress
from ..jobs import Jobs
from ..keys import Shortcuts
from ..session import Session
from ..warm import COMPILING, compiler

WIDTH, _NARROWEST = 360, 320
_BETWEEN = 1000  # ms; kernels are compiled one after the other


class Foot(QWidget):
    """Status, progress and Cancel of the running job, the same at the foot of every dock.

    followed: signals with what follows them, to which its page listens.
    """

    def __init__(self, jobs: Jobs) -> None:
        super().__init__()
        self._jobs, self._failure, self._said = jobs, "", ""
        self._above = ""  # what was said before a job in the background, and stays above its progress
        self.message = Message()
        self.bar = Bar()
        self.cancel = QPushButton("Cancel")
        self.cancel.setToolTip("Stop now; of a search the best so far is kept")
        self.cancel.clicked.connect(lambda: jobs.cancel_shown())
        self.compiling = QLabel(COMPILING)
        self.compiling.setWordWrap(True)
        self._compiled = QTimer(self)
        self._compiled.setSingleShot(True)
        self._compiled.setInterval(_BETWEEN)
        self._compiled.timeout.connect(self.compiling.hide)
        notice = QLabel(NOTICE)
        notice.setWordWrap(True)
        set_faint(notice, True)
        notice.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.left = QLabel()
        self.left.setWordWrap(True)
        set_faint(self.left, True)
        self._time = TimeLeft()
        self._tick = QTimer(self)
        self._tick.setInterval(_BETWEEN)
        self._tick.timeout.connect(self._show_left)
        row = QHBoxLayout()
        row.addWidget(self.bar, 1)
        row.addWidget(self.cancel)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 2, 8, 4)
        column.setSpacing(2)
        column.addWidget(rule())
        column.addLayout(row)
        column.addWidget(self.left)
        column.addWidget(self.message)
        column.addWidget(self.compiling)
        column.addWidget(notice)
        self.say("")
        self._show_running(jobs.busy())
        self.followed = (
            (jobs.started, self._on_started),
            (jobs.resumed, self._on_resumed),
            (jobs.progressed, self._on_progressed),
            (jobs.ended, self._on_ended),
            (jobs.failed, self._on_failed),
            (jobs.recovered, self._on_recovered),
            (jobs.said, self._on_said),
            (jobs.moved_on, self._on_moved_on),
            (compiler().changed, self.show_compiling),
        )
        self.compiling.hide()

    def show_compiling(self, busy: bool) -> None:
        """Say that numba compiles, until a moment after it has ended."""
        if busy:
            self._compiled.stop()
            self.compiling.show()
        else:
            self._compiled.start()

    def say(self, message: str) -> None:
        """Say a sentence at the foot."""
        self.message.setText(message)
        self.message.setVisible(bool(message))

    def _say_below(self, message: str) -> None:
        """Say it below what was said before."""
        self.say(f"{self._above}\n{message}" if self._above else message)

    def _on_said(self, message: str) -> None:
        self._said = message
        self.say(message)

    def _on_moved_on(self) -> None:
        """Take back what was said besides, now that something else is done."""
        self.take_back(self._said)
        self._said = ""

    def _on_failed(self, message: str) -> None:
        self._failure = message
        if self._above:
            self._above = message
        self.say(message)

    def _on_recovered(self, lane: str) -> None:
        """Take back the sentence on what went wrong, now that it has gone well."""
        self.take_back(self._failure)
        self._failure = ""

    def take_back(self, sentence: str) -> None:
        """Say a sentence no more, unless something else is said by now."""
        if sentence and self._above == sentence:
            self.say(self.message.text().removeprefix(f"{sentence}\n"))
            self._above = ""
        elif self.message.text() == sentence:
            self.say("")

    def _on_started(self, label: str) -> None:
        if self._jobs.busy():
            self._failure = self._above = ""
        elif not self._tick.isActive():  # a job in the background does not wipe out what went wrong, or was saved
            self._above = self.message.text()
        self._time.begin()
        self._show_running(True)
        self.bar.set_fraction(0.0)
        self._say_below(f"{label}…")

    def _on_resumed(self, progress: Progress) -> None:
        self._above = self.message.text()
        self._time.begin(progress.fraction)
        self._show_running(True)
        self._on_progressed(progress)

    def _on_progressed(self, progress: Progress) -> None:
        self.bar.set_fraction(progress.fraction)
        self._time.reach(progress.fraction)
        refused = self._jobs.failures.refusal
        if progress.message and not (refused and self.message.text() == refused):  # it stays to be read
            self._say_below(progress.message)

    def _on_ended(self, message: str) -> None:
        self._show_running(False)
        self._said = message or self._said
        self.say(message or self._above or self._failure)
        self._above = ""

    def _show_running(self, running: bool) -> None:
        self.bar.setVisible(running)
        self.cancel.setVisible(running)
        if running:
            self._tick.start()
        else:
            self._tick.stop()
        self._show_left()

    def _show_left(self) -> None:
        words = self._time.words if self._tick.isActive() else ""
        self.left.setText(words)
        self.left.setVisible(bool(words))


class Page(QWidget):
    """A dock: a scrolling column that never asks for more than a laptop has, and the foot below it.

    title: what its tab says. own_keys: those of the review that mean something else while this page is in front.
    """

    title: str
    own_keys: frozenset[str] = frozenset()

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session, self.bench = session, session.bench
        self.foot = Foot(session.jobs)
        self.tour_stops: dict[str, QWidget] = {}
        self.setAcceptDrops(True)
        body = QWidget()
        self.column = QVBoxLayout(body)
        self.column.setContentsMargins(6, 6, 6, 6)
        self.column.setSpacing(6)
        self.scroll = QScrollArea()
        self.scroll.setWidgetResizable(True)
        self.scroll.setFrameShape(QFrame.Shape.NoFrame)
        self.scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.scroll.setWidget(body)
        self.body_widget = body
        WheelGuard(body)
        TabOrder(body)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(self.scroll, 1)
        outer.addWidget(self.foot)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self._listening: list[tuple[Any, Callable[..., object]]] = []
        for signal, slot in self.foot.followed:
            self.listen(signal, slot)
        self.foot.show_compiling(compiler().busy)  # now that its end, in another thread, is not missed
        self.listen(QApplication.instance().focusChanged, self._on_focus)
        FocusRing(self)
        self._show_theme()
        self.destroyed.connect(partial(_disconnect, session, self._listening))

    def _show_theme(self) -> None:
        theme = self.session.panels.viewer.theme
        style = f"{faint_style(theme)} {box_style(theme)} {letter_style()}"
        if style != self.styleSheet():
            self.setStyleSheet(style)
            self.fit_letters()

    def fit_letters(self) -> None:
        """Be wide enough for larger letters; they wrap, so that the images keep the most room."""
        self.setMinimumWidth(round(_NARROWEST * letters() ** 0.4))

    def listen(self, signal: Any, slot: Callable[..., object]) -> None:
        """Follow a signal for as long as this page exists; Qt would hold a trace of every page that was closed."""
        signal.connect(slot)
        self._listening.append((signal, slot))

    def pointed_at(self, name: str) -> QWidget:
        """Bring the control that a step of the tour points at into sight; the page where it has none of that name."""
        target = self.tour_stops.get(name, self)
        if target is not self:
            self.scroll.ensureWidgetVisible(target)
        return target

    def event(self, event: QEvent | None) -> bool:
        """Follow what napari does to the dock.

        When a dock is closed, napari takes its page out and neither closes nor deletes it. A new theme arrives as a new
        style. The title that napari sets, with the name of the plugin, has no room in a tab.
        """
        if event is not None and event.type() == QEvent.Type.ParentChange and self.parent() is None:
            _disconnect(self.session, self._listening)
            self.session.leave(self)
            self.deleteLater()
        elif event is not None and event.type() == QEvent.Type.ParentChange and isinstance(self.parent(), QDockWidget):
            self.parent().setWindowTitle(self.title)
            self.parent().installEventFilter(self)
            QTimer.singleShot(0, self._tab)
        elif event is not None and event.type() == QEvent.Type.StyleChange:
            self._show_theme()
        return super().event(event)

    def _tab(self) -> None:
        """Stand behind a tab among the other docks, in front: napari's menu puts a dock below them."""
        if not isalive(self):
            return
        dock, window = self.parent(), self.window()
        if not isinstance(dock, QDockWidget) or not isinstance(window, QMainWindow) or window.tabifiedDockWidgets(dock):
            return
        area = window.dockWidgetArea(dock)
        for other in (page.parent() for page in self.session.docks if page is not self):
            if isinstance(other, QDockWidget) and not other.isFloating() and window.dockWidgetArea(other) == area:
                window.tabifyDockWidget(other, dock)
                dock.show()
                dock.raise_()
                return

    def showEvent(self, event: QShowEvent | None) -> None:
        """Ask for the keys when the page is opened."""
        super().showEvent(event)
        Shortcuts.of(self.session).need(self, self.own_keys)
        self._look_for_front()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Follow the dock to the front and behind another tab."""
        if event is not None and event.type() == QEvent.Type.Move and watched is self.parent():
            self._look_for_front()
        return super().eventFilter(watched, event)

    def _look_for_front(self) -> None:
        """Find out whether it is in front: a dock behind a tab is not hidden, Qt moves it off the screen."""
        if isalive(self) and isalive(self.session) and isinstance(self.parent(), QDockWidget) and self.isVisible():
            self.take_keys(self._in_front)

    @property
    def _in_front(self) -> bool:
        dock = self.parent()
        return isinstance(dock, QDockWidget) and (dock.isFloating() or dock.geometry().right() >= 0)

    def _on_focus(self, before: QWidget | None, now: QWidget | None) -> None:
        """Bring the dock to the front when Tab leads into it, or the keys would work on what nobody sees.

        Not where Qt passes them on by itself, from a control that was switched off or has gone.
        """
        dock = self.parent()
        if now is None or not led_on(before):
            return
        if isinstance(dock, QDockWidget) and dock.isAncestorOf(now) and not self._in_front:
            dock.raise_()

    def take_keys(self, front: bool) -> None:
        """Give keys another meaning, and answer to the page's own shortcuts, only in front."""
        for shortcut in self.findChildren(QShortcut, options=Qt.FindChildOption.FindDirectChildrenOnly):
            shortcut.setEnabled(front)
        if self.own_keys:
            taken = self.own_keys if front else frozenset[str]()
            Shortcuts.of(self.session).need(self, taken)

    def hideEvent(self, event: QHideEvent | None) -> None:
        """Let go of the keys when the page is closed; behind a tab it is not hidden."""
        super().hideEvent(event)
        if isalive(self.session):  # at the end of a script Qt's objects are deleted in any order
            Shortcuts.of(self.session).let_go(self)

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        """Accept files: they may be dropped on every dock."""
        if event is not None and event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:
        """Open what was dropped."""
        for url in () if event is None else event.mimeData().urls():
            self.session.open(url.toLocalFile())

    def sizeHint(self) -> QSize:
        """The usual width, and a height that a laptop has."""
        return QSize(max(WIDTH, self.minimumWidth()), 420)


def _disconnect(session: Session, listening: list[tuple[Any, Callable[..., object]]]) -> None:
    for signal, slot in listening:
        if isinstance(signal, SignalInstance):
            signal.disconnect(slot, missing_ok=True)
        elif isalive(session):  # or else the sender may be gone too, at the end of a script
            with suppress(TypeError, RuntimeError):  # with its sender, or its receiver, it went already
                signal.disconnect(slot)
    listening.clear()
