"""The scale of five on which a case is judged, from failure to acceptable."""

from functools import partial

from qtpy.QtCore import QEvent, Qt, Signal
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QGridLayout, QWidget

from ...cases.gallery.verdicts import SCALE
from ...controls.parts import button, words

_NARROWEST, _GAP = 28, 3  # pixels of a button, and between two


class VerdictScale(QWidget):
    """Five buttons between the words of both ends. Signal: `given(verdict)`, one of `SCALE`, or "" to take it back."""

    given = Signal(str)

    def __init__(self, *, keys: bool = False) -> None:
        """keys: whether the digits press them, which their tips say then."""
        super().__init__()
        self.buttons = []
        for number, verdict in enumerate(SCALE, start=1):
            name = verdict.replace("-", " ").capitalize()
            one = button(str(number), f"{name}  ({number})" if keys else name, partial(self._press, verdict))
            one.setCheckable(True)
            one.setAccessibleName(f"Verdict: {name}")
            one.setMinimumWidth(_NARROWEST)
            self.buttons.append(one)
        self._ends = tuple(words(SCALE[end].capitalize()) for end in (0, -1))
        for label in self._ends:
            label.setWordWrap(False)
            label.setMinimumWidth(1)  # they go above the buttons rather than make the dock wide
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(_GAP)
        for column, one in enumerate(self.buttons, start=1):
            self._grid.addWidget(one, 1, column)
            self._grid.setColumnStretch(column, 1)
        self._arrange()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Put the words where there is room for them."""
        super().resizeEvent(event)
        self._arrange()

    def changeEvent(self, event: QEvent | None) -> None:
        """Follow the letters."""
        super().changeEvent(event)
        if event is not None and event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._arrange()

    def _arrange(self) -> None:
        """Put the words beside the buttons, or above them where those would leave them too little room."""
        worst, best = self._ends
        needed = sum(label.sizeHint().width() for label in self._ends) + len(self.buttons) * (_NARROWEST + _GAP) + _GAP
        if needed <= self.width():
            self._grid.addWidget(worst, 1, 0)
            self._grid.addWidget(best, 1, len(self.buttons) + 1)
        else:
            self._grid.addWidget(worst, 0, 1, 1, 2)
            self._grid.addWidget(best, 0, 3, 1, len(self.buttons) - 2, Qt.AlignmentFlag.AlignRight)

    def show_verdict(self, verdict: str) -> None:
        """Press the button of a verdict, and no other one."""
        for one, its in zip(self.buttons, SCALE, strict=True):
            one.setChecked(its == verdict)

    def _press(self, verdict: str, checked: bool = True) -> None:
        self.given.emit(verdict if checked else "")
