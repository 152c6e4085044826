"""Words of a button over as many lines as they need: Qt's own have one line, of which the end is cut off."""

import re

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QFontMetrics
from qtpy.QtWidgets import QAbstractButton, QSizePolicy

_SINGLE = re.compile("(?<! ) (?! )")
_CHANGES = (QEvent.Type.Resize, QEvent.Type.FontChange, QEvent.Type.StyleChange)


class Wrapped(QObject):
    """Breaks a button's words between words, whenever its width or its letters change.

    indent: what stands before each line but the first.
    """

    def __init__(self, button: QAbstractButton, indent: str = "") -> None:
        super().__init__(button)
        self._button, self._words, self._indent = button, button.text(), indent
        button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        button.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Follow the button's width and letters."""
        if event is not None and event.type() in _CHANGES:
            self._break()
        return False

    def _break(self) -> None:
        button, measured = self._button, self._button.fontMetrics()
        beside = button.sizeHint().width() - measured.size(Qt.TextFlag.TextShowMnemonic, button.text()).width()
        text = broken(self._words, self._indent, measured, button.width() - beside)
        if text != button.text():
            button.setText(text)


def broken(words: str, indent: str, measured: QFontMetrics, width: int) -> str:
    """Break words into lines of at most so many pixels, as far as no single word is longer.

    Lines end at single spaces: two keep a key beside its answer.
    """
    first, *others = _SINGLE.split(words)
    lines = [first]
    for word in others:
        longer = f"{lines[-1]} {word}"
        # as the button measures its hint: an advance can be two pixels shorter
        if measured.size(Qt.TextFlag.TextShowMnemonic, longer).width() <= width:
            lines[-1] = longer
        else:
            lines.append(f"{indent}{word}")
    return "\n".join(lines)
