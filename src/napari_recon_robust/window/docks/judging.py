"""What is said of the current case: a verdict on a scale of five, tags, and a note."""

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, QObject, QStringListModel, Qt, QTimer, Signal
from qtpy.QtGui import QKeyEvent, QTextCursor
from qtpy.QtWidgets import QCompleter, QLineEdit, QPlainTextEdit, QWidget
from superqt.utils import signals_blocked

from ...cases.gallery.verdicts import Judgement
from ...controls.parts import column
from ...ground.errors import ReconRobustError
from ...workbench.browsing import Browsing
from ..worker import sentence
from .verdict_scale import VerdictScale

if TYPE_CHECKING:
    from ...cases.gallery.entry import GalleryEntry

_TYPED = 400  # ms without a key after which a note is written


class JudgementBox(QWidget):
    """A thin view on what is said of a case. A change is on the disk at once, a note after a short rest.

    Signals: `refused(sentence)`; `done()`, when Escape or Return in a field leads back to the list.
    """

    refused = Signal(str)
    done = Signal()

    def __init__(self, browsing: Browsing) -> None:
        super().__init__()
        self._browsing = browsing
        self.entry: GalleryEntry | None = None
        self.scale = VerdictScale(keys=True)
        self.scale.given.connect(self.judge)
        self.tags = _field(QLineEdit(), "Tags", "Tags, with commas between them  (T)")
        self.tags.setPlaceholderText("Tags, with commas between them")
        self._used = QStringListModel(self)
        self.tags.setCompleter(_LastOfList(self._used, self.tags))
        self.tags.editingFinished.connect(self._write_tags)
        self.note = _field(QPlainTextEdit(), "Note", "A note  (N); Shift and Return begin a new line")
        self.note.setPlaceholderText("Note")
        self.note.setTabChangesFocus(True)
        self.note.setStyleSheet("QPlainTextEdit { border: 1px solid rgba(128, 128, 128, 60%); border-radius: 2px; }")
        self._typed = QTimer(self)
        self._typed.setSingleShot(True)
        self._typed.setInterval(_TYPED)
        self._typed.timeout.connect(self.write)
        self.note.textChanged.connect(self._typed.start)
        for field in (self.tags, self.note):
            field.installEventFilter(self)
        column(self.scale, self.tags, self.note, into=self, spacing=4)
        self.show_entry(None)

    def show_entry(self, entry: "GalleryEntry | None") -> None:
        """Show what is said of a case, or of none; what was typed for another one before is written first."""
        same = self.entry is not None and entry is not None and entry.path == self.entry.path
        if not same:
            self.write()
        self.entry = entry
        said = Judgement() if entry is None else entry.judgement
        self.setEnabled(entry is not None and not entry.damage)
        self._show_verdict()
        self._used.setStringList(self._browsing.tags)
        self.note.setFixedHeight(2 * self.note.fontMetrics().lineSpacing() + 14)  # of the letters that were chosen
        with signals_blocked(self.tags), signals_blocked(self.note):
            if not (same and self.tags.hasFocus()):
                self.tags.setText(", ".join(said.tags))
            if not (same and (self.note.hasFocus() or self._typed.isActive())):
                self.note.setPlainText(said.note)
                self.note.moveCursor(QTextCursor.MoveOperation.End)

    def judge(self, verdict: str) -> None:
        """Give the current case a verdict; "" takes it back."""
        self._say(verdict=verdict)

    def write(self) -> None:
        """Write what was typed, now."""
        self._typed.stop()
        self._write_tags()
        note = self.note.toPlainText().strip()
        if self.entry is not None and note != self.entry.judgement.note:
            self._say(note=note)

    def _tags(self) -> tuple[str, ...]:
        return tuple(filter(None, (" ".join(tag.split()) for tag in self.tags.text().split(","))))

    def _write_tags(self) -> None:
        if self.entry is not None and self._tags() != self.entry.judgement.tags:
            self._say(tags=self._tags())

    def _say(self, **said: Any) -> None:
        if self.entry is None or self.entry.damage:
            return
        try:
            self.entry = self._browsing.judge(self.entry, **said)
        except ReconRobustError as error:
            self.refused.emit(sentence(error))
        self._show_verdict()

    def _show_verdict(self) -> None:
        self.scale.show_verdict("" if self.entry is None else self.entry.judgement.verdict)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Go back to the list at Escape and at Return; write what was typed when a field is left."""
        if event is None:
            return False
        if event.type() == QEvent.Type.FocusOut:
            self.write()
        elif isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            line = watched is self.note and bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            if event.key() == Qt.Key.Key_Escape or (event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not line):
                self.write()
                self.done.emit()
                return True
        return False


class _LastOfList(QCompleter):
    """Completes the last of several words with commas between them."""

    def __init__(self, words: QStringListModel, parent: QObject) -> None:
        super().__init__(words, parent)
        self.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)

    def splitPath(self, path: str | None) -> list[str]:
        """The word that is completed."""
        return [(path or "").rpartition(",")[2].strip()]

    def pathFromIndex(self, index: Any) -> str:
        """The whole text with the completed word."""
        field: Any = self.widget()
        before, comma, _ = field.text().rpartition(",")
        return f"{before}{comma}{' ' if comma else ''}{super().pathFromIndex(index)}"


def _field(field: Any, name: str, tip: str) -> Any:
    field.setAccessibleName(name)
    field.setToolTip(tip)
    return field
