"""The scale of five on which a case is judged, from failure to acceptable."""

from functools import partial

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QWidget

from ...cases.gallery.verdicts import SCALE
from ...controls.parts import button, column, row, words


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
            one.setMinimumWidth(28)
            self.buttons.append(one)
        worst, best = (words(SCALE[end].capitalize()) for end in (0, -1))
        for label in (worst, best):
            label.setWordWrap(False)
            label.setMinimumWidth(40)  # a large font leaves less room for them than they ask for
        scale = row(worst, *self.buttons, best)
        scale.setSpacing(3)
        column(scale, into=self)

    def show_verdict(self, verdict: str) -> None:
        """Press the button of a verdict, and no other one."""
        for one, its in zip(self.buttons, SCALE, strict=True):
            one.setChecked(its == verdict)

    def _press(self, verdict: str, checked: bool = True) -> None:
        self.given.emit(verdict if checked else "")
