"""The marks of a free response: a line for each, with its rating and a button that takes it away."""

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFrame, QPushButton, QVBoxLayout

from ...workbench.reading import Reading
from .slider import Slider


class MarkList(QFrame):
    """Follows the marks of the case that is read."""

    def __init__(self, reading: Reading) -> None:
        super().__init__()
        self._reading = reading
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(2)
        self.lines: list[Slider] = []
        self.again = QPushButton("Bring back what was taken away (Z)")
        self.again.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.again.clicked.connect(reading.marks.bring_back)
        self._layout.addWidget(self.again)

    def follow(self) -> None:
        """Show the marks and their ratings as they are."""
        marks = self._reading.marks.all
        self.again.setVisible(self._reading.marks.can_bring_back)
        while len(self.lines) > len(marks):
            line = self.lines.pop()
            self._layout.removeWidget(line)
            line.hide()
            line.deleteLater()
        while len(self.lines) < len(marks):
            self.lines.append(self._line(len(self.lines)))
            self._layout.insertWidget(len(self.lines) - 1, self.lines[-1])
        for at, (line, mark) in enumerate(zip(self.lines, marks, strict=True)):
            where = f" (slice {mark['slice'] + 1})" if "slice" in mark else ""
            line.ask(f"{at + 1}{where}. How sure are you?")
            line.show_value(mark.get("rating"))
            chosen = at == self._reading.marks.selected
            line.label.setStyleSheet("font-weight: 600; color: #f0e442;" if chosen else "")

    @property
    def chosen(self) -> Slider | None:
        """The line of the mark that was chosen."""
        selected = self._reading.marks.selected
        return self.lines[selected] if 0 <= selected < len(self.lines) else None

    def _line(self, at: int) -> Slider:
        made = Slider("", "a faint suspicion", "certain", lambda value: self._rate(at, value))
        away = QPushButton("×")
        away.setFixedWidth(28)
        away.setToolTip("Take it away (X)")
        away.setAccessibleName(f"Take mark {at + 1} away")
        away.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        away.clicked.connect(lambda: self._take_away(at))
        made.head.addWidget(away)
        return made

    def _rate(self, at: int, value: float) -> None:
        self._reading.marks.select(at)
        self._reading.marks.rate(value)

    def _take_away(self, at: int) -> None:
        self._reading.marks.select(at)
        self._reading.marks.take_away()
