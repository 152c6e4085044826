"""What stands beside the images: consent, the display and how to read first, then the questions of each case."""

from collections.abc import Callable
from datetime import datetime

from qtpy.compat import isalive
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from ...controls.focus_ring import FocusRing
from ...controls.letters import letter_style
from ...controls.parts import button
from ...reader_studies.questions import FreeResponse, Lesion
from ...workbench.reading import Reading
from .controlled import Controlled
from .display import DisplayCheck
from .form import Form
from .view_bar import ViewBar


class Side(QWidget):
    """Follows the reading of a room. begin: shows what comes first."""

    def __init__(self, room: Controlled) -> None:
        super().__init__()
        self._room, self._reading = room, room.reading
        self.setStyleSheet(letter_style())
        self.form: Form | None = None
        self._forms: dict[int, Form] = {}
        self.comment = QPlainTextEdit()
        self.comment.setPlaceholderText("Comment")
        self.comment.setAccessibleName("Comment")
        self.comment.setTabChangesFocus(True)  # or who reads without a mouse would not come out of it
        self.comment.setMaximumHeight(48)
        self.comment.setStyleSheet("border: 1px solid #6a6a72; border-radius: 2px;")
        self.comment.textChanged.connect(self._on_comment)
        self._text, self._words, self._error = QLabel(), QLabel(), QLabel()
        for label in (self._text, self._words, self._error):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
        self._error.setStyleSheet("color: #e69f00;")
        self._progress = QProgressBar()
        self._progress.setAccessibleName("Cases read")
        self._progress.setTextVisible(False)
        self._progress.setMaximumHeight(8)
        self._next = button("Next (Enter)", "Store the answers, and show the next case", room.submit)
        self._back = button("Back", "Change the answers to the case before (Backspace)", self.go_back)
        self._pause = button("Pause (P)", "Hide the images; this time is not counted", self.pause)
        self._first = QPushButton()
        self._display = DisplayCheck()
        self._page = QScrollArea()  # a consent may be longer than a window is high
        self.bar = ViewBar(room)
        self._scroll = QScrollArea()
        for one in (self._page, self._scroll):
            one.setWidgetResizable(True)
            one.setFrameShape(QScrollArea.Shape.NoFrame)
            one.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        # a form that has grown is laid out in a turn that comes later than the answer's on slow machines
        self._scroll.verticalScrollBar().rangeChanged.connect(lambda *_: self._show_asked())
        self._lay_out()
        FocusRing(self)
        self._reading.opened.connect(self._on_opened)
        self._reading.answered.connect(self._follow)

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        for one in (self._back, self._pause, self._next):
            buttons.addWidget(one)
        page = QWidget()
        inside = QVBoxLayout(page)
        inside.setContentsMargins(0, 0, 0, 0)
        for widget in (self._text, self._display):
            inside.addWidget(widget)
        inside.addStretch(1)
        self._page.setWidget(page)
        layout = QVBoxLayout(self)
        for widget in (
            *(self._page, self._first, self.bar, self._words, self._progress),
            *(self._scroll, self.comment, self._error),
        ):
            layout.addWidget(widget, 1000 if widget in (self._page, self._scroll) else 0)
        layout.addLayout(buttons)
        layout.addStretch(1)

    # ---------------------------------------------------------------- before the first case

    def begin(self) -> None:
        """Ask for consent, then for the display, say how to read, then show the first case."""
        reading = self._reading
        if not reading.consented:
            consent = f"{reading.study.title}\n\n{reading.study.consent}\n\nYou take part under the pseudonym "
            consent += f"{reading.reader}.\n\nResearch only, not for diagnostic use."
            self._ask(consent, "I agree and take part", self._on_consent)
        elif reading.place.shown is not None and not reading.display_checked:
            place = reading.place
            number = f"Sitting {place.sitting + 1} of {place.sittings}: " if place.sittings > 1 else ""
            words = "Look at the patterns on the display on which you will read, and tick what you can see."
            self._ask(f"{number}Check the display\n\n{words}", "Continue", self._on_display)
            self._display.show()
        else:
            reading.go_on()

    def _ask(self, words: str, label: str, act: Callable[[], object]) -> None:
        self._text.setText(words)
        self._page.verticalScrollBar().setValue(0)
        self._first.setText(label)
        if self._first.receivers(self._first.clicked):
            self._first.clicked.disconnect()
        self._first.clicked.connect(act)
        self._show_parts(asking=True)
        self._first.setFocus()

    def _show_parts(self, *, asking: bool, reading: bool = False) -> None:
        self._display.hide()
        for widget in (self._page, self._first):
            widget.setVisible(asking)
        of_a_case = (self.bar, self._words, self._progress, self._scroll, self.comment)
        for widget in (*of_a_case, self._back, self._pause, self._next):
            widget.setVisible(reading)

    def _on_consent(self) -> None:
        self._reading.consent()
        self.begin()

    def _on_display(self) -> None:
        screen = self.screen()
        findings = {"pixels": f"{screen.size().width()}x{screen.size().height()}", "bits": screen.depth()}
        self._reading.check_display({**self._display.findings, **findings, "ratio": screen.devicePixelRatio()})
        self._ask(_how_to_read(self._reading), "Start reading", self.begin)

    # ---------------------------------------------------------------- a case

    def _on_opened(self) -> None:
        reading = self._reading
        self._error.clear()
        if reading.shown is None:
            self._end()
            return
        if not reading.display_checked:
            self.begin()
            return
        self._show_form()
        self._progress.setRange(0, reading.place.total)
        self._progress.setValue(reading.place.done)
        self.comment.setPlainText(reading.comment)
        self._show_case()

    def _show_case(self) -> None:
        self._show_parts(asking=False, reading=True)
        self.comment.setVisible(self._reading.is_last_step)
        self._follow_pause()
        self._room.canvas.setFocus()

    def _end(self) -> None:
        place = self._reading.place
        if place.wait:
            words = f"You have finished sitting {place.sitting} of {place.sittings}. Your answers are stored.\n\n"
            local = datetime.fromisoformat(place.wait).astimezone()
            words += f"You can begin the next sitting on {local:%d %B %Y, %H:%M}."
        else:
            words = f"You have read all cases: {place.done} of {place.total}.\n\nYour answers are stored. Thank you."
        self._ask(words, "Close", self._room.close)

    def _show_form(self) -> None:
        step = self._reading.step
        if step not in self._forms:
            self._forms[step] = Form(self._reading, self._follow)
        if self.form is not self._forms[step]:
            self._scroll.takeWidget()
            self.form = self._forms[step]
            self._scroll.setWidget(self.form)
        self.form.follow()

    @property
    def _where(self) -> str:
        """Which case this is."""
        reading, place = self._reading, self._reading.place
        before = f"Sitting {place.sitting + 1} of {place.sittings} · " if place.sittings > 1 else ""
        part = f", part {reading.step + 1} of {len(reading.study.steps)}" if len(reading.study.steps) > 1 else ""
        which = f"Case {place.done + 1} of {place.total}"
        if reading.shown is not None and reading.shown.training:
            which = "Training case: your answer does not count"
        elif reading.shown is not place.shown:
            which = "An earlier case: change your answers"
        note = "\nYour answers so far are stored. Now compare with the reference." if reading.step else ""
        return f"{before}{which}{part}{note}"

    def _follow(self) -> None:
        reading = self._reading
        QTimer.singleShot(0, self._show_asked)  # once the form has its size, which its first question needs
        paused = reading.clock.paused
        self._next.setEnabled(not paused and reading.complete)
        self._next.setText("Next (Enter)" if reading.truth is None else "Continue (Enter)")
        self._back.setVisible(reading.before is not None)
        self._back.setEnabled(not paused)
        self.comment.setReadOnly(reading.truth is not None)
        if self.form is not None:
            self.form.setEnabled(reading.truth is None)  # what was answered stays
        self.say("" if reading.truth is None else _told(reading.truth.get("lesion")))

    def _show_asked(self) -> None:
        """Scroll to the question that keys answer; of one higher than the room, to its beginning or mark."""
        id = self._reading.asked.id
        if isalive(self) and self.form is not None and id in self.form.asked:
            asked = self.form.asked[id]
            self._scroll.ensureWidgetVisible(asked, 0, 8)
            bar = self._scroll.verticalScrollBar()
            bar.setValue(min(bar.value(), asked.pos().y()))
            if asked.line is not None:
                self._scroll.ensureWidgetVisible(asked.line, 0, 8)

    def _on_comment(self) -> None:
        self._reading.comment = self.comment.toPlainText()

    def go_back(self) -> None:
        """Show the case before, to revise its answers, or say that there is none."""
        if self._reading.before is not None:
            self._reading.go_back()
        elif self._reading.truth is None:
            back = self._reading.study.back
            self.say(
                f"{'There is no case before that can still' if back else 'In this study answers cannot'} be changed."
            )

    def pause(self) -> None:
        """Hide the images and stop the clock, or show them again."""
        self._reading.clock.pause()
        self._show_case()

    def help(self) -> None:
        """Say once more how to read, in a pause."""
        self.pause()
        self._ask(_how_to_read(self._reading), "Continue (H)", self.pause)

    def _follow_pause(self) -> None:
        """Show the case and let it be answered, unless reading is paused."""
        paused = self._reading.clock.paused
        self._pause.setText("Continue (P)" if paused else "Pause (P)")
        self.bar.setEnabled(not paused)
        self._words.setText("Paused. This time is not counted; your answers are kept." if paused else self._where)
        self._room.canvas.setVisible(not paused)
        self._scroll.setEnabled(not paused)
        self._follow()

    def say(self, words: str) -> None:
        """Show a sentence below the questions."""
        self._error.setText(words)


