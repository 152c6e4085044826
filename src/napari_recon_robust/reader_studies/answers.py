"""What readers answered: a SQLite file (write-ahead log), each answer on the disk before it is confirmed.

The file belongs to one frozen study. It holds invitations and sessions as hashes, consent, sittings with the check of
the display, answers with all their revisions, and the log of `audit`. A reader stands in it under a pseudonym.
"""

import json
import secrets
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import takewhile
from pathlib import Path
from typing import Any, Self

from ..ground.errors import FileFormatError, InputError, ReconRobustError
from . import audit
from .access import Access, NotAllowedError
from .allowed import NOT_NOW, Progress, are_rivals, refusal
from .bundle import Bundle, Shown
from .questions import COMMENT, Answer, check_comment
from .store import OF_A_READER, Store

_CONSENTED, _CHECKED, _ANSWERED = "consented", "checked the display", "answered"  # lines of the log that have rows
_TIMES = ("shown", "first_action", "answered", "hidden")  # milliseconds of the reader's monotonic clock


class ConflictError(ReconRobustError):
    """An answer was given already, in another window perhaps."""


@dataclass(frozen=True)
class Place:
    """Where a reader is. shown: what comes next, None where all is read or the next sitting may not begin yet.

    step: which of the study's steps is to be answered. done and total: of the sitting, without cases for training.
    wait: since when in UTC the next sitting may begin, else "".
    """

    sitting: int
    sittings: int
    done: int
    total: int
    shown: Shown | None
    wait: str
    step: int = 0


