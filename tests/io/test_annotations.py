"""fastMRI+ boxes: turned over, and the rows of the published tables that are not as they should be."""

import csv
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_recon_robust.data.roi import Box
from napari_recon_robust.ground.errors import FileFormatError
from napari_recon_robust.io.annotations import COLUMNS, is_table, read_annotations

PUBLISHED = {"brain": (8213, 643), "knee": (16167, 13)}  # rows, and those about the whole study


def table(path, *rows):
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(rows)
    return path


def published(shared, part):
    """The rows of a published table, in the order of `COLUMNS`."""
    with (shared / "data" / "annotations" / f"fastmriplus_{part}.csv").open(newline="") as file:
        return [[row[name] for name in COLUMNS] for row in csv.DictReader(file)]


@pytest.mark.slow
@pytest.mark.parametrize("part", PUBLISHED)
def test_no_published_row_is_lost(shared, tmp_path, part):
    """All rows as if of one scan, since a table is read whole for each scan."""
    path = table(tmp_path / "one.csv", *(["file1", *row[1:]] for row in published(shared, part)))
    found = read_annotations(path, "file1.h5", 320, 320)
    assert (len(found), sum(one.study_level for one in found)) == PUBLISHED[part]
    assert all(one.label == one.label.strip() for one in found)
    assert all((one.box is None) == bool(one.note) for one in found)


@pytest.mark.slow
def test_published_dirty_rows_have_no_box(shared, tmp_path):
    notes = Counter()
    for part in PUBLISHED:
        by_scan = {}
        for row in published(shared, part):
            by_scan.setdefault(row[0], []).append(row)
        for scan, rows in by_scan.items():
            empty = any(level == "No" and (y == "-1" or "0" in size) for _, _, level, _, y, *size, _ in rows)
            if empty or len({tuple(row) for row in rows}) < len(rows):
                for one in read_annotations(table(tmp_path / "one.csv", *rows), scan, 320, 320):
                    notes[one.note.split(" (")[0]] += 1
    assert notes["its box"] == 3 + 6  # three without width or height, six that begin at y = -1
    assert notes["repeats an earlier row"] == 6


@pytest.mark.slow
@given(
    rows=st.integers(20, 400),
    columns=st.integers(20, 400),
    data=st.data(),
)
def test_box_is_that_of_the_image_turned_upside_down(tmp_path_factory, rows, columns, data):
    width, height = data.draw(st.integers(1, columns)), data.draw(st.integers(1, rows))
    x, y = data.draw(st.integers(0, columns - width)), data.draw(st.integers(0, rows - height))
    path = tmp_path_factory.getbasetemp() / "turned.csv"
    (one,) = read_annotations(table(path, ["file1", 3, "No", x, y, width, height, "Cyst"]), "file1.h5", rows)
    turned = np.zeros((rows, columns), bool)
    turned[y : y + height, x : x + width] = True
    np.testing.assert_array_equal(one.box.mask((rows, columns)).numpy(), turned[::-1])
    assert (one.slice, one.label, one.box.label, one.study_level) == (3, "Cyst", "Cyst", False)


def test_rows_are_kept_and_their_boxes_dropped(tmp_path):
    path = table(
        tmp_path / "a.csv",
        ["file1", 0, "Yes", "", "", "", "", "Normal for age "],
        ["file1", 1, "No", 5, -1, 4, 4, "Joint Effusion "],
        ["file1", 1, "No", 5, 5, 4, 0, "Cyst"],
        ["file1", 1, "No", 5, 5, 4, "x", "Cyst"],
        ["file1", 1, "No", 30, 5, 4, 4, "Cyst"],
        ["file1", 2, "No", 5, 5, 4, 4, "Tear"],
        ["file1", 2, "No", 5, 5, 4, 4, "Tear "],
        ["file10", 2, "No", 5, 5, 4, 4, "Tear"],
    )
    found = read_annotations(path, "file1.h5", 32, 32)
    assert [one.box is None for one in found] == [True, True, True, True, True, False, True]
    assert [one.label for one in found[:2]] == ["Normal for age", "Joint Effusion"]
    assert [one.note.split()[-1] for one in found if one.note] == ["box", "image", "image", "numbers", "image", "row"]
    assert found[0].study_level
    assert found[5].note == ""


