"""Which rows of a table of labels name which files of a plan."""

from pathlib import Path
from unicodedata import normalize

import pytest

from napari_recon_robust.studies.labels import Labels, least_paths, read_labels
from napari_recon_robust.studies.mistakes import Unfit
from napari_recon_robust.studies.plan import Scans

TWO = ["scans/p1/scan.h5", "scans/p2/scan.h5"]


def labels(folder: Path, rows: str, paths: list[str], head: str = "file,patient") -> Labels:
    (folder / "labels.csv").write_text(f"{head}\n{rows}\n", encoding="utf-8")
    return read_labels(Scans(files=("*",), table="labels.csv"), folder, paths)


def patients(found: Labels) -> dict[str, str]:
    return {path: row["patient"] for path, row in found.rows.items()}


@pytest.mark.parametrize(
    ("file", "path"),
    [
        ("a1 scan.h5", "../scans/a1 scan.h5"),
        ("a1 scan", "a1 scan.h5"),
        ("C:\\data\\a1 scan.h5", "scans/a1 scan.h5"),
        ("data\\p1\\scan.h5", "/elsewhere/p1/scan.h5"),
        (normalize("NFD", "ärzte-β.h5"), normalize("NFC", "scans/ärzte-β.h5")),
        (normalize("NFC", "ärzte-β"), normalize("NFD", "scans/ärzte-β.h5")),
        ("./a.h5", "a.h5"),
    ],
)
def test_a_row_names_a_file_however_its_path_is_written(tmp_path: Path, file: str, path: str) -> None:
    found = labels(tmp_path, f"{file},p", ["another.h5", path])
    assert (patients(found), found.unused) == ({path: "p"}, 0)


@pytest.mark.parametrize(
    ("rows", "expected", "unused"),
    [
        ("p1/scan.h5,a\np2/scan.h5,b", ["a", "b"], 0),
        ("scan.h5,a", ["a", "a"], 0),
        ("scans/p1/scan.h5,a\np1/scan.h5,b\np2/scan,c", ["a", "c"], 1),
        ("p1/scan.h5,a", ["a"], 0),  # the second one was given its patient
        ("p1/scan.h5,a\np3/scan.h5,b", ["a"], 1),  # likewise that of a third
        ("P1/scan.h5,a\np1/SCAN.h5,b\nfoot.h5,c", [], 3),
        ("p1/scan.h5,a\n,\n,b", ["a"], 1),
    ],
)
def test_of_files_of_one_name_a_row_names_those_that_have_its_folder(
    tmp_path: Path, rows: str, expected: list[str], unused: int
) -> None:
    found = labels(tmp_path, rows, TWO)
    assert patients(found) == dict(zip(TWO, expected, strict=False))
    assert found.unused == unused


def test_a_row_of_another_folder_names_the_one_file_of_its_name(tmp_path: Path) -> None:
    assert patients(labels(tmp_path, "elsewhere/scan.h5,a", TWO[:1])) == {TWO[0]: "a"}


def test_rows_that_differ_and_name_one_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Unfit, match=r"labels.csv has 2 rows for scans/p1/scan.h5, which differ; name each file once"):
        labels(tmp_path, "scan.h5,a\nscan.h5,b", TWO)


def test_empty_columns_are_left_out(tmp_path: Path) -> None:
    """As programs for tables add them."""
    found = labels(tmp_path, "a.h5,P1,,\nb.h5,P2,,", ["a.h5", "b.h5"], head="file,patient,,")
    assert found.rows == {"a.h5": {"patient": "P1"}, "b.h5": {"patient": "P2"}}


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_a_table_with_other_delimiters_is_read(tmp_path: Path, delimiter: str) -> None:
    found = labels(
        tmp_path, delimiter.join(("a.h5", "p1", "1,5")), ["a.h5"], delimiter.join(("file", "patient", "dose"))
    )
    assert found.rows == {"a.h5": {"patient": "p1", "dose": "1,5"}}


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    """The last one was kept."""
    with pytest.raises(Unfit, match=r"labels.csv has 2 columns 'site'; give each a name of its own") as caught:
        labels(tmp_path, "a.h5,p1,n,s", ["a.h5"], head="file,patient,site,site")
    assert caught.value.keys == ("scans", "table")


def test_a_short_row_has_empty_labels(tmp_path: Path) -> None:
    assert labels(tmp_path, "p1", ["a.h5"], head="patient,file") == Labels({}, 1)
    assert labels(tmp_path, "a.h5", ["a.h5"]).rows == {"a.h5": {"patient": ""}}


def test_a_path_is_told_from_others_by_its_shortest_end() -> None:
    assert least_paths([*TWO, "/data/other.h5", "/data/other.h5"]) == {
        TWO[0]: "p1/scan.h5",
        TWO[1]: "p2/scan.h5",
        "/data/other.h5": "other.h5",
    }
    assert least_paths(["scan.h5", "p1/scan.h5"]) == {"scan.h5": "scan.h5", "p1/scan.h5": "p1/scan.h5"}