class Answers:
    """The answers to one frozen study. access: who may read.

    Raises FileFormatError for a file of another study or a damaged one, WritingError where it cannot be written.
    """

    def __init__(self, path: str | Path, bundle: Bundle) -> None:
        self.bundle = bundle
        self._store = Store(path, bundle.id)
        self.access = Access(self._store, bundle.readers)

    def close(self) -> None:
        """Close the file; what was confirmed is in it."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---------------------------------------------------------------- taking part

    def consent(self, reader: str) -> None:
        """Note that a reader agreed to take part, once."""
        self.access.check_reader(reader)
        with self._store.transaction() as database:
            utc = audit.now()
            if database.execute("INSERT OR IGNORE INTO consents VALUES (?, ?)", (reader, utc)).rowcount:
                audit.log(database, reader, _CONSENTED, after=utc)

    def consented(self, reader: str) -> str:
        """When the reader agreed to take part, in UTC; "" before that."""
        row = self._store.first("SELECT utc FROM consents WHERE reader = ?", reader)
        return "" if row is None else str(row[0])

    def forget(self, reader: str) -> None:
        """Delete a reader's answers, sittings and consent. The log keeps that it was done, and hashes without salt.

        Their bytes are overwritten in the files, too; see `Store.erase`.
        """
        self.access.check_reader(reader)
        with self._store.transaction() as database:
            for table in OF_A_READER:
                database.execute(f"DELETE FROM {table} WHERE reader = ?", (reader,))
            audit.log(database, reader, audit.DELETED)
        self._store.erase()

    # ---------------------------------------------------------------- reading

    def place(self, reader: str) -> Place:
        """Where a reader is."""
        progress = self._progress(reader)
        sittings = max(one.sitting for one in progress.order) + 1
        sitting, following = progress.current.sitting, progress.next
        of_sitting = [one for one in progress.order if one.sitting == sitting and not one.training]
        done = sum(one.id in progress.answered for one in of_sitting)
        step = 0 if following is None else self.step(following.id)
        return Place(sitting, sittings, done, len(of_sitting), following, progress.wait, step)

    def _progress(self, reader: str) -> Progress:
        """What is answered, by the last step, and whether the washout before the next sitting lasts."""
        last = self.bundle.study.steps[-1][0].id
        question = "SELECT presentation FROM answers WHERE reader = ? AND question = ? AND revision = 0"
        answered = {row[0] for row in self._store.all(question, reader, last)}
        progress = Progress(self.bundle.of_reader(reader), answered)
        sitting = progress.current.sitting
        begun = any(one.id in answered for one in progress.order if one.sitting == sitting)
        return progress if begun else replace(progress, wait=self._wait(reader, sitting))

    def step(self, presentation: str) -> int:
        """Which of the study's steps is open: the first that is not answered, else the last."""
        rows = self._store.all("SELECT DISTINCT question FROM answers WHERE presentation = ?", presentation)
        answered, steps = {row[0] for row in rows}, self.bundle.study.steps
        return next((at for at, step in enumerate(steps) if step[0].id not in answered), len(steps) - 1)

    def _wait(self, reader: str, sitting: int) -> str:
        """Until when the washout lasts, in UTC; "" where it is over or there is none."""
        days = self.bundle.study.washout_days
        earlier = {one.id for one in self.bundle.of_reader(reader) if one.sitting < sitting}
        rows = self._store.all("SELECT presentation, utc FROM answers WHERE reader = ? ORDER BY rowid", reader)
        times = [utc for presentation, utc in rows if presentation in earlier]
        if not days or not times:
            return ""
        # from the one that came last, whatever a clock that jumps has made of its time
        until = (datetime.fromisoformat(times[-1]) + timedelta(days=days)).isoformat(timespec="milliseconds")
        return until if until > audit.now() else ""

    def display_checked(self, reader: str, sitting: int) -> bool:
        """Whether the display was checked for a sitting."""
        return self._store.first("SELECT 1 FROM displays WHERE reader = ? AND sitting = ?", reader, sitting) is not None

    def check_display(self, reader: str, sitting: int, findings: Mapping[str, Any]) -> None:
        """Keep what the check of the display found at the start of a sitting, once; NotAllowedError before consent."""
        with self._store.transaction() as database:
            _check_consent(self.consented(reader))
            if self.display_checked(reader, sitting):
                return
            utc = audit.now()
            database.execute(
                "INSERT INTO displays VALUES (?, ?, ?, ?)", (reader, sitting, utc, json.dumps(dict(findings)))
            )
            audit.log(database, reader, _CHECKED, str(sitting), after=utc)

    def record(
        self,
        reader: str,
        presentation: str,
        revision: int,
        values: Mapping[str, Any],
        comment: str = "",
        context: Mapping[str, Any] | None = None,
    ) -> None:
        """Store the answers to one step of a presentation; they are on the disk when this returns.

        values: of all questions of the step. revision: 0 for the first time, then one more each. Sending the same once
        more changes nothing. comment: kept with the last step. context: times (`shown`, `first_action`, `answered`,
        `hidden`, in milliseconds of the reader's own clock), window, zoom and smoothing at the answer; of several
        slices the `slice` at the answer, and `seen`, how many milliseconds each was shown. Raises NotAllowedError for
        what the reader may not answer, InputError for an answer that does not fit, ConflictError for a revision that is
        there with another content, WritingError where the disk is full.
        """
        step, shown = _step_of(self.bundle, values), _own(self.bundle, reader, presentation)
        questions, images = self.bundle.study.steps[step], len(shown.images)
        with self._store.transaction() as database:  # between the check and the write nobody deletes or answers
            self._check_may_answer(reader, shown, revision, step)
            checked = {question.id: question.check(values[question.id], images, shown.slices) for question in questions}
            if step == len(self.bundle.study.steps) - 1:
                checked[COMMENT] = {"text": check_comment(comment)}
            kept = json.dumps(_context(context or {}, shown.slices))
            for question, value in checked.items():
                _put(database, shown, question, revision, value, kept)

    def _check_may_answer(self, reader: str, shown: Shown, revision: int, step: int) -> None:
        _check_consent(self.consented(reader))
        progress, opened = self._progress(reader), self.step(shown.id)
        if words := refusal("answer", shown, progress, self.bundle.study):
            raise NotAllowedError(words)
        if step > opened:
            raise NotAllowedError("other questions come first; load the page again.")
        if revision > 0 and step < opened:
            raise NotAllowedError("this was answered before the reference was shown, and cannot be changed any more.")
        if revision > 0 and (words := refusal("revise", shown, progress, self.bundle.study)):
            raise NotAllowedError(words)

    def given(self, reader: str, presentation: str) -> tuple[int, dict[str, Answer]]:
        """The number of revisions of the step that is open, and the last answer to each question as it was given."""
        _own(self.bundle, reader, presentation)
        rows = self._store.all(
            "SELECT question, revision, value FROM answers WHERE presentation = ? ORDER BY revision",
            presentation,
        )
        asked = {question.id for question in self.bundle.study.steps[self.step(presentation)]}
        revisions = 1 + max((row[1] for row in rows if row[0] in asked), default=-1)
        last = {row[0]: _loaded(row[2]) for row in rows}
        questions = self.bundle.questions
        return revisions, {id: questions[id].given(value) if id in questions else value for id, value in last.items()}

    def may_see_reference(self, presentation: str) -> bool:
        """Whether the fully sampled image is shown by now."""
        return self.bundle.study.shows_reference(self.step(presentation))

    def may_see(self, reader: str, presentation: str) -> Shown:
        """A presentation of this reader that comes next or may be seen again; NotAllowedError for any other.

        See `allowed.refusal`.
        """
        shown = self.bundle.by_id.get(presentation)
        if shown is None or shown.reader != reader or not self.consented(reader):
            raise NotAllowedError(NOT_NOW)
        if words := refusal("see", shown, self._progress(reader), self.bundle.study):
            raise NotAllowedError(words)
        return shown

    def ahead(self, reader: str) -> Shown | None:
        """What comes after the presentation that is judged now: its images may be loaded meanwhile, and not be judged.

        None where it comes in another sitting, or shows the same slice, whose image would be compared.
        """
        place = self.place(reader)
        if place.shown is None or not self.consented(reader):
            return None
        later = [one for one in self.bundle.of_reader(reader) if one.number > place.shown.number]
        following = next((one for one in later if one.sitting == place.sitting), None)
        return None if following is None or are_rivals(following, place.shown) else following

    def previous(self, reader: str, presentation: str) -> Shown | None:
        """The last before a presentation whose answers may be revised; see `allowed.refusal`."""
        progress, study = self._progress(reader), self.bundle.study
        earlier = list(takewhile(lambda one: one.id != presentation, progress.order))
        return next((one for one in reversed(earlier) if not refusal("revise", one, progress, study)), None)

    # ---------------------------------------------------------------- what there is

    def rows(self) -> list[dict[str, Any]]:
        """The last revision of each answer: reader, presentation, question, revision, value, utc and context.

        contexts: of the first answer and of all its revisions, in their order.
        """
        found = self._store.all(
            "SELECT reader, presentation, question, revision, value, utc, context FROM answers ORDER BY revision, rowid"
        )
        names = ("reader", "presentation", "question", "revision", "value", "utc", "context")
        rows: dict[tuple[str, str], dict[str, Any]] = {}
        for values in found:
            row = dict(zip(names, values, strict=True))
            row |= {"value": _loaded(row["value"]), "context": _loaded(row["context"])}
            before = rows.setdefault((row["presentation"], row["question"]), {"contexts": []})
            before |= {**row, "contexts": [*before["contexts"], row["context"]]}
        return list(rows.values())

    @property
    def head(self) -> audit.Head:
        """Where the log ends. Whoever notes it elsewhere sees by `verify` that nothing before it has changed."""
        with self._store.snapshot() as database:
            return audit.head(database)

    def verify(self, noted: str | None = None) -> audit.Head:
        """Where the log ends, after checking it, and consents, checks of the display and answers against it.

        Each of them is as the log has it, and none that the log has is missing, unless the reader deleted it. What the
        check of the display found is not in the log, nor are times and contexts in one of an earlier version. noted:
        the hash of a line that the log had before, or that of the study, with which each log of it begins. Raises
        FileFormatError for what differs, or where that line is gone.
        """
        with self._store.snapshot() as database:
            head, logged, stored = audit.verify(database), audit.standing(database), list(_stored(database))
            known = (
                noted in (None, self.bundle.id)
                or database.execute("SELECT 1 FROM audit WHERE hash = ?", (noted,)).fetchone()
            )
        if ("study", "opened", self.bundle.id) not in logged:
            raise FileFormatError("the log is not whole: it does not begin with this study; go back to a copy.")
        if not known:
            raise FileFormatError(
                "no line of the log has the SHA-256 that was noted: its end was cut, or it was written anew, or it is "
                "of another file of answers; go back to a copy."
            )
        for key, seals in stored:
            if logged.get(key) not in seals:
                raise FileFormatError(f"{_named(key)} is not the one that was given; go back to a copy of the answers.")
        there = {key for key, _ in stored}
        for key in logged:
            if key[1] in (_CONSENTED, _CHECKED, _ANSWERED) and key not in there:
                raise FileFormatError(f"{_named(key)} is missing; go back to a copy of the answers.")
        return head

    def unsealed(self, key: str | Path | None) -> dict[str, Any]:
        """The key to the blinding; see `Bundle.unsealed`. Who shows what it says breaks the blind, by `breaking_blind`.

        Raises FileFormatError, too, where the answers are not those that were given; see `verify`.
        """
        self.verify()
        return self.bundle.unsealed(key)

    @contextmanager
    def breaking_blind(self, why: str) -> Iterator[audit.Head]:
        """Log that the blind is broken by what is done within; where that raises, nothing was shown or logged.

        Yields where the log ends then. No answer is stored meanwhile, so that it should be done soon, such as a file
        that is written.
        """
        with self._store.transaction() as database:
            audit.log(database, "study", "broke the blind", why)
            yield audit.head(database)


