"""The questions about one case, answered by the mouse or by keys."""

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractButton,
    QButtonGroup,
    QCheckBox,
    QFrame,
    QLabel,
    QPushButton,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from ...controls.wrapped import Wrapped
from ...reader_studies.questions import (
    CANNOT_JUDGE,
    CHANGES,
    CONSEQUENCES,
    SEEN,
    ForcedChoice,
    FreeResponse,
    Lesion,
    Likert,
    Question,
    Ranking,
)
from ...workbench.reading import Reading
from .mark_list import MarkList
from .slider import Slider

_STEP = 5
_KEYS = "123456789"
_INDENT = " " * 4  # as wide as a key before its answer: a digit is as wide as two spaces
_RANKS = ("1st", "2nd", "3rd", "4th", "5th", "6th")
NOTHING, RANK = "nothing", "rank"


def titled(name: str) -> str:
    """The title of an image by its name."""
    return name.capitalize()


class Asked(QFrame):
    """One question. Keys: 1 to 9 for its choices in their order, 0 for "cannot judge", + and - for its slider."""

    def __init__(self, reading: Reading, question: Question) -> None:
        super().__init__()
        self.setObjectName("asked")
        self._reading, self._question = reading, question
        self._choices: list[tuple[str, QAbstractButton, str, Any]] = []  # key, button, part of the answer, its value
        self._groups: dict[str, QButtonGroup] = {}
        self._slider: Slider | None = None
        self._slider_name = ""
        self._marks: MarkList | None = None
        self._layout = QVBoxLayout(self)
        self._layout.setSpacing(2)
        title = QLabel(question.text)
        title.setWordWrap(True)
        title.setTextFormat(Qt.TextFormat.PlainText)
        title.setStyleSheet("font-weight: 600;")
        self._layout.addWidget(title)
        self._hint = QLabel()
        self._hint.setWordWrap(True)
        self._build()
        if not any(name == CANNOT_JUDGE for _, _, name, _ in self._choices):
            self._cannot_judge()
        self.follow()

    def _build(self) -> None:
        question = self._question
        if isinstance(question, ForcedChoice):
            for at, name in enumerate(self._reading.names):
                self._choose("choice", at, f"Image {titled(name)}", str(at + 1))
        elif isinstance(question, Ranking):
            self._say("Choose the best one first, then the next. Choose one again to take back its rank.")
            for at, name in enumerate(self._reading.names):
                self._rank(at, f"Image {titled(name)}", str(at + 1))
        elif isinstance(question, FreeResponse):
            self._say("Click on each lesion in the image.")
            self._marks = MarkList(self._reading)
            self._layout.addWidget(self._marks)
            self._choose("marks", [], "There is none", "1")
        elif isinstance(question, Likert):
            for at, words in enumerate(question.words):
                self._choose("level", at + 1, words, _KEYS[at : at + 1])
        elif isinstance(question, Lesion):
            for at, seen in enumerate(SEEN):
                self._choose("seen", seen, seen.capitalize(), str(at + 1))
            self._slide("confidence", "How confident are you?")
            if question.place:
                self._layout.addWidget(self._hint)
        else:
            for at, change in enumerate(CHANGES):
                self._check(change, f"Structures were {change}", str(at + 1))
            self._choose(NOTHING, True, "Nothing was added, removed or altered", "4")
            self._cannot_judge()  # at the end it would look like an answer on the consequence
            self._slide("certainty", "How certain are you?")
            asked = QLabel("What is the consequence for the report?")
            asked.setWordWrap(True)
            self._layout.addWidget(asked)
            for at, words in enumerate(CONSEQUENCES):
                self._choose("consequence", words, words.capitalize(), str(at + 5))

    def _cannot_judge(self) -> None:
        self._choose(CANNOT_JUDGE, True, "Cannot judge", "0")

    def _choose(self, name: str, value: Any, words: str, key: str) -> None:
        made = QRadioButton(f"{key}  {words}".strip())
        made.setToolTip(words)
        Wrapped(made, _INDENT)
        made.setAccessibleName(f"{self._question.text} {words}")
        group = self._groups.setdefault("consequence" if name == "consequence" else "", QButtonGroup(self))
        group.addButton(made)
        made.clicked.connect(lambda: self._take(name, value))
        self._layout.addWidget(made)
        self._choices.append((key, made, name, value))

    def _say(self, words: str) -> None:
        self._hint.setText(words)
        self._layout.addWidget(self._hint)

    def _rank(self, position: int, words: str, key: str) -> None:
        made = QPushButton()
        made.setStyleSheet("text-align: left; padding: 3px 8px;")
        made.setAccessibleName(words)
        made.setProperty("words", f"{key}  {words}")
        made.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # Enter stays for the next case
        made.clicked.connect(lambda: self._take(RANK, position))
        self._layout.addWidget(made)
        self._choices.append((key, made, RANK, position))

    def _check(self, change: str, words: str, key: str) -> None:
        made = QCheckBox(f"{key}  {words}")
        made.setToolTip(words)
        Wrapped(made, _INDENT)
        made.setAccessibleName(words)
        made.clicked.connect(lambda: self._take("changes", change))
        self._layout.addWidget(made)
        self._choices.append((key, made, "changes", change))

    def _slide(self, name: str, words: str) -> None:
        self._slider_name = name
        self._slider = Slider(words, "a guess", "certain", lambda value: self._answer_by(value))
        self._layout.addWidget(self._slider)

    def _answer_by(self, value: float) -> None:
        self._reading.answer(self._question.id, **{self._slider_name: value})

    def _take(self, name: str, value: Any) -> None:
        id = self._question.id
        if name in ("changes", NOTHING):
            self._reading.toggle(id, NOTHING if name == NOTHING else value)
        elif name == RANK:
            self._reading.rank(id, value)
        else:
            self._reading.answer(id, **{name: value})

    def press(self, key: str) -> bool:
        """Answer by a key; returns whether it was one of this question's."""
        for known, made, name, value in self._choices:
            if key and known == key and made.isEnabled():
                self._take(name, value)
                return True
        if key not in ("+", "=", "-"):
            return False
        step = -_STEP if key == "-" else _STEP
        if self._slider is not None and self._slider.isEnabled():
            given = self._reading.values.get(self._question.id, {}).get(self._slider_name, 50.0)
            self._answer_by(_within(given + step))
            return True
        if self._marks is not None and self._reading.marks.all:
            given = self._reading.marks.rating
            self._reading.marks.rate(_within((50.0 if given is None else given) + step))
            return True
        return False

    def follow(self) -> None:
        """Show the answer as it is."""
        value = self._reading.values.get(self._question.id, {})
        for group in self._groups.values():
            group.setExclusive(False)
        for _, made, name, choice in self._choices:
            if name == RANK:
                self._show_rank(made, value.get("order", []), choice)
            elif name == "changes":
                made.setChecked(choice in value.get("changes", ()))
            elif name == NOTHING:
                made.setChecked(value.get("changes") == [])
            else:
                made.setChecked(name in value and value[name] == choice)
            if name == "consequence":
                made.setEnabled(bool(value.get("changes")))
        for group in self._groups.values():
            group.setExclusive(True)
        if self._slider is not None:
            self._slider.setEnabled(value.get("seen") in ("yes", "no") or "changes" in value)
            self._slider.show_value(value.get(self._slider_name))
        if self._marks is not None:
            self._marks.follow()
        if isinstance(self._question, Lesion):
            where = f" on slice {value['slice'] + 1}" if "slice" in value else ""
            marked = f"The lesion is marked{where}; click again to move the mark."
            marked = marked if "row" in value else "Click on the lesion."
            self._hint.setText(marked if value.get("seen") == "yes" else "")

    def _show_rank(self, made: QAbstractButton, order: list[int], position: int) -> None:
        rank = _RANKS[order.index(position)] if position in order else ""
        made.setText(f"{made.property('words')}{f'   —   {rank}' * bool(rank)}")

    @property
    def line(self) -> QWidget | None:
        """That of the mark that was chosen, which the reader rates next."""
        return None if self._marks is None else self._marks.chosen

    def mark_current(self, current: bool) -> None:
        """Show whether this is the question that keys answer."""
        colour = "#56b4e9" if current else "transparent"
        self.setStyleSheet(f"QFrame#asked {{ border-left: 3px solid {colour}; }}")


def _within(value: float) -> float:
    return float(min(max(value, 0), 100))


class Form(QWidget):
    """All questions of a step, one below the other."""

    def __init__(self, reading: Reading, changed: Callable[[], object]) -> None:
        super().__init__()
        self._reading, self._changed = reading, changed
        self.asked = {id: Asked(reading, question) for id, question in reading.questions.items()}
        layout = QVBoxLayout(self)
        for one in self.asked.values():
            layout.addWidget(one)
        layout.addStretch(1)
        reading.answered.connect(self.follow)
        reading.opened.connect(self.follow)
        self.follow()

    def press(self, key: str) -> bool:
        """Answer the question that is asked by a key; returns whether it was known.

        A slider that was moved once is done, and is still moved by keys until another one is open.
        """
        current = self.asked[self._reading.asked.id]
        every = list(self.asked.values())
        before = reversed(every[: every.index(current)]) if key in ("+", "=", "-") else ()
        return current.press(key) or any(one.press(key) for one in before)

    def follow(self) -> None:
        """Show the answers as they are, while its step is asked."""
        if set(self._reading.questions) != set(self.asked):
            return
        current = self._reading.asked.id
        for id, one in self.asked.items():
            one.follow()
            one.mark_current(id == current)
        self._changed()
