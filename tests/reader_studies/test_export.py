import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from helpers.reading import LESION, PAIRS, VOLUMES, case_of
from napari_recon_robust.ground.errors import FileFormatError
from napari_recon_robust.reader_studies.analysis import analyse
from napari_recon_robust.reader_studies.answers import Answers
from napari_recon_robust.reader_studies.export import COLUMNS, _Places, displays, left_out, long_table, read_csv, to_csv
from napari_recon_robust.reader_studies.plan import Plan
from napari_recon_robust.reader_studies.questions import ForcedChoice

BOX = {"shapes": [{"kind": "box", "row": 1, "column": 2, "height": 1, "width": 1}]}
MARKS = {"id": "marks", "kind": "free-response", "text": "?"}


def read_all(answers: Answers, reader: str, answer: Callable[[int], dict[str, Any]], comment: str = "") -> None:
    answers.consent(reader)
    number = 0
    while (shown := answers.place(reader).shown) is not None:
        context = {"shown": 1000.0, "answered": 5000.0, "hidden": 500.0, "mode": "side"}
        answers.record(reader, shown.id, 0, {id: answer(number) for id in answers.bundle.questions}, comment, context)
        number += 1


@pytest.mark.slow
def test_each_answer_stands_beside_the_case_and_arm_that_were_shown(study: Callable[..., Answers]) -> None:
    answers = study()
    read_all(answers, "R1", lambda number: {"level": 1 + number % 3}, comment="=1+1")
    key = answers.unsealed(None)
    rows = long_table(answers, key)
    assert len(rows) == 12
    behind = {(one["reader"], one["number"]): one for one in key["presentations"]}
    for row in rows:
        one = behind["R1", row["number"] - 1]
        assert (row["case"], [row["arm"]], row["patient"]) == (one["case"], one["arms"], f"p{one['case'][1:]}")
        assert row["score"] == 1 + (row["number"] - 1) % 3
        assert row["seconds"] == 3.5
    table = list(csv.DictReader(io.StringIO(to_csv(rows))))
    assert list(table[0]) == list(COLUMNS)
    assert {row["comment"] for row in table} == {"'=1+1"}  # no formula in a spreadsheet


def test_what_readers_found_on_their_displays_is_told(study: Callable[..., Answers]) -> None:
    """Readers are told that it is stored with their readings; nothing but SQLite showed it."""
    answers = study(design={"readers": 11, "sittings": "separate"})
    for reader, sitting in (("R10", 0), ("R2", 1), ("R2", 0)):
        answers.consent(reader)
        seen = {"5% in black": "True", "95% in white": False, "light": "dim\x1b[2J", "distance": "", "ratio": 1.5}
        answers.check_display(reader, sitting, seen)
    found = "5% in black seen, 95% in white not seen, light dim\N{REPLACEMENT CHARACTER}[2J, ratio 1.5"
    assert displays(answers) == [
        f"R2, display of sitting 1: {found}",
        f"R2, display of sitting 2: {found}",
        f"R10, display of sitting 1: {found}",
    ]
    answers.forget("R2")
    assert len(displays(answers)) == 1


@pytest.mark.slow
def test_the_score_of_a_choice_is_of_the_arm_and_not_of_the_side(study: Callable[..., Answers]) -> None:
    answers = study(questions=PAIRS)
    read_all(answers, "R1", lambda _: {"choice": 0})
    rows = long_table(answers, answers.unsealed(None))
    assert [row["score"] for row in rows] == [float(row["arm"] == "clean") for row in rows]
    assert {row["score"] for row in rows} == {0.0, 1.0}