def test_a_table_that_a_program_has_saved_again_keeps_its_boxes(tmp_path):
    """Where a column has empty fields, pandas writes "10.0"."""
    table = tmp_path / "saved.csv"
    table.write_text(
        "file,slice,study_level,x,y,width,height,label\n"
        "f,2.0,No,10.0,20.0,5.0,6.0,Lesion\nf,,Yes,,,,,Normal\nf,3,No,10.5,20,5,6,Half\n"
    )
    lesion, normal, half = read_annotations(table, "f.h5", 320, 320)
    assert (lesion.slice, lesion.box.shapes[0]) == (2, Box(row=294, column=10, height=6, width=5))
    assert (normal.slice, normal.study_level, normal.box) == (0, True, None)
    assert "not four whole numbers" in half.note


@pytest.mark.parametrize("delimiter", [";", "\t", ", "])
def test_a_table_that_a_spreadsheet_has_saved_with_other_delimiters(tmp_path, delimiter):
    path = tmp_path / "a.csv"
    rows = [COLUMNS, ("file1", "0", "No", "1", "2", "3", "4", "Cyst")]
    path.write_text("\r\n".join(map(delimiter.join, rows)), encoding="utf-8-sig", newline="")
    assert is_table(path)
    (one,) = read_annotations(path, "file1.h5", 32, 32)
    assert (one.label, one.box.shapes[0]) == ("Cyst", Box(row=26, column=1, height=4, width=3))


def test_scan_without_rows(tmp_path):
    path = table(tmp_path / "a.csv", ["file1", 0, "No", 1, 1, 1, 1, "Cyst"])
    assert read_annotations(path, "file2.h5", 32) == []


@pytest.mark.parametrize("scan", ["head.npy", "head.h5", "head"])
@pytest.mark.parametrize("named", ["head", "head.h5", "head.npy"])
def test_the_table_names_a_scan_with_its_suffix_or_without(tmp_path, scan, named):
    path = table(tmp_path / "a.csv", [named, 0, "No", 1, 1, 1, 1, "Cyst"])
    known = named in ("head", scan) or (scan, named) == ("head", "head.h5")
    assert len(read_annotations(path, scan, 32)) == known


def test_more_columns_and_a_byte_order_mark(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("note," + ",".join(COLUMNS) + "\n?,file1,0,No,1,2,3,4,Cyst\n", encoding="utf-8-sig")
    (one,) = read_annotations(path, "file1", 32)
    assert one.box.mask((32, 32)).nonzero().amin(0).tolist() == [26, 1]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"file,slice,x,y\n", "a.csv has no column study_level, width, height, label; a fastMRI. table"),
        (b"", "a.csv has no column file"),
        (b"\xff\xfe\x00\x01", "a.csv cannot be read as a CSV table"),
        (",".join(COLUMNS).encode() + b"\nfile1,one,No,1,1,1,1,Cyst\n", "a.csv has the slice 'one'"),
    ],
)
def test_table_that_is_none(tmp_path, content, sentence):
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=sentence):
        read_annotations(path, "file1", 32)


def test_missing_table(tmp_path):
    with pytest.raises(FileFormatError, match="there is no file nothing.csv"):
        read_annotations(tmp_path / "nothing.csv", "file1", 32)


def test_a_box_as_wide_as_a_number(tmp_path):
    wide = (["file1", 0, "No", 3, 4, width, 6, "Cyst"] for width in (2**31, "9" * 4000))
    path = table(tmp_path / "one.csv", *wide)
    first, second = read_annotations(path, "file1", 32)
    assert first.box is not None
    assert second.box is not None or second.note
    assert all("outside" in one.note for one in read_annotations(path, "file1", 32, 32))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"file,slice,study_level,x,y,width,height,label\nhead,2,No,40,20,8,6,Cyst\n", True),
        (b"\xef\xbb\xbffile,slice,study_level,x,y,width,height,label,more", True),
        (b"index,axis-0,axis-1\n", False),
        (b"", False),
        (b"a,b\rc,d\r", False),
        (b"\xff\xfe\x00", False),
    ],
)
def test_a_table_is_known_by_its_first_line(tmp_path: Path, content: bytes, expected: bool) -> None:
    (tmp_path / "table.csv").write_bytes(content)
    assert is_table(tmp_path / "table.csv") is expected
    assert not is_table(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")
def test_a_pipe_is_no_table_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "table.csv")
    assert not is_table(tmp_path / "table.csv")
