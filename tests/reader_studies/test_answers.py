import json
import multiprocessing
import os
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from helpers.full_disk import room_for
from helpers.reading import QUALITY, VOLUMES, case_of, plan, under_another_mask
from napari_recon_robust.cases.record import save_case
from napari_recon_robust.ground.errors import FileFormatError, InputError
from napari_recon_robust.ground.writing import WritingError
from napari_recon_robust.reader_studies import audit
from napari_recon_robust.reader_studies.access import NotAllowedError
from napari_recon_robust.reader_studies.answers import Answers, ConflictError
from napari_recon_robust.reader_studies.bundle import Bundle, Shown
from napari_recon_robust.reader_studies.export import long_table
from napari_recon_robust.reader_studies.freezing import freeze

GOOD = {"sharpness": {"level": 3}}


@pytest.fixture
def opened(study: Callable[..., Answers]) -> Answers:
    found = study()
    for reader in ("R1", "R2"):
        found.access.check_reader(reader)
        found.consent(reader)
    return found


def next_of(answers: Answers, reader: str = "R1") -> Shown:
    shown = answers.place(reader).shown
    assert shown is not None
    return shown


def test_a_case_for_training_is_none_of_those_that_are_counted(study: Callable[..., Answers]) -> None:
    cases = [{"id": f"c{at}", "saved": f"c{at}", "patient": f"p{at}", "training": at == 0} for at in range(3)]
    answers = study(cases=cases)
    answers.consent("R1")
    for counted in (0, 0, 1):
        assert (answers.place("R1").done, answers.place("R1").total) == (counted, 4)
        answers.record("R1", next_of(answers).id, 0, GOOD)


def test_reading_goes_on_where_it_was(opened: Answers) -> None:
    order = [one.id for one in opened.bundle.of_reader("R1")]
    for done, id in enumerate(order):
        place = opened.place("R1")
        assert (place.done, place.total) == (done, len(order))
        assert next_of(opened).id == id
        opened.record("R1", id, 0, GOOD)
    assert opened.place("R1").shown is None
    assert next_of(opened, "R2").id == opened.bundle.of_reader("R2")[0].id


def test_an_answer_is_in_the_file_before_it_is_confirmed(opened: Answers, tmp_path: Path) -> None:
    opened.record("R1", next_of(opened).id, 0, GOOD, "dark", {"shown": 1.0, "answered": 2.5, "mode": "side"})
    with sqlite3.connect(tmp_path / "study.answers.sqlite") as other:
        rows = other.execute("SELECT question, value, context FROM answers ORDER BY question").fetchall()
    assert [(row[0], json.loads(row[1])) for row in rows] == [
        ("comment", {"text": "dark"}),
        ("sharpness", {"level": 3}),
    ]
    assert json.loads(rows[1][2]) == {"shown": 1.0, "answered": 2.5, "mode": "side", "smooth": False}


def test_sending_an_answer_again_changes_nothing(opened: Answers) -> None:
    id = next_of(opened).id
    for _ in range(3):
        opened.record("R1", id, 0, GOOD)
    assert len(opened.rows()) == 2
    assert opened.verify().lines == 5


def test_two_windows_of_one_reader_do_not_overwrite_each_other(opened: Answers) -> None:
    id = next_of(opened).id
    opened.record("R1", id, 0, GOOD)
    with pytest.raises(ConflictError, match="perhaps in another window"):
        opened.record("R1", id, 0, {"sharpness": {"level": 1}})
    with pytest.raises(ConflictError, match="revision 3 comes before revision 1"):
        opened.record("R1", id, 3, {"sharpness": {"level": 1}})
    assert opened.rows()[0]["value"] == {"level": 3}


def test_revisions_are_kept(opened: Answers) -> None:
    id = next_of(opened).id
    opened.record("R1", id, 0, GOOD)
    opened.record("R1", id, 1, {"sharpness": {"level": 1}})
    assert opened.given("R1", id) == (2, {"comment": {"text": ""}, "sharpness": {"level": 1}})
    assert [row["revision"] for row in opened.rows()] == [1, 1]


