"""Where a reader clicked: the place of a lesion, or the marks of a free response."""

from typing import Any, Protocol

import numpy as np
from psygnal import Signal, SignalInstance

from ..reader_studies.bundle import Shown
from ..reader_studies.questions import MARKS, Answer, FreeResponse, Lesion, Question
from .reading_slices import ReadingSlices

NEAR = 4.0  # pixels around a mark within which a click chooses it
_OUTSIDE = "Marks outside of the square do not count. Click in the square."
_FULL = f"{MARKS} marks are the most that a case can have. Take one away to set another."


class Judged(Protocol):
    """The case that is read, as far as its marks need it; `reading.Reading` is one."""

    shown: Shown | None
    values: dict[str, Answer]
    slices: ReadingSlices
    truth: dict[str, Any] | None

    @property
    def questions(self) -> dict[str, Question]:
        """What is asked at this step, by id."""

    @property
    def answered(self) -> SignalInstance:
        """Tells of another answer."""

    def answer(self, question: str, **part: Any) -> None:
        """Take a part of an answer."""


class ReadingMarks:
    """The marks on the image that is read, which are part of its answers. Each is on one slice.

    selected: which mark of a free response is rated, moved or taken away; -1 for the last one of the slice.
    Signal: `refused(sentence)`, why a click set no mark.
    """

    refused = Signal(str)

    def __init__(self, reading: Judged) -> None:
        self._reading = reading
        self._taken: list[list[Answer]] = []
        self.forget()

    def forget(self) -> None:
        """Begin with another case."""
        self.selected = -1
        self._taken = []

    def keep(self, before: list[Answer], after: list[Answer]) -> None:
        """Remember the marks that an answer takes away, so that they can be brought back."""
        if len(after) < len(before):
            self._taken.append([mark for mark in before if mark not in after])
            self.selected = -1

    @property
    def can_bring_back(self) -> bool:
        """Whether marks were taken away, and there is room for them."""
        return bool(self._taken) and len(self.all) + len(self._taken[-1]) <= MARKS

    def bring_back(self) -> None:
        """Put the marks back that were taken away last, whether one by one, by "none" or by "cannot judge"."""
        question = self._open
        if question is not None and self.can_bring_back:
            self._reading.answer(question.id, marks=[*self.all, *self._taken.pop()])

    @property
    def question(self) -> Question | None:
        """The question that a click on the image answers."""
        for id, question in self._reading.questions.items():
            if (
                isinstance(question, Lesion)
                and question.place
                and self._reading.values.get(id, {}).get("seen") == "yes"
            ):
                return question
        return next((one for one in self._reading.questions.values() if isinstance(one, FreeResponse)), None)

    @property
    def _open(self) -> Question | None:
        """The same, until the truth is told: then what was answered stays."""
        return None if self._reading.truth is not None else self.question

    @property
    def all(self) -> list[Answer]:
        """The places that were marked.

        `row` and `column`, the `slice` in a case of several, and of a free response the `rating` that was given.
        """
        for value in self._reading.values.values():
            if "row" in value:
                return [value]
        return [mark for value in self._reading.values.values() for mark in value.get("marks", ())]

    def is_here(self, mark: Answer) -> bool:
        """Whether a mark is on the slice that is shown."""
        return bool(mark.get("slice", 0) == self._reading.slices.at)

    @property
    def _chosen(self) -> int:
        """Which mark keys act on: the selected one, or the last of the slice that is shown; -1 for none."""
        here = [at for at, mark in enumerate(self.all) if self.is_here(mark)]
        return self.selected if self.selected in here else here[-1] if here else -1

    @property
    def chosen(self) -> Answer | None:
        """The mark that keys move, None where there is none on the slice that is shown, or the truth is told."""
        return None if self._chosen < 0 or self._open is None else self.all[self._chosen]

    def select(self, at: int) -> None:
        """Choose a mark, and show its slice."""
        self._reading.slices.turn(self.all[at].get("slice", 0))
        self.selected = at

    def unselect(self) -> None:
        """Choose none: another slice is shown."""
        self.selected = -1

    def add(self, row: float, column: float) -> None:
        """Take a click on the image: the place of the lesion, or one more mark; near a mark it chooses that one.

        A click where marks do not count, or beyond the most that there can be, changes nothing; `refused` says why.
        """
        question, shown = self._open, self._reading.shown
        if question is not None and shown is not None and not shown.counts({"row": row, "column": column}):
            self.refused.emit(_OUTSIDE)
            return
        place = {"row": row, "column": column} | (
            {"slice": self._reading.slices.at} if self._reading.slices.count > 1 else {}
        )
        if isinstance(question, Lesion):
            self._reading.answer(question.id, **place)
        elif question is not None:
            marks = self.all
            away = [
                np.hypot(mark["row"] - row, mark["column"] - column) if self.is_here(mark) else np.inf for mark in marks
            ]
            if away and min(away) <= NEAR:
                self.selected = int(np.argmin(away))
                self._reading.answered.emit()
            elif len(marks) < MARKS:
                self.selected = len(marks)
                self._reading.answer(question.id, marks=[*marks, place])
            else:
                self.refused.emit(_FULL)

    def add_in_middle(self) -> None:
        """Mark the middle of the square in which to look, or of the image; arrows move the mark from there."""
        if self._reading.shown is not None:
            top, left, height, width = self._reading.shown.looked_at
            self.add(top + (height - 1) / 2, left + (width - 1) / 2)

    def move(self, down: float, right: float) -> None:
        """Move the lesion's mark, or the chosen one, by pixels, within where marks count."""
        found = self.chosen
        if self._reading.shown is None or found is None:
            return
        top, left, height, width = self._reading.shown.looked_at
        row = min(max(found["row"] + down, float(top)), top + height - 1.0)
        column = min(max(found["column"] + right, float(left)), left + width - 1.0)
        self._change(row=row, column=column)

    def rate(self, rating: float) -> None:
        """Rate the chosen mark; where the slice has none, the last one, whose slice is shown then."""
        if self.all:
            if self._chosen < 0:
                self.select(len(self.all) - 1)
            self._change(rating=rating)

    @property
    def rating(self) -> float | None:
        """Of the mark that `rate` would rate."""
        return self.all[self._chosen].get("rating") if self.all else None

    def _change(self, **part: float) -> None:
        question = self._open
        if isinstance(question, FreeResponse):
            marks = list(self.all)
            marks[self._chosen] = marks[self._chosen] | part
            self._reading.answer(question.id, marks=marks)
        elif question is not None:
            self._reading.answer(question.id, **part)

    def take_away(self) -> None:
        """Take the chosen mark of a free response away; the last one left on the slice is chosen then."""
        question = self._open
        if isinstance(question, FreeResponse) and self._chosen >= 0:
            marks = list(self.all)
            del marks[self._chosen]
            self._reading.answer(question.id, marks=marks)
            if not marks:  # which would be the answer that there is none
                self._reading.values.pop(question.id)
                self._reading.answered.emit()
