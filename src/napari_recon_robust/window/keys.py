"""The keys of the review: one table that feeds the shortcuts, the list behind "?" and the manifest's commands.

Those of the gallery stand in a table of their own.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtGui import QKeyEvent, QKeySequence
from qtpy.QtWidgets import QApplication, QShortcut, QWidget

from ..cases.gallery.verdicts import SCALE
from ..workbench.looking import Swap, Way
from .session import Session

_WINDOWS = {"6": "full", "7": "soft_tissue", "8": "lesion", "9": "noise"}
_KEEP = "Store the panels that are shown under this number"
_PANELS = {
    "1": "One panel, in which two images are compared",
    "2": "Two panels: the images that are compared",
    "3": "Three panels: reference, clean, perturbed",
    "4": "Four panels, with the difference",
    "5": "The reference alone",
}


@dataclass(frozen=True)
class Key:
    """command: the manifest's; words: what it does; action: on a session.

    on_canvas: only while the picture has the keys, since the key means something else on a button.
    """

    key: str
    command: str
    words: str
    action: Callable[[Session], object]
    on_canvas: bool = False


def _swap(name: Swap) -> Callable[[Session], object]:
    return lambda session: session.looking.swap(name)


def _flip_flicker(session: Session) -> None:
    session.look(flicker=not session.scene.view.flicker)


def _panels(name: str) -> Callable[[Session], object]:
    return lambda session: session.looking.show_preset(name)


def _keep(name: str) -> Callable[[Session], object]:
    return lambda session: session.looking.keep_preset(name)


def _mix(way: Way) -> Callable[[Session], object]:
    return lambda session: session.looking.mix(way)


def _window(name: str) -> Callable[[Session], object]:
    return lambda session: session.looking.levels.take_preset(name)


KEYS = (
    Key(
        "Q",
        "images_first",
        "Images first: the panels fill the window; again: the laboratory layout",
        lambda session: session.asked_layout.emit(),
    ),
    Key("G", "flicker", "Held: the other of the compared images at once, then both in turn", _flip_flicker),
    Key("W", "wipe", "Wipe on or off; drag it with the left button", lambda session: session.looking.toggle_wipe()),
    Key("Shift+W", "lens", "Lens under the cursor: the first image in the second", _mix("lens")),
    Key("F", "fade", "Fade from one image to the other; drag it with the left button", _mix("fade")),
    Key("P", "pair", "Compare the next two of the images", lambda session: session.looking.next_pair()),
    Key("D", "signed", "Difference with its sign, or its magnitude", lambda session: session.looking.toggle_signed()),
    Key(
        "Z",
        "part",
        "Magnitude, phase, real or imaginary part of the images",
        lambda session: session.looking.next_part(),
    ),
    Key(
        "S",
        "kspace",
        "K-space with its sampled points, and the perturbation alone",
        lambda session: session.asked_tool.emit("kspace"),
    ),
    Key(
        "L",
        "profile",
        "Profile of all images along a line that the left button draws",
        lambda session: session.asked_tool.emit("profile"),
    ),
    Key(
        "Shift+S",
        "film",
        "Film strip: thumbnails of budgets, angles, methods, attacks, iterations, samples, knobs or slices",
        lambda session: session.asked_tool.emit("film"),
    ),
    Key(
        "Space",
        "cine",
        "Play the film strip, or the slices; any key stops",
        lambda session: session.cine.toggle(),
        on_canvas=True,
    ),
    Key(
        "Shift+I",
        "smooth",
        "Pixels as squares, or smooth between them",
        lambda session: session.panels.shared_window.toggle_smooth(),
    ),
    Key("I", "distance", "Distance: the left button draws lines", lambda session: session.rulers.toggle("distance")),
    Key("B", "area", "Area: the left button draws outlines", lambda session: session.rulers.toggle("area")),
    Key(
        "Shift+E",
        "erase",
        "Erase the line or outline that was drawn last",
        lambda session: session.bench.ruling.erase(),
    ),
    Key("N", "region_view", "Zoom to the region, or back", lambda session: session.looking.region_view.toggle()),
    Key(
        "O",
        "lineup",
        "Several methods side by side, clean above and perturbed below, or back",
        lambda session: session.line_up(),
    ),
    Key(
        "Shift+N",
        "next_region",
        "Next region of the scan, on whatever slice",
        lambda session: session.looking.region_view.step(1),
    ),
    Key(
        "Shift+P",
        "previous_region",
        "Previous region of the scan",
        lambda session: session.looking.region_view.step(-1),
    ),
    Key("H", "random", "Random noise of the same size instead of the perturbation", _swap("random")),
    Key("Y", "truth", "The fully sampled image of the perturbed k-space instead of the reference", _swap("truth")),
    Key(
        "J",
        "next_layout",
        "Next layout: side by side, then one panel at a time",
        lambda session: session.step_layout(1),
    ),
    Key("K", "previous_layout", "Previous layout", lambda session: session.step_layout(-1)),
    Key("U", "regions", "Regions on or off", lambda session: session.panels.drawing.toggle()),
    Key(
        "R",
        "ring",
        "Ring around what was inserted or attacked, and its surroundings, on or off",
        lambda session: session.marking.toggle(),
    ),
    Key("X", "jump", "Jump to what was inserted or attacked", lambda session: session.editing.jump()),
    Key("T", "turn", "Turn the picture by 90°", lambda session: session.marking.lay("turned")),
    Key("M", "mirror", "Mirror the picture, left and right", lambda session: session.marking.lay("mirror")),
    Key("V", "flip", "Flip the picture, top and bottom", lambda session: session.marking.lay("flip")),
    Key(
        "Shift+O",
        "studies",
        "Studies: plans of many trials on folders of scans",
        lambda session: session.bring("Studies"),
    ),
    Key("E", "attacks", "History of attacks, and the queue", lambda session: session.bring("Attacks")),
    *(Key(key, f"panels_{key}", words, _panels(key)) for key, words in _PANELS.items()),
    *(
        Key(
            f"Ctrl+{key}",
            f"keep_panels_{key}",
            _KEEP,
            _keep(key),
        )
        for key in _PANELS
    ),
    *(
        Key(
            key,
            f"window_{name}",
            f"Window of the reference: {name.replace('_', ' ')}",
            _window(name.replace("_", " ")),
        )
        for key, name in _WINDOWS.items()
    ),
    Key("0", "window_reset", "Window as at first", lambda session: session.looking.levels.reset()),
    Key(
        "A",
        "window_auto",
        "Window fitted to the reference in the region",
        lambda session: session.looking.levels.fit_to_region(),
    ),
    Key(
        "Shift+B",
        "brush",
        "Brush: paint a region with the left button; with Shift it erases",
        lambda session: session.painting.toggle(),
    ),
    Key("[", "brush_smaller", "Smaller brush", lambda session: session.painting.widen(-1)),
    Key("]", "brush_larger", "Larger brush", lambda session: session.painting.widen(1)),
    Key(
        "Shift+C",
        "copy_regions",
        "Copy the chosen regions to the next slice",
        lambda session: session.editing.copy_regions(),
    ),
    Key("Ctrl+Z", "undo", "Undo the last change of regions, knobs or settings", lambda session: session.editing.undo()),
    Key("Ctrl+Shift+Z", "redo", "Do again what was undone", lambda session: session.editing.redo()),
    Key("?", "keys", "This list", lambda session: session.asked_keys.emit()),
)


GALLERY = {
    ",": "Previous case",
    ".": "Next case",
    **{str(number): f"Verdict: {verdict.replace('-', ' ')}" for number, verdict in enumerate(SCALE, start=1)},
    "0": "No verdict",
    "Return": "Open the case",
    "C": "Compare the two chosen cases",
    "A": "Attack again: set the knobs as they were for the case",
    "R": "Replay the chosen cases",
    "T": "To the tags",
    "N": "To the note",
    "/": "To the filter",
    "F5": "List the folder again",
}


def run(command: str, viewer: Any) -> None:
    """Run a command of the manifest, which does the same as its key."""
    key = next(key for key in KEYS if key.command == command)
    key.action(Session.of(viewer))


def words_of(command: str) -> str:
    """Say what a command does."""
    return next(key.words for key in KEYS if key.command == command)


def listed() -> list[tuple[str, str]]:
    """All keys with what they do, those of one kind together."""
    found = [(key.key.lower(), key.words) for key in KEYS if not key.command.startswith("keep_panels")]
    found.insert(-1, ("ctrl+1 … ctrl+5", _KEEP))
    found.insert(-1, ("delete", "Delete the chosen regions of this slice, while the picture has the keys"))
    found.insert(-1, ("← →", "Previous and next slice, as ctrl and the wheel; while the picture has the keys"))
    found.insert(-1, ("right-drag", "Window: to the right it widens, upwards it brightens"))
    return found


def text() -> str:
    """The list behind "?"."""
    gallery = [(key.lower(), words) for key, words in GALLERY.items()]
    review = listed()
    half = review.index(("u", words_of("regions")))
    columns = (
        ("Comparing", review[:half]),
        ("Marks, panels, window, regions", review[half:]),
        ("In the gallery", gallery),
    )
    cells = "".join(f"<td><p><b>{head}</b></p><table>{_rows(rows)}</table></td>" for head, rows in columns)
    return f"<table cellpadding=4><tr>{cells}</tr></table>"


def _rows(listed: Iterable[tuple[str, str]]) -> str:
    return "".join(f"<tr><td><b>{key}</b>&nbsp;&nbsp;</td><td>{words}</td></tr>" for key, words in listed)


class Shortcuts(QObject):
    """The keys work in the whole window while any page is open, also behind a tab: the images are seen beside it.

    A shortcut wins over a layer's own keymap. Pressing G swaps the images that are compared, and holding it goes on
    swapping them at the chosen rate.
    """

    @classmethod
    def of(cls, session: Session) -> "Shortcuts":
        """The shortcuts of a session, which has one set for all its pages."""
        return session.findChild(cls) or cls(session)

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._pages: dict[QWidget, frozenset[str]] = {}  # those that are open, with the keys that they take
        self._shortcuts: dict[Key, QShortcut] = {}
        self._blink = QTimer(self)
        self._blink.setTimerType(Qt.TimerType.PreciseTimer)
        self._blink.timeout.connect(self._flip_flicker)  # Qt would keep a lambda, and thereby the session

    def need(self, page: QWidget, taken: frozenset[str] = frozenset()) -> None:
        """Note that a page is open.

        taken: keys to which the page gives another meaning now; of two equal shortcuts Qt carries out neither.
        """
        self._pages[page] = taken
        self._look()

    def let_go(self, page: QWidget) -> None:
        """Note that a page was closed."""
        self._pages.pop(page, None)
        self._look()

    def _look(self) -> None:
        taken = frozenset[str]().union(*self._pages.values())
        self._enable({key for key in KEYS if self._pages and key.key not in taken})

    def _enable(self, keys: set[Key]) -> None:
        for key in self._shortcuts.keys() - keys:
            shortcut = self._shortcuts.pop(key)
            if isalive(shortcut):
                shortcut.deleteLater()
        for key in [key for key in KEYS if key in keys and key not in self._shortcuts]:
            shortcut = self._shortcuts[key] = self._shortcut(key, next(iter(self._pages)).window())
            shortcut.setAutoRepeat(False)
            if key.command == "flicker":
                shortcut.activated.connect(self.start_flicker)
            else:
                shortcut.activated.connect(lambda key=key: self._carry_out(key))
        if not any(key.command == "flicker" for key in keys):
            self.stop_flicker()

    def _carry_out(self, key: Key) -> None:
        self._session.once_open(lambda: key.action(self._session))

    def _shortcut(self, key: Key, window: QWidget) -> QShortcut:
        if not key.on_canvas:
            return QShortcut(QKeySequence(key.key), window)
        # napari has no public way to the widget of its canvas
        canvas = self._session.panels.viewer.window._qt_viewer.canvas.native
        made = QShortcut(QKeySequence(key.key), canvas)
        made.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        return made

    def start_flicker(self) -> None:
        """Show the other image at once, and go on at the rate."""
        if not self._blink.isActive():
            QApplication.instance().installEventFilter(self)
            self._session.look(flicker=True)
            self._blink.start(round(500 / self._session.looking.rate))

    def _flip_flicker(self) -> None:
        _flip_flicker(self._session)

    def stop_flicker(self) -> None:
        """Show the image of the panel again."""
        if self._blink.isActive():
            self._blink.stop()
            QApplication.instance().removeEventFilter(self)
            self._session.look(flicker=False)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Stop the flicker when G is released, or a window loses the keys: then another one hears of the release."""
        released = (
            isinstance(event, QKeyEvent)
            and event.type() == QEvent.Type.KeyRelease
            and event.key() == Qt.Key.Key_G
            and not event.isAutoRepeat()
        )
        if released or (event is not None and event.type() == QEvent.Type.WindowDeactivate):
            self.stop_flicker()
        return False