def test_the_time_is_that_of_the_first_answer_and_a_revision_has_its_own(opened: Answers) -> None:
    id = next_of(opened).id
    for revision, (shown, answered, hidden) in enumerate([(0, 9000, 1000), (20_000, 23_000, 0), (30_000, 31_500, 500)]):
        times = {"shown": shown, "answered": answered, "hidden": hidden, "low": revision}
        opened.record("R1", id, revision, {"sharpness": {"level": 1 + revision}}, context=times)
    opened.record("R1", id, 0, {"sharpness": {"level": 1}}, context={"shown": 0, "answered": 99_000})  # sent again
    (row,) = long_table(opened, opened.unsealed(None))
    assert (row["seconds"], row["hidden_seconds"], row["revision_seconds"]) == (8, 1, 4)
    assert (row["score"], row["revision"], row["low"]) == (3, 2, 2)


@pytest.mark.slow
def test_an_earlier_presentation_is_over_when_its_slice_is_shown_once_more(study: Callable[..., Answers]) -> None:
    """Its image, its reference, its answers: none is there, and nothing of it can be changed, to the end."""
    answers = study(viewing={"reference": True})
    answers.consent("R1")
    order = answers.bundle.of_reader("R1")
    assert len({one.same for one in order}) == 6
    for at, shown in enumerate(order):
        so_far = order[: at + 1]
        for before, one in enumerate(order[:at]):
            if any(one.same == later.same for later in so_far[before + 1 :]):
                check_over(answers, one)
            else:
                assert answers.may_see("R1", one.id) is one
        assert ways_back(answers, shown) == last_of_each_slice(order[:at], but=shown.same)
        answers.record("R1", shown.id, 0, GOOD)
    assert answers.place("R1").shown is None
    for one in order[:6]:
        check_over(answers, one)
    answers.record("R1", order[-1].id, 1, {"sharpness": {"level": 1}})


def check_over(answers: Answers, shown: Shown) -> None:
    with pytest.raises(NotAllowedError, match="shown once more since"):
        answers.may_see("R1", shown.id)
    with pytest.raises(NotAllowedError, match="shown once more since"):
        answers.record("R1", shown.id, 1, {"sharpness": {"level": 1}})


def ways_back(answers: Answers, shown: Shown) -> list[Shown]:
    found, at = list[Shown](), shown
    while (before := answers.previous("R1", at.id)) is not None:
        found, at = [before, *found], before
    return found


def last_of_each_slice(order: list[Shown], but: str) -> list[Shown]:
    last = {one.same: one for one in order}
    return [one for one in order if last[one.same] is one and one.same != but]


@pytest.mark.slow
def test_a_case_waits_while_another_of_its_slice_is_judged(cases: Path, tmp_path: Path) -> None:
    """Under another mask it shows the same anatomy, and the reference would tell what is asked."""
    shutil.copytree(cases / "c0", tmp_path / "c0")
    save_case(under_another_mask(case_of(0)), tmp_path / "masked")
    listed = [{"id": name, "saved": name, "patient": "p"} for name in ("c0", "masked")]
    frozen = freeze(plan(cases=listed, viewing={"reference": True}), tmp_path / "study", tmp_path)
    with closing(Answers(tmp_path / "answers.sqlite", Bundle(frozen))) as answers:
        answers.consent("R1")
        order = answers.bundle.of_reader("R1")
        answers.record("R1", order[0].id, 0, GOOD)
        assert order[0].reference != order[1].reference
        with pytest.raises(NotAllowedError, match="this slice was shown once more"):
            answers.may_see("R1", order[0].id)
        assert answers.previous("R1", order[1].id) is None


def test_each_write_may_fail_and_the_answer_is_stored_whole_or_not_at_all(opened: Answers, tmp_path: Path) -> None:
    """The log of writes may grow by so many bytes more, from none to all that an answer takes."""
    wal = tmp_path / "study.answers.sqlite-wal"
    failed = stored = 0
    for shown in opened.bundle.of_reader("R1"):
        before = len(opened.rows())
        more = 512 * (failed + stored)
        while True:
            try:
                with room_for(wal.stat().st_size + more):
                    opened.record("R1", shown.id, 0, GOOD, "dark")
                break
            except WritingError:
                assert len(opened.rows()) == before
                failed += 1
                more += 1100
        assert len(opened.rows()) == before + 2
        stored += 1
    assert (failed > 12, stored) == (True, 12)
    opened.verify()


