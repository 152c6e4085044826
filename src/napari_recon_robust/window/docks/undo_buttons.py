"""Undo and redo as buttons that say what they do."""

from collections.abc import Callable

from qtpy.QtWidgets import QHBoxLayout, QPushButton, QWidget

from ...controls.parts import button
from ..session import Session

_WIDTH = 30


class UndoButtons(QWidget):
    """A thin view on `undoing` of the workbench; its page says when to look at it again."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.undoing = session.bench.undoing
        self.undo = self._button("↶", lambda: session.editing.undo())
        self.redo = self._button("↷", lambda: session.editing.redo())
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.undo)
        layout.addWidget(self.redo)
        self.show_steps()

    def _button(self, sign: str, action: Callable[[], object]) -> QPushButton:
        made = button(sign, "", action)
        made.setFixedWidth(_WIDTH)
        return made

    def show_steps(self) -> None:
        """Say what would be undone and done again, and grey what has nothing."""
        for one, word, key, what in (
            (self.undo, "Undo", "Ctrl+Z", self.undoing.undone_next),
            (self.redo, "Do again", "Ctrl+Shift+Z", self.undoing.redone_next),
        ):
            one.setEnabled(bool(what))
            one.setToolTip(f"{word}: {what or 'nothing yet'}  ({key})")
            one.setAccessibleName(word)
