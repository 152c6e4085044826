import re
import tracemalloc
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import openpyxl
import pytest

from helpers.mrmc_formats import check_rjafroc
from napari_recon_robust.ground.errors import FileFormatError, InputError
from napari_recon_robust.reader_studies.exchange import compare
from napari_recon_robust.reader_studies.marks import Mark, Marks
from napari_recon_robust.reader_studies.power import variances_of
from napari_recon_robust.reader_studies.ratings import Ratings
from napari_recon_robust.reader_studies.rjafroc import read_rjafroc, write_rjafroc
from napari_recon_robust.statistics.readers.free_response import weighted_afroc


def ratings() -> Ratings:
    values = np.random.default_rng(0).normal(50, 20, (2, 3, 4))
    truth = np.array([True, False, True, False])
    patients = ("p1", "p1", "p2", "p3")
    return Ratings(("clean", "attacked"), ("R1", "R2", "R3"), ("c1", "c2", "c3", "c4"), patients, truth, values)


def marks() -> Marks:
    """Case c1 has lesions of weights 0.3 and 0.7, c2 none, c3 one; R2 has marked nothing."""
    return Marks(
        ("clean", "attacked"),
        ("R1", "R2"),
        ("c1", "c2", "c3"),
        ("p1", "p2", "p3"),
        ((0.3, 0.7), (), (1.0,)),
        (
            Mark("clean", "R1", "c2", 0, 20.5),
            Mark("clean", "R1", "c2", 0, 30.0),
            Mark("attacked", "R1", "c1", 0, 10.0),
            Mark("clean", "R1", "c1", 2, 80.0),
            Mark("attacked", "R1", "c3", 1, 90.0),
        ),
    )


def test_the_sheets_are_those_that_rjafroc_describes(tmp_path: Path) -> None:
    workbook = openpyxl.load_workbook(write_rjafroc(tmp_path / "a.xlsx", marks()))
    assert workbook.sheetnames == ["Truth", "FP", "TP"]
    assert [row[:6] for row in workbook["Truth"].values] == [
        ("CaseID", "LesionID", "Weight", "ReaderID", "ModalityID", "Paradigm"),
        (1, 1, 0.3, "0, 1", "0, 1", "FROC"),
        (1, 2, 0.7, "0, 1", "0, 1", "FCTRL"),
        (2, 0, 0, "0, 1", "0, 1", None),
        (3, 1, 1, "0, 1", "0, 1", None),
    ]
    assert [row[6:] for row in workbook["Truth"].values] == [
        ("Case", "Patient", "Readers", "Modalities"),
        ("c1", "p1", "R1 | R2", "clean | attacked"),
        *((name, f"p{name[1]}", None, None) for name in ("c1", "c2", "c3")),
    ]
    assert list(workbook["FP"].values) == [
        ("ReaderID", "ModalityID", "CaseID", "FP_Rating"), (0, 0, 2, 20.5), (0, 0, 2, 30), (0, 1, 1, 10)
    ]  # fmt: skip
    assert list(workbook["TP"].values) == [
        ("ReaderID", "ModalityID", "CaseID", "LesionID", "TP_Rating"), (0, 0, 1, 2, 80), (0, 1, 3, 1, 90)
    ]  # fmt: skip


def test_what_is_written_is_what_the_published_format_asks_for(tmp_path: Path) -> None:
    again = replace(marks(), marks=(*marks().marks, Mark("clean", "R1", "c1", 2, 60.0)))  # a second mark on one lesion
    found = check_rjafroc(write_rjafroc(tmp_path / "a.xlsx", again))
    assert found.true[0, 0, 1, 2] == 80
    assert found.false[0, 0, 2] == [20.5, 30]
    found = check_rjafroc(write_rjafroc(tmp_path / "b.xlsx", ratings()))
    assert len(found.true) + sum(map(len, found.false.values())) == 24
    assert found.true[1, 1, 3, 1] == pytest.approx(ratings().values[1, 1, 2])
    with pytest.raises(InputError, match="some are missing"):
        write_rjafroc(tmp_path / "c.xlsx", replace(marks(), unread=frozenset({("R2", "c1")})))


def test_marks_are_read_back_as_they_were(tmp_path: Path) -> None:
    assert read_rjafroc(write_rjafroc(tmp_path / "a.xlsx", marks())) == marks()