@pytest.mark.slow
def test_a_plan_may_forbid_to_go_back(study: Callable[..., Answers]) -> None:
    answers = study(design={"readers": 2, "back": False})
    answers.consent("R1")
    id = next_of(answers).id
    answers.record("R1", id, 0, GOOD)
    assert answers.previous("R1", next_of(answers).id) is None
    with pytest.raises(NotAllowedError, match="cannot be changed any more"):
        answers.record("R1", id, 1, GOOD)
    with pytest.raises(NotAllowedError, match="cannot be changed any more"):
        answers.may_see("R1", id)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "sharpness is not as the study asks"),
        ({"sharpness": {"level": 9}}, "choose 1, 2 or 3"),
        ({"sharpness": 3}, "not in the form"),
        ({**GOOD, "other": {}}, "not as the study asks"),
    ],
)
def test_what_does_not_fit_is_not_stored(opened: Answers, values: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        opened.record("R1", next_of(opened).id, 0, values)
    assert not opened.rows()


@pytest.mark.slow
@pytest.mark.parametrize("context", [{"slice": 3}, {"slice": "0"}, {"seen": [1.0]}, {"seen": [1, 2, "3"]}, {"seen": 3}])
def test_slices_that_were_seen_are_those_of_the_case(study: Callable[..., Answers], context: dict[str, Any]) -> None:
    answers = study(cases=VOLUMES)
    answers.consent("R1")
    with pytest.raises(InputError, match="slice|seen"):
        answers.record("R1", next_of(answers).id, 0, GOOD, context=context)
    answers.record("R1", next_of(answers).id, 0, GOOD, context={"slice": 2, "seen": [1, 2, 3]})
    kept = answers.rows()[0]["context"]
    assert (kept["slice"], kept["seen"]) == (2, [1, 2, 3])


@pytest.mark.parametrize("context", [{"shown": "1"}, {"low": float("inf")}, {"zoom": True}])
def test_times_are_numbers(opened: Answers, context: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="should be a number"):
        opened.record("R1", next_of(opened).id, 0, GOOD, context=context)


@pytest.mark.slow
def test_only_the_own_next_case_is_answered_and_only_after_consent(study: Callable[..., Answers]) -> None:
    answers = study()
    with pytest.raises(NotAllowedError, match="before you have agreed"):
        answers.record("R1", next_of(answers).id, 0, GOOD)
    answers.consent("R1")
    own = answers.bundle.of_reader("R1")
    for id in (next_of(answers, "R2").id, "nothing"):
        with pytest.raises(NotAllowedError, match="not yours"):
            answers.record("R1", id, 0, GOOD)
    with pytest.raises(NotAllowedError, match="not the next one"):
        answers.record("R1", own[1].id, 0, GOOD)


@pytest.mark.slow
def test_the_next_sitting_waits_for_the_washout(study: Callable[..., Answers], monkeypatch: pytest.MonkeyPatch) -> None:
    answers = study(design={"readers": 2, "sittings": "separate"})
    answers.consent("R1")
    while (shown := answers.place("R1").shown) is not None:
        answers.record("R1", shown.id, 0, GOOD)
    place = answers.place("R1")
    assert (place.sitting, place.sittings, place.done) == (1, 2, 0)
    assert place.wait > audit.now()
    monkeypatch.setattr(audit, "now", lambda: "2999-01-01T00:00:00.000+00:00")
    assert next_of(answers).sitting == 1


@pytest.mark.slow
def test_no_washout_begins_in_the_midst_of_a_case(
    study: Callable[..., Answers], monkeypatch: pytest.MonkeyPatch
) -> None:
    structures = {"id": "structures", "kind": "structures", "text": "Changed?", "reference": True}
    nothing = {"structures": {"changes": [], "certainty": 50}}
    answers = study(questions=[QUALITY, structures], design={"readers": 2, "sittings": "separate"})
    answers.consent("R1")
    while (shown := answers.place("R1").shown) is not None:
        answers.record("R1", shown.id, 0, GOOD)
        answers.record("R1", shown.id, 0, nothing)
    assert answers.place("R1").wait
    monkeypatch.setattr(audit, "now", lambda: "2999-01-01T00:00:00.000+00:00")
    first = next_of(answers)
    answers.record("R1", first.id, 0, GOOD)
    assert answers.place("R1").wait == ""
    answers.record("R1", first.id, 0, nothing)
    assert answers.place("R1").done == 1


def test_a_readers_data_can_be_deleted_and_the_log_stays_whole(opened: Answers) -> None:
    opened.record("R1", next_of(opened).id, 0, GOOD)
    opened.record("R2", next_of(opened, "R2").id, 0, GOOD)
    opened.forget("R1")
    assert {row["reader"] for row in opened.rows()} == {"R2"}
    assert not opened.consented("R1")
    assert opened.verify().lines == 8


def _forget_when_told(folder: Path, path: Path, told: Any, done: Any) -> None:
    with closing(Answers(path, Bundle(folder))) as other:
        told.wait(60)
        other.forget("R1")
        done.set()


@pytest.mark.slow
def test_nothing_is_stored_after_another_process_has_deleted_the_data(
    opened: Answers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which is asked for between the check of an answer and its write, and waits for the write."""
    context = multiprocessing.get_context("fork")
    told, done = context.Event(), context.Event()
    given = opened.bundle.folder, tmp_path / "study.answers.sqlite", told, done
    process = context.Process(target=_forget_when_told, args=given)
    process.start()
    step, shown = opened.step, next_of(opened)

    def checked(presentation: str) -> int:
        told.set()
        done.wait(0.5)
        return step(presentation)

    monkeypatch.setattr(opened, "step", checked)
    opened.record("R1", shown.id, 0, GOOD)
    process.join(60)
    assert done.is_set()
    assert not opened.rows()
    with pytest.raises(NotAllowedError, match="before you have agreed"):
        opened.record("R1", shown.id, 0, GOOD)


def test_no_byte_of_what_was_deleted_is_left(opened: Answers, tmp_path: Path) -> None:
    def left(words: str) -> int:
        return sum(file.read_bytes().count(words.encode()) for file in tmp_path.glob("study.answers.sqlite*"))

    for at in range(12):
        for reader in ("R1", "R2"):
            size = 4000 if at % 3 == 0 else 40
            opened.record(reader, next_of(opened, reader).id, 0, GOOD, f"words of {reader} " * (size // 12))
    opened.check_display("R1", 0, {"light": "words of R1"})
    before = left("words of R2")
    assert left("words of R1") > 1000
    opened.forget("R1")
    assert left("words of R1") == 0
    assert left("words of R2") >= before // 2  # which stand in the log of writes and in the file before
    opened.verify()


def test_what_somebody_else_reads_meanwhile_is_erased_later(opened: Answers, tmp_path: Path) -> None:
    path = tmp_path / "study.answers.sqlite"
    opened.record("R1", next_of(opened).id, 0, GOOD, "words of R1")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT * FROM answers").fetchone()
        opened.forget("R1")
        assert not opened.rows()
        assert b"words of R1" in path.with_name(f"{path.name}-wal").read_bytes()
    opened.record("R2", next_of(opened, "R2").id, 0, GOOD)
    assert not any(b"words of R1" in file.read_bytes() for file in tmp_path.glob(f"{path.name}*"))


def test_a_changed_answer_or_log_is_found(opened: Answers, tmp_path: Path) -> None:
    opened.record("R1", next_of(opened).id, 0, GOOD)
    path = tmp_path / "study.answers.sqlite"
    for statement, words in (
        ("UPDATE answers SET value = '{\"level\": 1}' WHERE question = 'sharpness'", "is not the one that was given"),
        ("DELETE FROM audit WHERE number = 1", "the log is not whole: line 1"),
    ):
        with sqlite3.connect(path) as other:
            other.execute(statement)
        other.close()
        for act in (opened.verify, lambda: opened.unsealed(None)):
            with pytest.raises(FileFormatError, match=words):
                act()


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("DELETE FROM answers WHERE presentation = '{first}'", "an answer of R1 to sharpness is missing"),
        (
            "DELETE FROM answers WHERE question = 'sharpness' AND revision = 1",
            "an answer of R1 to sharpness is missing",
        ),
        ("UPDATE answers SET utc = '2020-01-01T00:00:00.000+00:00'", "is not the one that was given"),
        ("UPDATE answers SET context = '{{}}'", "is not the one that was given"),
        ("UPDATE answers SET reader = 'R2' WHERE presentation = '{first}'", "an answer of R2 to "),
        (
            "INSERT INTO answers SELECT 'x', question, 0, reader, value, salt, utc, context FROM answers LIMIT 1",
            "is not",
        ),
        ("DELETE FROM consents WHERE reader = 'R2'", "the consent of R2 is missing"),
        ("UPDATE consents SET utc = '2020-01-01T00:00:00.000+00:00'", "the consent of R1 is not the one"),
        ("INSERT INTO consents VALUES ('R3', '2020-01-01T00:00:00.000+00:00')", "the consent of R3 is not the one"),
        ("DELETE FROM displays", "a check of the display by R1 is missing"),
        ("UPDATE displays SET reader = 'R2'", "a check of the display by R2 is not the one"),
        ("DELETE FROM audit", "does not begin with this study"),
    ],
)
def test_whatever_the_log_has_is_there_as_it_was_given(
    opened: Answers, tmp_path: Path, statement: str, words: str
) -> None:
    opened.check_display("R1", 0, {"light": "dim"})
    first = next_of(opened)
    for _ in range(3):
        shown = next_of(opened)
        opened.record("R1", shown.id, 0, GOOD, context={"shown": 1.0, "answered": 2.5})
    opened.record("R1", shown.id, 1, {"sharpness": {"level": 1}})
    opened.verify()
    with closing(sqlite3.connect(tmp_path / "study.answers.sqlite", isolation_level=None)) as other:
        other.execute(statement.format(first=first.id))
    for act in (opened.verify, lambda: opened.unsealed(None)):
        with pytest.raises(FileFormatError, match=words):
            act()


def test_the_last_revision_counts_wherever_it_lies_in_the_file(opened: Answers, tmp_path: Path) -> None:
    shown = next_of(opened)
    for revision, level in enumerate((3, 1)):
        opened.record("R1", shown.id, revision, {"sharpness": {"level": level}})
    with closing(sqlite3.connect(tmp_path / "study.answers.sqlite", isolation_level=None)) as other:
        other.execute("UPDATE answers SET rowid = rowid + 100 WHERE revision = 0")
    levels = [row["value"]["level"] for row in opened.rows() if row["question"] == "sharpness"]
    assert levels == [1]


def test_what_was_deleted_may_be_given_again(opened: Answers) -> None:
    shown = next_of(opened)
    for _ in range(2):
        opened.record("R1", shown.id, 0, GOOD)
        opened.forget("R1")
        opened.verify()
        opened.consent("R1")
    opened.verify()


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE answers SET utc = '2020', context = '{}'", ""),
        ("UPDATE answers SET value = '{}'", "is not the one that was given"),
        ("UPDATE answers SET reader = 'R2'", "is not the one that was given"),
        ("DELETE FROM answers", "is missing"),
        ("DELETE FROM consents", "is missing"),
    ],
)
def test_a_log_of_an_earlier_version_holds_values_readers_and_consents(
    opened: Answers, tmp_path: Path, statement: str, words: str
) -> None:
    """Each answer is in it by its value alone, and each consent each time that it was given."""
    with closing(sqlite3.connect(tmp_path / "study.answers.sqlite", isolation_level=None)) as other:
        for sent in range(2):
            audit.log(other, "R1", "consented")
            audit.log(other, "R1", "checked the display", "0")
            other.execute("INSERT INTO displays VALUES ('R1', 0, '2024', ?)", (f'{{"sent": "{sent}"}}',))
        shown = next_of(opened).id
        other.execute(
            "INSERT INTO answers VALUES (?, 'sharpness', 0, 'R1', ?, 'salt', '2024', '{}')", (shown, '{"level": 3}')
        )
        audit.log(other, "R1", "answered", f"{shown}/sharpness/0", "", audit.digest({"level": 3}, "salt"))
        opened.verify()
        other.execute(statement)
    if not words:
        opened.verify()
        return
    with pytest.raises(FileFormatError, match=words):
        opened.verify()


def test_a_tail_that_was_cut_shows_to_those_who_noted_the_head(opened: Answers, tmp_path: Path) -> None:
    early = opened.head
    opened.record("R1", next_of(opened).id, 0, GOOD)
    late = opened.verify()
    assert (early.lines, late.lines) == (3, 5)
    with closing(sqlite3.connect(tmp_path / "study.answers.sqlite", isolation_level=None)) as other:
        other.execute("DELETE FROM audit WHERE number >= 3")
        other.execute("DELETE FROM answers")
    assert opened.verify() == opened.head == early
    assert opened.verify(early.hash) == early
    with pytest.raises(FileFormatError, match="no line of the log has the SHA-256 that was noted"):
        opened.verify(late.hash)


def test_an_answer_that_another_process_stores_meanwhile_is_no_fault(
    opened: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    standing = audit.standing

    def meanwhile(database: sqlite3.Connection) -> dict[tuple[str, str, str], str]:
        found = standing(database)
        with closing(Answers(tmp_path / "study.answers.sqlite", opened.bundle)) as other:
            other.record("R1", next_of(other).id, 0, GOOD)
        return found

    tmp_path = opened.bundle.folder.parent
    monkeypatch.setattr(audit, "standing", meanwhile)
    assert opened.verify().lines == 3
    assert opened.head.lines == 5


def test_consents_and_checks_of_the_display_are_kept_once(opened: Answers) -> None:
    opened.check_display("R1", 0, {"light": "dim"})
    before = opened.head
    opened.consent("R1")
    opened.check_display("R1", 0, {"light": "bright"})
    assert opened.head == before


@pytest.mark.slow
def test_answers_of_another_study_are_refused(opened: Answers, study: Callable[..., Answers], tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="answers to another frozen study"):
        Answers(tmp_path / "study.answers.sqlite", study("other").bundle)


def test_a_damaged_file_is_refused(opened: Answers, tmp_path: Path) -> None:
    path = tmp_path / "broken.sqlite"
    path.write_bytes(b"no database at all, but long enough to be taken for one" * 40)
    with pytest.raises(FileFormatError, match="go back to a copy"):
        Answers(path, opened.bundle)


def _read_on(folder: Path, path: Path, confirmed: Path) -> None:
    """Answer one case after the other; each confirmed one is noted in a file."""
    answers = Answers(path, Bundle(folder))
    answers.consent("R1")
    while (shown := answers.place("R1").shown) is not None:
        answers.record("R1", shown.id, 0, GOOD)
        with confirmed.open("a") as file:
            file.write(f"{shown.id}\n")
            file.flush()
        time.sleep(0.005)


@pytest.mark.slow
def test_no_confirmed_answer_is_lost_when_the_process_is_killed(opened: Answers, tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    folder, path, confirmed = opened.bundle.folder, tmp_path / "killed.sqlite", tmp_path / "confirmed"
    for wanted in (2, 5, 9):
        process = context.Process(target=_read_on, args=(folder, path, confirmed))
        process.start()
        end = time.monotonic() + 60
        while not confirmed.exists() or len(confirmed.read_text().split()) < wanted:
            assert time.monotonic() < end
            time.sleep(0.001)
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join()
    answers = Answers(path, opened.bundle)
    stored = {row["presentation"] for row in answers.rows()}
    assert stored >= set(confirmed.read_text().split())
    assert answers.verify().lines >= 2 + 2 * len(stored)
    assert answers.place("R1").done == len(stored)
    answers.close()
