"""A sentence that is wrapped within long names too, and copied without the breaks."""

import re

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeyEvent, QKeySequence
from qtpy.QtWidgets import QAction, QApplication, QLabel

_BREAK = "\u200b"  # no width; a line may end here
_LONG = re.compile(r"\S{17,}")
_PLACES = re.compile(r"[_./\\-]|[^\W_]{12}")  # behind a separator, and within what has none for long


class Message(QLabel):
    """A sentence. Qt wraps between words only: a long file name would be cut off, and the lines after it too."""

    def __init__(self) -> None:
        super().__init__()
        self.setWordWrap(True)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        copy = QAction("Copy", self)
        copy.triggered.connect(self._copy)
        self.addAction(copy)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)

    def setText(self, text: str | None) -> None:
        """Show a sentence."""
        super().setText(_LONG.sub(lambda word: _PLACES.sub(rf"\g<0>{_BREAK}", word[0]), text or ""))

    def text(self) -> str:
        """The sentence."""
        return super().text().replace(_BREAK, "")

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Copy without the breaks, which would hide in a name that is pasted somewhere."""
        if event is not None and event.matches(QKeySequence.StandardKey.Copy):
            self._copy()
        else:
            super().keyPressEvent(event)

    def _copy(self) -> None:
        clipboard = QApplication.clipboard()
        assert clipboard is not None
        clipboard.setText(self.selectedText().replace(_BREAK, "") or self.text())