def test_ratings_are_read_back_as_they_were(tmp_path: Path) -> None:
    made = ratings()
    found = read_rjafroc(write_rjafroc(tmp_path / "a.xlsx", made))
    assert isinstance(found, Ratings)
    assert (found.arms, found.readers, found.cases, found.patients) == (
        made.arms, made.readers, made.cases, made.patients
    )  # fmt: skip
    np.testing.assert_array_equal(found.truth, made.truth)
    np.testing.assert_allclose(found.values, made.values, rtol=1e-15)  # Excel keeps 16 digits


def older(path: Path, false: list[tuple[float, ...]], true: list[tuple[float, ...]]) -> Path:
    """A file of the form before 2020: NL and LL, no readers in the truth, weights of 0 for even ones."""
    workbook = openpyxl.Workbook()
    workbook.active.title = "TRUTH"
    for row in (("CaseID", "LesionID", "Weight"), (1, 0, 0), (70, 1, 0), (70, 2, 0), (71, 1, 0)):
        workbook.active.append(row)
    for title, rows in (("NL", false), ("LL", true)):
        sheet = workbook.create_sheet(title)
        for row in (("ReaderID", "ModalityID", "CaseID", "..."), *rows):
            sheet.append(row)
    workbook.save(path)
    return path


def test_an_older_file_is_read(tmp_path: Path) -> None:
    found = read_rjafroc(older(tmp_path / "a.xlsx", [(0, 1, 1, 1.02)], [(0, 1, 70, 2, 5.28), (1, 1, 71, 1, 4)]))
    assert isinstance(found, Marks)
    assert (found.readers, found.arms, found.cases) == (("0", "1"), ("1",), ("1", "70", "71"))
    assert found.lesions == ((), (0.5, 0.5), (1.0,))
    assert found.marks[1] == Mark("1", "0", "70", 2, 5.28)
    assert found.free_response().weights.tolist() == [0.5, 0.5, 1]


def split(path: Path, *more: tuple[int, ...], nested: str = "{}", design: str = "SPLIT-PLOT-C") -> Path:
    """Eight cases, the odd ones with two lesions: readers 1 and 2 read the first four, and 3 the others.

    The first reader marks the first lesion in both modalities, and there is a false mark in modality 5 by reader 3.
    more: further false marks.
    """
    workbook = openpyxl.Workbook()
    workbook.active.title = "TRUTH"
    workbook.active.append(("CaseID", "LesionID", "Weight", "ReaderID", "ModalityID", "Paradigm"))
    kind = iter(("FROC", design))
    for case in range(1, 9):
        readers = nested.format("1, 2" if case < 5 else 3)
        for lesion, weight in ((1, 0.25), (2, 0.75)) if case % 2 else ((0, 0),):
            workbook.active.append((case, lesion, weight, readers, "4, 5", next(kind, None)))
    for title, rows in (("FP", [(3, 5, 6, 30), *more]), ("TP", [(1, 4, 1, 1, 70), (1, 5, 1, 1, 80)])):
        sheet = workbook.create_sheet(title)
        for row in (("ReaderID", "ModalityID", "CaseID", "..."), *rows):
            sheet.append(row)
    workbook.save(path)
    return path


@pytest.mark.parametrize("nested", ["{}", "({})"])
def test_in_a_split_plot_design_each_row_says_who_read_its_case(tmp_path: Path, nested: str) -> None:
    found = read_rjafroc(split(tmp_path / "a.xlsx", nested=nested))
    assert isinstance(found, Marks)
    assert (found.readers, found.arms, found.lesions[:2]) == (("1", "2", "3"), ("4", "5"), ((0.25, 0.75), ()))
    assert found.unread == {(reader, str(case)) for case in range(1, 9) for reader in ("12" if case > 4 else "3")}
    areas = weighted_afroc(found.free_response())
    np.testing.assert_allclose(areas, [[0.5 + 0.25 / 4, 0.5, 0.5], [0.5 + 0.25 / 4, 0.5, 0.25]])
    note = "8 lesions in 4 cases, 4 without, 8 patients; each reader's figure is of his own 4 cases"
    assert [one.note for one in compare(found, "a").findings[:1]] == [note]


