"""One reader of a frozen study: what is shown, what is answered, and when. It knows neither arms nor cases."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from ..data.roi import ROI
from ..ground.errors import InputError
from ..reader_studies.answers import Answers, Place
from ..reader_studies.bundle import Sheet, Shown
from ..reader_studies.questions import CANNOT_JUDGE, COMMENT, PLACE, Answer, Question, Structures, image_names
from .reading_clock import ReadingClock
from .reading_marks import ReadingMarks
from .reading_slices import ReadingSlices

CHANGED = {"seen": PLACE}  # what an answer makes void when it changes


class Reading:
    """The case that is read, and its answers so far.

    marks: the places that were clicked; slices: which of them is shown; clock: times the case, by monotonic seconds.
    Signals: `opened()`, another case; `answered()`, an answer.
    """

    opened = Signal()
    answered = Signal()

    def __init__(self, answers: Answers, reader: str, clock: Callable[[], float] = time.monotonic) -> None:
        answers.access.check_reader(reader)
        self._answers, self.reader = answers, reader
        self.clock, self.marks = ReadingClock(clock), ReadingMarks(self)
        self.slices = ReadingSlices(answers.bundle.slices, self.clock.leave)
        self.slices.turned.connect(self.marks.unselect)
        self.place: Place = answers.place(reader)
        self.shown: Shown | None = None
        self.values: dict[str, Answer] = {}
        self.comment = ""
        self.truth: dict[str, Any] | None = None
        self._revision = self._step = 0
        self._drafts: dict[tuple[str, int, int], tuple[dict[str, Answer], str]] = {}  # what was left by going back

    @property
    def step(self) -> int:
        """Which of the study's steps is asked; see `questions.steps`."""
        return 0 if self.shown is None else self._step

    @property
    def questions(self) -> dict[str, Question]:
        """What is asked at this step, by id."""
        return {question.id: question for question in self.study.steps[self.step]}

    @property
    def is_last_step(self) -> bool:
        """Whether the case is read when this step is answered."""
        return self.step == len(self.study.steps) - 1

    @property
    def study(self) -> Sheet:
        """What a reader may know of the study."""
        return self._answers.bundle.study

    @property
    def consented(self) -> bool:
        """Whether the reader agreed to take part."""
        return bool(self._answers.consented(self.reader))

    def consent(self) -> None:
        """Agree to take part."""
        self._answers.consent(self.reader)

    def check_display(self, findings: Mapping[str, Any]) -> None:
        """Keep what the check of the display found."""
        self._answers.check_display(self.reader, self.place.sitting, findings)

    @property
    def display_checked(self) -> bool:
        """Whether the display was checked in this sitting."""
        return self._answers.display_checked(self.reader, self.place.sitting)

    # ---------------------------------------------------------------- cases

    def go_on(self) -> None:
        """Show the next case; none where all is read or the next sitting has to wait."""
        self.place = self._answers.place(self.reader)
        self._show(self.place.shown)

    def go_back(self) -> None:
        """Show the case before, to revise its answers; those of this one are kept, and wait until it is shown again."""
        if self.shown is not None and (before := self.before) is not None:
            self._drafts[self.shown.id, self._step, self._revision] = self.values, self.comment
            self._show(before)

    @property
    def before(self) -> Shown | None:
        """The case before, if there is one that may be revised."""
        return None if self.shown is None else self._answers.previous(self.reader, self.shown.id)

    def _show(self, shown: Shown | None) -> None:
        goes_on = shown is not None and self.shown is shown  # its next step: the clock of the case goes on
        self.shown, self.truth, self.values, self.comment = shown, None, {}, ""
        self.marks.forget()
        self.slices.count = 1 if shown is None else shown.slices
        if shown is not None:
            self._step = self._answers.step(shown.id)
            self._revision, given = self._answers.given(self.reader, shown.id)
            comment = given.pop(COMMENT, {}).get("text", "")
            values = {id: value for id, value in given.items() if id in self.questions}
            draft = self._drafts.pop((shown.id, self._step, self._revision), None)
            self.values, self.comment = draft or (values, comment)
        if not goes_on:
            self.slices.at = 0
            self.clock.start("" if shown is None else shown.id, self.slices.count)
        self.clock.go_on()
        self.opened.emit()

    def images(self) -> dict[str, NDArray[np.float32]]:
        """The images of the case by neutral names, float32 (slices, rows, columns), in the order of their panels."""
        assert self.shown is not None
        shown, bundle = self.shown, self._answers.bundle
        beside = self.study.shows_reference(self.step)
        found = {"reference": bundle.image(shown.reference, shown)} if beside else {}
        return found | {name: bundle.image(id, shown) for name, id in zip(self.names, shown.images, strict=True)}

    @property
    def names(self) -> tuple[str, ...]:
        """What the images that are judged are called, by their positions."""
        return () if self.shown is None else image_names(len(self.shown.images))

    @property
    def square(self) -> ROI | None:
        """Where to look, if the study says so."""
        region = None if self.shown is None else self.shown.region
        return None if region is None else ROI.box(*region)

    @property
    def true_places(self) -> list[tuple[float, float, int]]:
        """Row, column and slice of each lesion's centre, once the truth of a case for training is told."""
        found = ((*place, 0)[:3] for place in (self.truth or {}).get("places", ()))  # older studies have no slice
        return [(row, column, int(slice)) for row, column, slice in found]

    # ---------------------------------------------------------------- answers

    @property
    def asked(self) -> Question:
        """The question that keys answer: the first that has no answer, else the last."""
        questions = list(self.questions.values())
        return next((question for question in questions if not self.is_answered(question.id)), questions[-1])

    def answer(self, question: str, **part: Any) -> None:
        """Take a part of an answer, such as level=3; "cannot judge" takes the place of all parts, and the reverse."""
        if self.shown is None or self.truth is not None:
            return
        self.clock.act()
        before = {name: value for name, value in self.values.get(question, {}).items() if name != CANNOT_JUDGE}
        for name in part:
            before = {kept: value for kept, value in before.items() if kept not in CHANGED.get(name, ())}
        after = dict(part) if CANNOT_JUDGE in part else {**before, **part}
        self.marks.keep(before.get("marks", []), after.get("marks", []))
        self.values[question] = after
        self.answered.emit()

    def toggle(self, question: str, change: str) -> None:
        """Add or take away one kind of change of a question on structures; "nothing" takes all away."""
        chosen = set() if change == "nothing" else set(self.values.get(question, {}).get("changes", ())) ^ {change}
        self.answer(question, changes=sorted(chosen))

    def rank(self, question: str, position: int) -> None:
        """Put an image behind those that are ranked; one that is ranked loses its place, and those behind it too.

        The last image follows by itself.
        """
        order = list(self.values.get(question, {}).get("order", ()))
        if position in order:
            order = order[: order.index(position)]
        else:
            order.append(position)
            left = set(range(len(self.names))) - set(order)
            order += left if len(left) == 1 else ()
        self.answer(question, order=order)

    def is_answered(self, question: str) -> bool:
        """Whether a question has a whole answer."""
        try:
            self._checked(question)
        except InputError:
            return False
        return True

    @property
    def complete(self) -> bool:
        """Whether each question has one."""
        return self.shown is not None and all(map(self.is_answered, self.questions))

    def _checked(self, id: str) -> Answer:
        question, value = self.questions[id], dict(self.values.get(id, {}))
        if value.get("seen") != "yes":
            value = {name: part for name, part in value.items() if name not in PLACE}
        if isinstance(question, Structures) and not value.get("changes"):
            value.pop("consequence", None)
        return question.check(value, len(self.names), self.slices.count)

    def submit(self, **view: Any) -> None:
        """Store the answers, and show the next step or case, or first the truth of a case for training.

        view: low, high, zoom and smooth at the answer. Errors are those of `Answers.record`; the answers stay.
        """
        if self.shown is None or not self.complete:
            return
        if self.truth is None:
            context = {**self.clock.answered(self.slices.at), "mode": "side", **view}
            values = {id: self._checked(id) for id in self.questions}
            comment = self.comment if self.is_last_step else ""
            self._answers.record(self.reader, self.shown.id, self._revision, values, comment, context)
            if self.is_last_step:
                self.clock.finish()
            if self.shown.truth is not None and self.is_last_step:
                self.truth = self.shown.truth
                there = [slice for _, _, slice in self.true_places]
                if there and self.slices.at not in there:
                    self.slices.turn(there[0])
                self.answered.emit()
                return
        self.go_on()
