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
    QRadioButton,
    QSizePolicy,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from ...reader_studies.questions import (
    CANNOT_JUDGE,
    CHANGES,
    CONSEQUENCES,
    SEEN,
    ForcedChoice,
    Lesion,
    Likert,
    Question,
)
from ...workbench.reading import Reading

_STEP = 5
NOTHING = "nothing"


class Asked(QFrame):
    """One question. Keys: 1, 2, ... for its choices in their order, 0 for "cannot judge", + and - for its slider."""

    def __init__(self, reading: Reading, question: Question) -> None:
        super().__init__()
        self.setObjectName("asked")
        self._reading, self._question = reading, question
        self._choices: list[tuple[str, QAbstractButton, str, Any]] = []  # key, button, part of the answer, its value
        self._groups: dict[str, QButtonGroup] = {}
        self._slider: QSlider | None = None
        self._slider_name = self._slider_words = ""
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
        self._choose(CANNOT_JUDGE, True, "Cannot judge", "0")
        self.follow()

    def _build(self) -> None:
        question = self._question
        if isinstance(question, ForcedChoice):
            for at, side in enumerate(("left", "right")):
                self._choose("choice", at, f"The image at the {side}", str(at + 1))
        elif isinstance(question, Likert):
            for at, words in enumerate(question.words):
                self._choose("level", at + 1, words, str(at + 1))
        elif isinstance(question, Lesion):
            for at, seen in enumerate(SEEN):
                self._choose("seen", seen, seen.capitalize(), str(at + 1))
            self._slide("confidence", "How confident are you?")
            self._layout.addWidget(self._hint)
        else:
            for at, change in enumerate(CHANGES):
                self._check(change, f"Structures were {change}", str(at + 1))
            self._choose(NOTHING, True, "Nothing of these", "4")
            self._slide("certainty", "How certain are you?")
            self._layout.addWidget(QLabel("Of what consequence?"))
            for at, words in enumerate(CONSEQUENCES):
                self._choose("consequence", words, words.capitalize(), str(at + 5))

    def _choose(self, name: str, value: Any, words: str, key: str) -> None:
        made = QRadioButton(f"{key}  {words}")
        made.setToolTip(words)
        made.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)  # long words are cut, not the form
        made.setAccessibleName(f"{self._question.text} {words}")
        group = self._groups.setdefault("consequence" if name == "consequence" else "", QButtonGroup(self))
        group.addButton(made)
        made.clicked.connect(lambda: self._take(name, value))
        self._layout.addWidget(made)
        self._choices.append((key, made, name, value))

    def _check(self, change: str, words: str, key: str) -> None:
        made = QCheckBox(f"{key}  {words}")
        made.setAccessibleName(words)
        made.clicked.connect(lambda: self._take("changes", change))
        self._layout.addWidget(made)
        self._choices.append((key, made, "changes", change))

    def _slide(self, name: str, words: str) -> None:
        self._slider_name, self._slider_words = name, words
        self._slider_label = QLabel(words)
        self._slider = QSlider(Qt.Orientation.Horizontal)
        self._slider.setRange(0, 100)
        self._slider.setSingleStep(_STEP)
        self._slider.setValue(50)
        self._slider.setAccessibleName(words)
        self._slider.setToolTip("0 is a guess, 100 is certain (keys: + and -)")
        self._slider.valueChanged.connect(self._on_slider)
        self._layout.addWidget(self._slider_label)
        self._layout.addWidget(self._slider)

    def _take(self, name: str, value: Any) -> None:
        id = self._question.id
        if name in ("changes", NOTHING):
            self._reading.toggle(id, NOTHING if name == NOTHING else value)
        else:
            self._reading.answer(id, **{name: value})

    def _on_slider(self, value: int) -> None:
        self._reading.answer(self._question.id, **{self._slider_name: float(value)})

    def press(self, key: str) -> bool:
        """Answer by a key; returns whether it was one of this question's."""
        for known, made, name, value in self._choices:
            if known == key and made.isEnabled():
                self._take(name, value)
                return True
        if self._slider is not None and self._slider.isEnabled() and key in ("+", "=", "-"):
            given = self._reading.values.get(self._question.id, {}).get(self._slider_name, 50.0)
            self._on_slider(int(min(max(given + (_STEP if key != "-" else -_STEP), 0), 100)))
            return True
        return False

    def follow(self) -> None:
        """Show the answer as it is."""
        value = self._reading.values.get(self._question.id, {})
        for group in self._groups.values():
            group.setExclusive(False)
        for _, made, name, choice in self._choices:
            if name == "changes":
                made.setChecked(choice in value.get("changes", ()))
            elif name == NOTHING:
                made.setChecked(value.get("changes") == [])
            else:
                made.setChecked(name in value and value[name] == choice)
            if name == "consequence":
                made.setEnabled(bool(value.get("changes")))
        for group in self._groups.values():
            group.setExclusive(True)
        self._follow_slider(value)
        wanted = value.get("seen") == "yes" and isinstance(self._question, Lesion) and self._question.place
        marked = "The lesion is marked; click again to move the mark." if "row" in value else "Click on the lesion."
        self._hint.setText(marked if wanted else "")

    def _follow_slider(self, value: dict[str, Any]) -> None:
        if self._slider is None:
            return
        given = value.get(self._slider_name)
        self._slider.setEnabled(value.get("seen") in ("yes", "no") or "changes" in value)
        self._slider.blockSignals(True)
        self._slider.setValue(50 if given is None else int(given))
        self._slider.blockSignals(False)
        self._slider_label.setText(f"{self._slider_words} {'not set' if given is None else f'{given:g}'}")

    def mark_current(self, current: bool) -> None:
        """Show whether this is the question that keys answer."""
        colour = "#56b4e9" if current else "transparent"
        self.setStyleSheet(f"QFrame#asked {{ border-left: 3px solid {colour}; }}")


class Form(QWidget):
    """All questions of a study, one below the other."""

    def __init__(self, reading: Reading, changed: Callable[[], object]) -> None:
        super().__init__()
        self._reading, self._changed = reading, changed
        self.asked = {id: Asked(reading, question) for id, question in reading.questions.items()}
        layout = QVBoxLayout(self)
        for one in self.asked.values():
            layout.addWidget(one)
        reading.answered.connect(self.follow)
        reading.opened.connect(self.follow)
        self.follow()

    def press(self, key: str) -> bool:
        """Answer the question that is asked by a key; returns whether it was one of its own."""
        return self.asked[self._reading.asked.id].press(key)

    def follow(self) -> None:
        """Show the answers as they are."""
        current = self._reading.asked.id
        for id, one in self.asked.items():
            one.follow()
            one.mark_current(id == current)
        self._changed()
