"""A text that is edited, with the numbers of its lines; some lines are marked."""

from collections.abc import Iterable

from qtpy.QtCore import QRect, QSize, Qt
from qtpy.QtGui import QColor, QFontDatabase, QPainter, QPaintEvent, QResizeEvent, QTextCursor, QTextFormat
from qtpy.QtWidgets import QPlainTextEdit, QTextEdit, QWidget

from .parts import CAUTION

_MARGIN = 4  # pixels on the left of a number, and twice that on its right


class _Numbers(QWidget):
    """The strip of numbers, which the editor paints."""

    def __init__(self, editor: "LineEditor") -> None:
        super().__init__(editor)
        self._editor = editor

    def sizeHint(self) -> QSize:
        """The width that the numbers need."""
        return QSize(self._editor.room, 0)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint the numbers of the lines that can be seen."""
        self._editor.paint_numbers(self)


class LineEditor(QPlainTextEdit):
    """Lines are not wrapped; Tab leaves the editor, so that the keyboard is not caught in it."""

    def __init__(self) -> None:
        super().__init__()
        self.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setTabChangesFocus(True)
        self._numbers = _Numbers(self)
        self.blockCountChanged.connect(lambda _: self._make_room())
        self.updateRequest.connect(lambda *_: self._numbers.update())
        self._make_room()

    @property
    def room(self) -> int:
        """The width of the strip of numbers, in pixels."""
        return self.fontMetrics().horizontalAdvance("9" * len(str(self.blockCount()))) + 3 * _MARGIN

    def show_text(self, text: str) -> None:
        """Show a text unless it is there already, which would lose the place of the cursor."""
        if text != self.toPlainText():
            self.setPlainText(text)

    def mark(self, lines: Iterable[int]) -> None:
        """Mark lines, counted from 1, and no others."""
        marks = []
        colour = QColor(CAUTION)
        colour.setAlpha(90)
        for line in sorted(set(lines)):
            block = self.document().findBlockByNumber(line - 1)
            if block.isValid():
                one = QTextEdit.ExtraSelection()
                one.format.setBackground(colour)
                one.format.setProperty(QTextFormat.Property.FullWidthSelection, True)
                one.cursor = QTextCursor(block)
                marks.append(one)
        self.setExtraSelections(marks)

    def go_to(self, line: int) -> None:
        """Put the cursor into a line, counted from 1, bring it into sight, and take the keyboard."""
        block = self.document().findBlockByNumber(line - 1)
        if block.isValid():
            self.setTextCursor(QTextCursor(block))
            self.centerCursor()
        self.setFocus()

    def paint_numbers(self, strip: QWidget) -> None:
        """Paint the numbers of the lines that can be seen on their strip."""
        painter = QPainter(strip)
        colour = self.palette().text().color()
        colour.setAlphaF(0.75)
        painter.setFont(self.font())
        painter.setPen(colour)
        block = self.firstVisibleBlock()
        top = self.blockBoundingGeometry(block).translated(self.contentOffset()).top()
        while block.isValid() and top <= self.viewport().height():
            height = self.blockBoundingRect(block).height()
            area = QRect(0, round(top), strip.width() - 2 * _MARGIN, round(height))
            painter.drawText(area, Qt.AlignmentFlag.AlignRight, str(block.blockNumber() + 1))
            block, top = block.next(), top + height
        painter.end()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Keep the strip at the left edge."""
        super().resizeEvent(event)
        inside = self.contentsRect()
        self._numbers.setGeometry(QRect(inside.left(), inside.top(), self.room, inside.height()))

    def _make_room(self) -> None:
        self.setViewportMargins(self.room, 0, 0, 0)
        inside = self.contentsRect()
        self._numbers.setGeometry(QRect(inside.left(), inside.top(), self.room, inside.height()))
