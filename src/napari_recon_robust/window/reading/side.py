"""What stands beside the images: consent, the display and how to read first, then the questions of each case."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
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

from ...controls.parts import button
from .display import DisplayCheck
from .form import Form
from .view_bar import ViewBar

if TYPE_CHECKING:
    from .room import ReadingRoom


class Side(QWidget):
    """Follows the reading of a room. begin: shows what comes first."""

    def __init__(self, room: "ReadingRoom") -> None:
        super().__init__()
        self._room, self._reading = room, room.reading
        self.form: Form | None = None
        self._forms: dict[int, Form] = {}
        self.comment = QPlainTextEdit()
        self.comment.setPlaceholderText("Comment")
        self.comment.setAccessibleName("Comment")
        self.comment.setMaximumHeight(48)
        self.comment.textChanged.connect(self._on_comment)
        self._words, self._error = QLabel(), QLabel()
        for label in (self._words, self._error):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
        self._error.setStyleSheet("color: #e69f00;")
        self._progress = QProgressBar()
        self._progress.setAccessibleName("Cases read")
        self._progress.setTextVisible(False)
        self._progress.setMaximumHeight(8)
        self._next = button("Next (Enter)", "Store the answers, and go to the next case", room.submit)
        self._back = button("Back", "Revise the case before (Backspace)", self._reading.go_back)
        self._pause = button("Pause (P)", "Stop the clock, and hide the images", self.pause)
        self._first = QPushButton()
        self._display = DisplayCheck()
        self.bar = ViewBar(room)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._lay_out()
        self._reading.opened.connect(self._on_opened)
        self._reading.answered.connect(self._follow)

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        for one in (self._back, self._pause, self._next):
            buttons.addWidget(one)
        layout = QVBoxLayout(self)
        for widget in (
            *(self.bar, self._words, self._display, self._first, self._progress),
            *(self._scroll, self.comment, self._error),
        ):
            layout.addWidget(widget, 1000 if widget is self._scroll else 0)
        layout.addLayout(buttons)
        layout.addStretch(1)

    # ---------------------------------------------------------------- before the first case

    def begin(self) -> None:
        """Ask for consent, then for the display, say how to read, then show the first case."""
        reading = self._reading
        if not reading.consented:
            consent = f"{reading.study.title}\n\n{reading.study.consent}\n\nNot for diagnostic use."
            self._ask(consent, "I agree and take part", self._on_consent)
        elif reading.place.shown is not None and not reading.display_checked:
            place = reading.place
            number = f"Sitting {place.sitting + 1} of {place.sittings}: " if place.sittings > 1 else ""
            words = "Look at these on the display on which you will read, and tick what you can see."
            self._ask(f"{number}Check the display\n\n{words}", "Go on", self._on_display)
            self._display.show()
        else:
            reading.go_on()

    def _ask(self, words: str, label: str, act: Callable[[], object]) -> None:
        self._words.setText(words)
        self._first.setText(label)
        if self._first.receivers(self._first.clicked):
            self._first.clicked.disconnect()
        self._first.clicked.connect(act)
        self._show_parts(asking=True)
        self._first.setFocus()

    def _show_parts(self, *, asking: bool, reading: bool = False) -> None:
        self._display.hide()
        self._first.setVisible(asking)
        for widget in (self.bar, self._progress, self._scroll, self.comment, self._back, self._pause, self._next):
            widget.setVisible(reading)

    def _on_consent(self) -> None:
        self._reading.consent()
        self.begin()

    def _on_display(self) -> None:
        screen = self.screen()
        findings = {"pixels": f"{screen.size().width()}x{screen.size().height()}", "bits": screen.depth()}
        self._reading.check_display({**self._display.findings, **findings, "ratio": screen.devicePixelRatio()})
        self._ask(_how_to_read(self._reading.study.viewing.window, self._reading.study.viewing.zoom),
                  "Start reading", self.begin)  # fmt: skip

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
        self._words.setText(self._where)
        self._progress.setRange(0, reading.place.total)
        self._progress.setValue(reading.place.done)
        self.comment.setPlainText(reading.comment)
        self._show_parts(asking=False, reading=True)
        self.comment.setVisible(reading.is_last_step)
        self._follow()
        self._room._canvas.setFocus()

    def _end(self) -> None:
        place = self._reading.place
        if place.wait:
            words = f"This sitting is finished: {place.done} of {place.total} cases are read.\n\n"
            words += f"The next one may begin at {place.wait[:16].replace('T', ' ')} (UTC). Your answers are stored."
        else:
            words = f"All is read: {place.done} of {place.total} cases.\n\nYour answers are stored. Thank you."
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
            which = "Training: you will see what is true of the case"
        elif reading.shown is not place.shown:
            which = "An earlier case, to be revised"
        note = "\nYour answers without the reference are stored. Now compare with it." if reading.step else ""
        return f"{before}{which}{part}{note}"

    def _follow(self) -> None:
        reading = self._reading
        if self.form is not None and reading.asked.id in self.form.asked:
            self._scroll.ensureWidgetVisible(self.form.asked[reading.asked.id], 0, 8)
        self._next.setEnabled(reading.complete)
        self._next.setText("Next (Enter)" if reading.truth is None else "Go on (Enter)")
        self._back.setEnabled(reading.before is not None)
        if reading.truth is not None:
            lesion = reading.truth.get("lesion")
            known = "What is true of this case is not known."
            self.say(known if lesion is None else f"There is {'a' if lesion else 'no'} lesion here.")

    def _on_comment(self) -> None:
        self._reading.comment = self.comment.toPlainText()

    def pause(self) -> None:
        """Hide the images and stop the clock, or show them again."""
        self._reading.clock.pause()
        paused = self._reading.clock.paused
        self._pause.setText("Go on (P)" if paused else "Pause (P)")
        self._room._canvas.setVisible(not paused)
        self._scroll.setEnabled(not paused)
        self._next.setEnabled(not paused and self._reading.complete)

    def say(self, words: str) -> None:
        """Show a sentence below the questions."""
        self._error.setText(words)


def _how_to_read(window: bool, zoom: bool) -> str:
    parts = [
        "How to read",
        "Look at the image at the left, answer the questions here, and go on with Enter. You are not told how an image "
        "was made.",
        "Click on an answer, or press the figure before it for the question with the blue bar. + and - move its "
        "slider. If you cannot judge, say so.",
        "Where a place is asked for, click on it; or press M for a mark in the middle, and move it by the arrows (ten "
        "pixels with Shift). X takes one of several marks away, and Z brings back what was taken away.",
    ]
    if window:
        parts.append("Drag with the right button to change brightness and contrast; W sets them back.")
    if zoom:
        parts.append("The wheel zooms, a drag moves the image, F shows all of it.")
    parts.append("Answers are stored with each case. You can close the window at any time and go on later.")
    return "\n\n".join(parts)
