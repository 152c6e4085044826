"""The keys of the review: one table that feeds the shortcuts, the list behind "?" and the manifest's commands."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtGui import QKeyEvent, QKeySequence
from qtpy.QtWidgets import QApplication, QShortcut, QWidget

from .session import Session

_FLICKER = 300  # ms


@dataclass(frozen=True)
class Key:
    """command: the manifest's; words: what it does; action: on a session."""

    key: str
    command: str
    words: str
    action: Callable[[Session], object]


def _flip(name: str) -> Callable[[Session], object]:
    return lambda session: session.look(**{name: not getattr(session.scene.view, name)})


KEYS = (
    Key("G", "flicker", "Hold: flicker between clean and perturbed", _flip("flicker")),
    Key("H", "random", "Random noise of the same size instead of the perturbation", _flip("random")),
    Key("Y", "truth", "The fully sampled image of the perturbed k-space instead of the reference", _flip("truth")),
    Key(
        "J",
        "next_layout",
        "Next layout: side by side, then one panel at a time",
        lambda session: session.step_layout(1),
    ),
    Key("K", "previous_layout", "Previous layout", lambda session: session.step_layout(-1)),
    Key("U", "regions", "Regions on or off", lambda session: session.toggle_regions()),
    Key("R", "ring", "Ring around what was inserted or attacked on or off", lambda session: session.marking.toggle()),
    Key("X", "jump", "Jump to what was inserted or attacked", lambda session: session.marking.jump()),
    Key("T", "turn", "Turn the picture by 90°", lambda session: session.marking.lay("turned")),
    Key("M", "mirror", "Mirror the picture, left and right", lambda session: session.marking.lay("mirror")),
    Key("V", "flip", "Flip the picture, top and bottom", lambda session: session.marking.lay("flip")),
    Key("?", "keys", "This list", lambda session: session.asked_keys.emit()),
)


def run(command: str, viewer: Any) -> None:
    """Run a command of the manifest, which does the same as its key."""
    key = next(key for key in KEYS if key.command == command)
    key.action(Session.of(viewer))


def words_of(command: str) -> str:
    """Say what a command does."""
    return next(key.words for key in KEYS if key.command == command)


def text() -> str:
    """Return the list behind "?"."""
    rows = "".join(f"<tr><td><b>{key.key.lower()}</b>&nbsp;&nbsp;</td><td>{key.words}</td></tr>" for key in KEYS)
    return f"<table>{rows}</table>"


class Shortcuts(QObject):
    """The keys on the whole window, while a page that needs them is in front.

    A shortcut wins over a layer's own keymap. Holding G flickers until it is released.
    """

    @classmethod
    def of(cls, session: Session) -> "Shortcuts":
        """Return the shortcuts of a session, which has one set for all its pages."""
        return session.findChild(cls) or cls(session)

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._pages: set[QWidget] = set()
        self._shortcuts: list[QShortcut] = []
        self._blink = QTimer(self)
        self._blink.setInterval(_FLICKER)
        self._blink.timeout.connect(self._flip_flicker)  # Qt would keep a lambda, and thereby the session

    def need(self, page: QWidget, needed: bool) -> None:
        """Note that a page came to the front, or went, and switch the keys on or off."""
        (self._pages.add if needed else self._pages.discard)(page)
        if bool(self._pages) != bool(self._shortcuts):
            self._enable(page.window() if self._pages else None)

    def _enable(self, window: QWidget | None) -> None:
        for shortcut in self._shortcuts:
            if isalive(shortcut):
                shortcut.deleteLater()
        self._shortcuts = []
        if window is None:
            self._stop_flicker()
            return
        for key in KEYS:
            shortcut = QShortcut(QKeySequence(key.key), window)
            shortcut.setAutoRepeat(False)
            if key.command == "flicker":
                shortcut.activated.connect(self._start_flicker)
            else:
                shortcut.activated.connect(lambda key=key: key.action(self._session))
            self._shortcuts.append(shortcut)

    def _start_flicker(self) -> None:
        if not self._blink.isActive():
            QApplication.instance().installEventFilter(self)
            self._session.look(flicker=True)
            self._blink.start()

    def _flip_flicker(self) -> None:
        _flip("flicker")(self._session)

    def _stop_flicker(self) -> None:
        if self._blink.isActive():
            self._blink.stop()
            QApplication.instance().removeEventFilter(self)
            self._session.look(flicker=False)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Stop the flicker when G is released."""
        if (
            isinstance(event, QKeyEvent)
            and event.type() == QEvent.Type.KeyRelease
            and event.key() == Qt.Key.Key_G
            and not event.isAutoRepeat()
        ):
            self._stop_flicker()
        return False