def test_a_reader_of_one_kind_of_case_is_left_out_and_named(tmp_path: Path) -> None:
    """As from ratings: his cases have no figure."""
    found = read_rjafroc(split(tmp_path / "a.xlsx"))
    assert isinstance(found, Marks)
    few = frozenset(found.unread | {("1", case) for case in found.cases[1::2]})  # those without a lesion
    some = replace(found, marks=tuple(mark for mark in found.marks if ("1", mark.case) not in few), unread=few)
    chosen, left = some.paired()
    assert (chosen.readers, left.split("; ")[0]) == (("2", "3"), "1 left out, who rated too few cases")
    assert {mark.reader for mark in chosen.marks} <= {"2", "3"}
    compared = compare(some, "a")
    assert compared.findings
    assert any("1 left out, who rated too few cases" in one.note for one in compared.findings), compared
    with pytest.raises(InputError, match="no two readers read the same case"):  # of those who are left
        variances_of(some, "wafroc")


def test_a_mark_where_nothing_was_read_is_refused(tmp_path: Path) -> None:
    for reader, modality, case in ((7, 4, 1), (1, 9, 1), (3, 4, 1)):
        with pytest.raises(FileFormatError, match=f"by reader {reader} on case {case} in modality {modality}, and its"):
            read_rjafroc(split(tmp_path / "a.xlsx", (reader, modality, case, 10)))


def test_readers_of_one_modality_each_are_not_compared(tmp_path: Path) -> None:
    """Each case has a row for each modality, with other readers; its lesions are the same ones."""
    path = split(tmp_path / "a.xlsx", design="SPLIT-PLOT-A")
    workbook = openpyxl.load_workbook(path)
    workbook["TP"].delete_rows(3)  # by reader 1 in modality 5
    rows = list(workbook["TRUTH"].iter_rows(min_row=2))
    for row in rows:
        row[3].value, row[4].value = 1, "(4)"
        workbook["TRUTH"].append((*(cell.value for cell in row[:3]), 3, "(5)"))
    workbook.save(path)
    with pytest.raises(FileFormatError, match="nobody read a case in all modalities"):
        read_rjafroc(path)
    for row in workbook["TRUTH"].iter_rows(min_row=2):
        row[3].value = "1, 3"
    workbook.save(path)
    found = read_rjafroc(path)
    assert isinstance(found, Marks)
    assert (found.lesions[0], found.unread) == ((0.25, 0.75), frozenset())


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    made = ratings()
    missing = np.where(np.arange(24).reshape(2, 3, 4) == 5, np.nan, made.values)
    with pytest.raises(InputError, match="some are missing"):
        write_rjafroc(tmp_path / "a.xlsx", replace(made, values=missing))
    with pytest.raises(FileFormatError, match="b.xlsx does not say the truth of case 5."):
        read_rjafroc(older(tmp_path / "b.xlsx", [(0, 1, 5, 1.02)], []))
    (tmp_path / "c.xlsx").write_bytes(b"PK no such thing")
    with pytest.raises(FileFormatError, match="no Excel file of RJafroc"):
        read_rjafroc(tmp_path / "c.xlsx")
    openpyxl.Workbook().save(tmp_path / "d.xlsx")
    with pytest.raises(FileFormatError, match="no Excel file of RJafroc"):
        read_rjafroc(tmp_path / "d.xlsx")


@pytest.mark.slow
def test_a_sheet_is_read_as_far_as_it_is_filled(tmp_path: Path) -> None:
    """Whatever size it says that it has: each row was as wide, 32 MB here."""
    many = replace(marks(), marks=tuple(Mark("clean", "R1", "c2", 0, float(rating)) for rating in range(250)))
    path = write_rjafroc(tmp_path / "a.xlsx", many)
    with ZipFile(path) as archive, ZipFile(tmp_path / "b.xlsx", "w") as other:
        for name in archive.namelist():
            content = re.sub(rb'<dimension ref="[A-Z0-9:]+"', b'<dimension ref="A1:XFD9999"', archive.read(name))
            other.writestr(name, content)
    assert read_rjafroc(path) == many
    tracemalloc.start()
    try:
        assert read_rjafroc(tmp_path / "b.xlsx") == many
        assert tracemalloc.get_traced_memory()[1] < 10e6
    finally:
        tracemalloc.stop()


def test_without_openpyxl_a_sentence_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "openpyxl", None)
    with pytest.raises(InputError, match=r"need openpyxl; pip install 'napari-recon-robust\[review\]'"):
        write_rjafroc(tmp_path / "a.xlsx", marks())