def _told(lesion: bool | None) -> str:
    """The truth of a case for training: whether it has a lesion, None where that is not known."""
    if lesion is None:
        return "The truth of this case is not known."
    return f"The truth: there is {'a' if lesion else 'no'} lesion in this case."


def _how_to_read(reading: Reading) -> str:
    viewing, several = reading.study.viewing, reading.slices.most > 1
    parts = [
        "How to read",
        "Look at the images on the left, answer the questions here, then press Next or Enter. You are not told how an "
        "image was made.",
        "Click on an answer, or press the number in front of it. The number keys answer the question with the blue "
        "bar; + and - move its slider. Press 0 if you cannot judge.",
    ]
    marked = any(isinstance(question, FreeResponse) for question in reading.study.questions)
    if marked or any(isinstance(question, Lesion) and question.place for question in reading.study.questions):
        parts.append(
            "Where you are asked for a place, click on it in the image. Without a mouse: M sets a mark in the middle, "
            "the arrow keys move it (with Shift by ten pixels)."
            + " X removes the chosen mark, Z brings back what was removed."
            * marked
        )
    if viewing.region:
        parts.append(
            "The square shows where to look. If you are asked about lesions, only what is in it counts; marks cannot "
            "be set outside of it."
        )
    if several:
        parts.append(
            "Where a case has several slices, turn them with the mouse wheel, or press K for the next and J for the "
            "one before. A mark belongs to the slice on which it was set, and is seen on that one alone."
        )
    if viewing.window:
        parts.append(
            "Brightness and contrast: drag with the right mouse button, or press B for brighter, D for darker, C for "
            "more contrast, N for less. W resets them."
        )
    if viewing.zoom:
        parts.append(
            f"Zoom with {'Ctrl and ' * several}the mouse wheel, or Page Up and Page Down. Drag the image to move it, "
            f"or use the arrow keys. F shows the whole image{', R the marked region' * viewing.region}."
        )
    parts.append(
        "Your answers are stored when you press Next. P pauses, H shows this page again. You can close the window at "
        "any time and continue later."
    )
    if reading.study.back:
        parts.append(
            "Backspace goes back to the case before, to change its answers, until the same slice is shown once more."
        )
    return "\n\n".join(parts)
