"""What other programs read and write, and what is found in it."""

import csv
import os
from dataclasses import replace
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
import pytest

from helpers.answers import cases, row, scored
from helpers.reading import LESION, plan
from napari_recon_robust.ground.errors import FileFormatError, InputError
from napari_recon_robust.reader_studies.exchange import compare, exchanged, read_exchanged, write_exchanged
from napari_recon_robust.reader_studies.export import COLUMNS, to_csv
from napari_recon_robust.reader_studies.marks import Mark, Marks
from napari_recon_robust.reader_studies.ratings import Ratings


def rows() -> list[dict[str, object]]:
    rng = np.random.default_rng(0)
    found = scored(plan(questions=LESION, cases=cases(12)), lambda *_: rng.uniform(0, 100), "lesion")
    usual = dict.fromkeys(COLUMNS) | {"revision": 0, "comment": "", "utc": "", "mode": ""}
    return [{**usual, **one, "answer": {"seen": "yes"}} for one in found]


@pytest.mark.parametrize("suffix", [".imrmc", ".xlsx", ".csv"])
def test_the_same_is_found_in_each_format(tmp_path: Path, suffix: str) -> None:
    made = exchanged(rows())
    path = tmp_path / f"answers{suffix}"
    if suffix == ".csv":
        path.write_text(to_csv(rows()), encoding="utf-8")
    else:
        write_exchanged(made, path)
    found, expected = (compare(one, "x").findings for one in (read_exchanged(path), made))
    assert [(one.what, one.arm, one.estimate, one.p) for one in found] == [
        (one.what, one.arm, one.estimate, one.p) for one in expected
    ]


def test_arms_are_compared_in_the_order_of_the_plan_or_of_their_names(tmp_path: Path) -> None:
    """Whichever arm the draw showed first: a difference would change its sign with it."""
    for order in (rows(), rows()[::-1]):
        assert exchanged(order).arms == ("attacked", "clean")
        for suffix in (".imrmc", ".xlsx"):
            path = write_exchanged(exchanged(order, arms=["clean", "attacked"]), tmp_path / f"answers{suffix}")
            assert read_exchanged(path).arms == ("clean", "attacked")


def test_van_dykes_readers_are_compared_from_a_file(shared: Path, tmp_path: Path) -> None:
    with (shared / "data/readers/vandyke.csv").open(encoding="utf-8") as file:
        read = list(csv.DictReader(file))
    made = Ratings.of(
        [
            row(
                reader=one["reader"], case=one["case"], patient=one["case"], arm=one["treatment"],
                lesion=one["truth"] == "1", score=float(one["rating"]),
            )
            for one in read
        ],
        ["1", "2"],
    )  # fmt: skip
    found = compare(read_exchanged(write_exchanged(made, tmp_path / "vandyke.imrmc")), "vandyke")
    (difference,) = [one for one in found.findings if one.arm == "1 − 2"]
    assert difference.estimate.interval == pytest.approx((-0.08795950, 0.00035885), abs=5e-9)
    assert difference.p == pytest.approx(0.0516657, abs=5e-8)


def test_what_cannot_be_exchanged_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="this study asks none"):
        exchanged([row(question="sharpness", answer={"level": 1}, score=1.0)])
    two = [{**one, "question": name} for one in rows() for name in ("a", "b")]
    with pytest.raises(InputError, match="name one by --question: a or b"):
        exchanged(two)
    with pytest.raises(InputError, match="truth is not known|truth is known"):
        exchanged([{**one, "lesion": None} for one in rows()])
    with pytest.raises(InputError, match=r"name it \.imrmc or \.xlsx"):
        write_exchanged(exchanged(rows()), tmp_path / "a.txt")
    with pytest.raises(InputError, match="no known suffix"):
        read_exchanged(tmp_path / "a.txt")


def test_an_answer_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    """As two exports that were put into one file would have it."""
    (tmp_path / "a.csv").write_text(to_csv([*rows(), rows()[0]]), encoding="utf-8")
    with pytest.raises(FileFormatError, match="2 answers by R1 to lesion of .* in clean; leave one"):
        read_exchanged(tmp_path / "a.csv")


def test_too_few_cases_of_a_file_are_said(tmp_path: Path) -> None:
    few = [one for one in rows() if one["case"] in ("c0", "c1", "c2")]
    path = write_exchanged(exchanged(few), tmp_path / "few.imrmc")
    (remark,) = compare(read_exchanged(path), "few").remarks
    assert remark.endswith("no reader has rated two cases with a lesion and two without in all arms.")


def test_cases_of_unknown_truth_are_left_out_and_said(tmp_path: Path) -> None:
    """The same is found as without them."""
    known = [one for one in rows() if one["case"] not in ("c0", "c1", "c2")]
    unknown = [{**one, "lesion": None} for one in rows() if one not in known]
    (tmp_path / "a.csv").write_text(to_csv([*known, *unknown]), encoding="utf-8")
    found, expected = (compare(one, "a").findings for one in (read_exchanged(tmp_path / "a.csv"), exchanged(known)))
    assert [(one.estimate, one.p) for one in found] == [(one.estimate, one.p) for one in expected]
    assert found[0].note == "4 cases with a lesion, 5 without, 9 patients; 3 cases of unknown truth left out"


def test_marks_know_how_many_readings_they_are_of() -> None:
    """Two arms, two readers and three cases, of which one was not read by one of them; few readings have marks."""
    mark = Mark("a", "R1", "c1", 0, 30.0)
    made = Marks(("a", "b"), ("R1", "R2"), ("c0", "c1", "c2"), ("p",) * 3, ((), (), (1.0,)), (mark,))
    assert made.readings == 12
    assert replace(made, unread=frozenset({("R1", "c0")})).readings == 10


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")
@pytest.mark.parametrize("suffix", [".imrmc", ".xlsx", ".csv"])
def test_a_pipe_is_not_waited_for(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"answers{suffix}"
    os.mkfifo(path)
    with pytest.raises(FileFormatError, match="is a pipe, and a file is expected"):
        read_exchanged(path)


def test_a_workbook_that_would_fill_memory_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "answers.xlsx"
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", bytes(2**21))
    content = bytearray(path.read_bytes())
    entry = content.index(b"PK\x01\x02")
    content[entry + 24 : entry + 28] = (2**31).to_bytes(4, "little")  # the size that its directory declares
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=r"answers\.xlsx declares 2.15 GB and holds only"):
        read_exchanged(path)