def displays_of(answers: Answers) -> list[tuple[str, int, dict[str, Any]]]:
    """What the checks of the display found: reader, sitting from 0, and the findings by their names."""
    found = answers._store.all("SELECT reader, sitting, findings FROM displays")
    rows = [(reader, sitting, dict(_loaded(findings))) for reader, sitting, findings in found]
    return sorted(rows, key=lambda row: (answers.bundle.readers.index(row[0]), row[1]))


def _step_of(bundle: Bundle, values: Mapping[str, Any]) -> int:
    """Which step of the study these are the answers to."""
    if not all(isinstance(value, Mapping) for value in values.values()):
        raise InputError("an answer is not in the form that the study asks for; load the page again.")
    for at, step in enumerate(bundle.study.steps):
        if {question.id for question in step} == set(values):
            return at
    missing = [id for id in bundle.questions if id not in values]
    raise InputError(f"{missing[0] if missing else 'a question'} is not as the study asks; answer each one.")


def _own(bundle: Bundle, reader: str, presentation: str) -> Shown:
    shown = bundle.by_id.get(presentation)
    if shown is None or shown.reader != reader:
        raise NotAllowedError("this case is not yours; load the page again.")
    return shown


def _put(database: sqlite3.Connection, shown: Shown, question: str, revision: int, value: Answer, context: str) -> None:
    """Store one answer and log it, within the transaction that is open; ConflictError for another one that is there."""
    key = (shown.id, question)
    rows = database.execute(
        "SELECT revision, value, salt, utc, context FROM answers WHERE presentation = ? AND question = ? "
        "ORDER BY revision",
        key,
    ).fetchall()
    text = json.dumps(value, sort_keys=True)
    if revision < len(rows):
        if rows[revision][1] != text:
            raise ConflictError("this case was answered already, perhaps in another window; load the page again.")
        return
    if revision > len(rows):
        raise ConflictError(f"revision {revision} comes before revision {len(rows)}; load the page again.")
    salt, utc = secrets.token_hex(16), audit.now()
    before = _seal(*rows[-1][1:]) if rows else ""
    database.execute(
        "INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (*key, revision, shown.reader, text, salt, utc, context),
    )
    seal = _seal(text, salt, utc, context)
    audit.log(database, shown.reader, _ANSWERED, f"{shown.id}/{question}/{revision}", before, seal)