@pytest.mark.slow
def test_a_choice_that_was_stored_as_a_broken_number_is_exported(
    study: Callable[..., Answers], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = study(questions=PAIRS)
    with monkeypatch.context() as earlier:  # a version that did not ask for a whole number
        earlier.setattr(ForcedChoice, "check", lambda _, value, *__: dict(value))
        read_all(answers, "R1", lambda _: {"choice": 1.0})
    rows = long_table(answers, answers.unsealed(None))
    assert [row["score"] for row in rows] == [float(row["arms"][1] == "clean") for row in rows]
    analyse(Plan.model_validate(answers.unsealed(None)["plan"]), rows)


def test_a_table_without_answers_is_told_from_another_file(tmp_path: Path) -> None:
    (tmp_path / "answers.csv").write_text(to_csv([]), encoding="utf-8")
    with pytest.raises(FileFormatError, match=r"answers\.csv holds no answer"):
        read_csv(tmp_path / "answers.csv")
    (tmp_path / "answers.csv").write_text("", encoding="utf-8")
    with pytest.raises(FileFormatError, match="no table of answers"):
        read_csv(tmp_path / "answers.csv")


def test_a_table_that_a_spreadsheet_has_saved_is_read_and_another_content_refused(tmp_path: Path) -> None:
    path, whole = tmp_path / "answers.csv", {"answer": {"seen": "no", "confidence": 50.0}, "lesion": False}
    row = dict.fromkeys(COLUMNS) | whole
    text = to_csv([row])
    path.write_text(text.replace("False", "FALSE"), encoding="utf-8-sig")
    assert read_csv(path)[0]["lesion"] is False
    with path.open("w", newline="") as german:
        csv.writer(german, delimiter=";").writerows(csv.reader(io.StringIO(to_csv([row | {"seconds": "1,5"}]))))
    (found,) = read_csv(path)
    assert (found["answer"], found["seconds"]) == (row["answer"], 1.5)
    for other in (text.replace("False", "perhaps"), text[:-5], to_csv([dict.fromkeys(COLUMNS) | {"answer": 5}])):
        path.write_text(other)
        with pytest.raises(FileFormatError, match="no table of answers"):
            read_csv(path)


@pytest.mark.slow
def test_the_table_is_read_back_as_it_was(study: Callable[..., Answers], tmp_path: Path) -> None:
    answers = study()
    read_all(
        answers, "R1", lambda number: {"level": 1 + number % 3} if number else {"cannot_judge": True}, comment="-2"
    )
    rows = long_table(answers, answers.unsealed(None))
    (tmp_path / "answers.csv").write_text(to_csv(rows), encoding="utf-8")
    assert read_csv(tmp_path / "answers.csv") == rows
    (tmp_path / "answers.csv").write_text("reader,case\nR1,c1\n", encoding="utf-8")
    with pytest.raises(FileFormatError, match="no table of answers"):
        read_csv(tmp_path / "answers.csv")


@pytest.mark.slow
def test_a_click_hits_the_lesion_or_not(study: Callable[..., Answers]) -> None:
    """The lesion of even cases is the pixel (1, 2); odd ones have none, and no place."""
    rows, columns = case_of(0).matrix
    cases = [
        {"id": f"c{at}", "saved": f"c{at}", "patient": f"p{at}", "lesion": at % 2 == 0}
        | ({"place": BOX} if at % 2 == 0 else {})
        for at in range(6)
    ]
    answers = study(questions=[{**LESION[0], "place": True}], cases=cases)
    clicks = [{"row": 1.3, "column": 1.6}, {"row": rows - 1, "column": columns - 1}]
    shown = {
        one["number"]: int(one["case"][1]) for one in answers.unsealed(None)["presentations"] if one["reader"] == "R1"
    }
    read_all(answers, "R1", lambda number: {"seen": "yes", "confidence": 80, **clicks[shown[number] % 4 // 2]})
    read_all(answers, "R2", lambda _: {"seen": "no", "confidence": 80})
    found = long_table(answers, answers.unsealed(None))
    for row in found:
        known = int(row["case"][1]) % 2 == 0
        seen = row["reader"] == "R1"
        assert row["lesions"] == int(known)
        assert row["hit"] == ((seen and row["answer"]["row"] < 2) if known else None)
    assert {row["hit"] for row in found if row["reader"] == "R1"} == {True, False, None}


@pytest.mark.slow
@pytest.mark.parametrize("pixel", [1, 2])
def test_a_mark_on_an_edge_is_on_the_pixel_that_begins_there(study: Callable[..., Answers], pixel: int) -> None:
    """The page sets marks by this rule, and those that keys move lie on edges; pixel 2 had both of its own."""
    shown = study().bundle.shown[0]
    place = {"shapes": [{"kind": "box", "row": pixel, "column": pixel, "height": 1, "width": 1}]}
    lesion, square = (
        _Places({**VOLUMES[0], "saved": "c0", "place": place}, shown),
        shown.model_copy(update={"region": (pixel,) * 4}),
    )
    on = [edge for edge in (0.5, 1.5, 2.5, 3.5) if lesion.hit({"seen": "yes", "row": edge, "column": edge})]
    assert on == [pixel - 0.5]
    assert square.counts({"row": pixel - 0.5, "column": pixel})
    assert not square.counts({"row": 2 * pixel - 0.5, "column": pixel})


@pytest.mark.slow
def test_where_no_click_is_asked_for_nobody_misses_a_place(study: Callable[..., Answers]) -> None:
    """Those who saw no lesion were taken for all who were asked, and of five in six that were seen the share was 0."""
    answers = study(
        questions=LESION,
        cases=[
            {"id": f"c{at}", "saved": f"c{at}", "patient": f"p{at}", "lesion": True, "place": BOX} for at in range(3)
        ]
        + [{"id": f"c{at}", "saved": f"c{at}", "patient": f"p{at}", "lesion": False} for at in range(3, 6)],
    )
    for reader in ("R1", "R2"):
        read_all(answers, reader, lambda number: {"seen": "yes" if number % 3 else "no", "confidence": 80})
    key = answers.unsealed(None)
    rows = long_table(answers, key)
    assert {row["hit"] for row in rows} == {None}
    former = [{**row, "hit": False if row["answer"]["seen"] == "no" and row["lesion"] else None} for row in rows]
    for table in (rows, former):
        findings = analyse(Plan.model_validate(key["plan"]), table).findings
        assert any(one.what == "sensitivity" for one in findings)
        assert not any("place" in one.what for one in findings)


@pytest.mark.slow
def test_a_click_hits_the_lesion_on_its_slices_alone(study: Callable[..., Answers], tmp_path: Path) -> None:
    place = {"regions": [{**BOX, "slice": at} for at in (1, 2)]}
    answers = study(cases=[{**VOLUMES[0], "place": place}, VOLUMES[1]], questions=[{**LESION[0], "place": True}, MARKS])
    click = {"row": 1.0, "column": 2.0}
    answers.consent("R1")
    for number in range(4):
        shown = answers.place("R1").shown
        assert shown is not None
        here = {**click, "slice": number % 3}
        given = {"lesion": {"seen": "yes", "confidence": 80, **here}, "marks": {"marks": [{**here, "rating": 70}]}}
        context = {"slice": number % 3, "seen": [10.0, 0.0, 5.0]}
        answers.record("R1", shown.id, 0, given, context=context)
    rows = long_table(answers, answers.unsealed(None))
    for row in rows:
        on = row["slice"] > 0 and row["case"] == "v0"
        assert row["hit"] == (on if row["case"] == "v0" and row["question"] == "lesion" else None)
        assert (row["slices"], row["slice"], row["slices_seen"]) == (3, (row["number"] - 1) % 3, 2)
        if row["question"] == "marks":
            assert [mark["lesion"] for mark in row["answer"]["marks"]] == [int(on)]
    assert {row["hit"] for row in rows if row["question"] == "lesion" and row["case"] == "v0"} == {True, False}
    (tmp_path / "answers.csv").write_text(to_csv(rows), encoding="utf-8")
    assert read_csv(tmp_path / "answers.csv") == rows


@pytest.mark.slow
def test_marks_outside_of_the_square_do_not_count_and_are_told(study: Callable[..., Answers], tmp_path: Path) -> None:
    """Readers are told so; what they gave stays in the file of answers."""
    answers = study(questions=[MARKS], viewing={"region": True})
    for shown in answers.bundle.shown:  # as of an image that is wider than the square
        object.__setattr__(shown, "region", (4, 2, 6, 5))
    corners = [(3.4, 3), (3.6, 3), (9.4, 3), (9.6, 3), (5, 1.4), (5, 1.6), (5, 6.4), (5, 6.6)]
    marks = [{"row": row, "column": column, "rating": 90 - at} for at, (row, column) in enumerate(corners)]
    read_all(answers, "R1", lambda number: {"marks": marks if number == 0 else [marks[0]][:number]})
    first, *others = rows = long_table(answers, answers.unsealed(None))
    assert [mark["rating"] for mark in first["answer"]["marks"]] == [89, 88, 85, 84]
    assert (first["score"], first["answer"]["outside"]) == (89, 4)
    assert {(row["score"], str(row["answer"])) for row in others} == {(0, "{'marks': [], 'outside': 1}")}
    assert left_out(rows) == "Left out: 15 marks outside of the square in which to look."
    assert left_out(rows[1:2]) == "Left out: 1 mark outside of the square in which to look."
    assert len(answers.rows()[0]["value"]["marks"]) == 8
    (tmp_path / "answers.csv").write_text(to_csv(rows), encoding="utf-8")
    assert read_csv(tmp_path / "answers.csv") == rows


@pytest.mark.slow
def test_every_mark_counts_where_no_square_is_shown(study: Callable[..., Answers]) -> None:
    answers = study(questions=[MARKS])
    read_all(answers, "R1", lambda _: {"marks": [{"row": 0, "column": 0, "rating": 50}]})
    rows = long_table(answers, answers.unsealed(None))
    mark = {"row": 0.0, "column": 0.0, "rating": 50.0, "lesion": 0}
    assert all(row["answer"] == {"marks": [mark]} for row in rows)
    assert left_out(rows) == ""


@pytest.mark.slow
def test_an_answer_from_before_there_were_slices_is_on_the_first(study: Callable[..., Answers]) -> None:
    places = _Places({**VOLUMES[0], "place": {**BOX, "slice": 0}}, study(cases=VOLUMES).bundle.shown[0])
    assert places.hit({"seen": "yes", "row": 1.0, "column": 2.0})
    elsewhere = _Places({**VOLUMES[0], "place": {**BOX, "slice": 1}}, study("again", cases=VOLUMES).bundle.shown[0])
    assert elsewhere.hit({"seen": "yes", "row": 1.0, "column": 2.0}) is False


@pytest.mark.slow
def test_breaking_the_blind_is_logged_if_it_is_done(study: Callable[..., Answers]) -> None:
    answers = study()
    before = answers.verify()
    with pytest.raises(FileNotFoundError), answers.breaking_blind("a test"):
        raise FileNotFoundError
    assert answers.verify() == before
    with answers.breaking_blind("a test") as head:
        pass
    assert answers.verify() == head
    assert head.lines == before.lines + 1