def _seal(value: str, salt: str, utc: str, context: str) -> str:
    """What the log keeps of an answer as it is stored, beside its reader."""
    return "2:" + audit.digest([utc, value, context], salt)  # the prefix tells it from that of the value alone


_Key = tuple[str, str, str]  # who, what and subject of a line of the log


def _stored(database: sqlite3.Connection) -> Iterator[tuple[_Key, tuple[str, str]]]:
    """Each row that has a line in the log: its key, and how the log has it, by this version and by earlier ones."""
    for reader, utc in database.execute("SELECT reader, utc FROM consents"):
        yield (reader, _CONSENTED, ""), (utc, "")
    for reader, sitting, utc in database.execute("SELECT reader, sitting, utc FROM displays"):
        yield (reader, _CHECKED, str(sitting)), (utc, "")
    answers = "SELECT reader, presentation, question, revision, value, salt, utc, context FROM answers"
    for reader, presentation, question, revision, value, *rest in database.execute(answers):
        seals = _seal(value, *rest), audit.digest(_loaded(value), rest[0])
        yield (reader, _ANSWERED, f"{presentation}/{question}/{revision}"), seals


def _named(key: _Key) -> str:
    """What a line of the log is about, in words."""
    who, what, subject = key
    if what == _ANSWERED:
        return f"an answer of {who} to {subject.partition('/')[2].rpartition('/')[0]}"
    return f"the consent of {who}" if what == _CONSENTED else f"a check of the display by {who}"


def _context(context: Mapping[str, Any], slices: int) -> dict[str, Any]:
    """Times and view at the answer, in a form that can be analysed; InputError for anything else."""
    found: dict[str, Any] = {}
    for name in (*_TIMES, "zoom", "low", "high"):
        if (value := context.get(name)) is not None:
            found[name] = _number(name, value)
    if slices > 1 and (value := context.get("slice")) is not None:
        if isinstance(value, bool) or value not in range(slices):
            raise InputError(f"slice is {value!r}, and the case has {slices}, counted from 0.")
        found["slice"] = int(value)
    if slices > 1 and (seen := context.get("seen")) is not None:
        if not isinstance(seen, list) or len(seen) != slices:
            raise InputError(f"seen is {seen!r}; it should be a time for each of the {slices} slices.")
        found["seen"] = [_number("seen", value) for value in seen]
    found["smooth"] = context.get("smooth") is True
    mode = context.get("mode")
    found["mode"] = mode if mode in ("side", "flicker", "wipe") else ""
    return found


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e12:
        raise InputError(f"{name} is {value!r}; it should be a number.")
    return float(value)


def _loaded(text: Any) -> Any:
    """A value as it was stored; FileFormatError where the file no longer holds it."""
    try:
        return json.loads(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise FileFormatError("the answers are damaged; go back to a copy of their file.") from error


def _check_consent(given: str) -> None:
    if not given:
        raise NotAllowedError("nothing is stored before you have agreed to take part.")
