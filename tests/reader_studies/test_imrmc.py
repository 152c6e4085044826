from pathlib import Path

import numpy as np
import pytest

from helpers.mrmc_formats import check_imrmc
from napari_recon_robust.ground.errors import FileFormatError, InputError
from napari_recon_robust.reader_studies.imrmc import read_imrmc, to_imrmc
from napari_recon_robust.reader_studies.ratings import Ratings


def ratings() -> Ratings:
    """Two arms, three readers, four cases; one rating is missing."""
    values = np.random.default_rng(0).normal(50, 20, (2, 3, 4))
    values[1, 2, 0] = np.nan
    names = ("c1", "c2", "c3", "c4")
    return Ratings(
        ("clean", "attacked"), ("R1", "R2", "R3"), names, names, np.array([True, False, True, False]), values
    )


def test_the_counts_come_first_and_then_the_truth() -> None:
    lines = to_imrmc(ratings()).splitlines()
    assert lines[:6] == ["NR: 3", "N0: 2", "N1: 2", "NM: 2", "", "BEGIN DATA:"]
    assert lines[6:10] == ["-1,c1,truth,1", "-1,c2,truth,0", "-1,c3,truth,1", "-1,c4,truth,0"]
    assert len(lines) == 10 + 2 * 3 * 4 - 1


def test_what_is_written_is_what_the_published_format_asks_for() -> None:
    made = ratings()
    truths, scores = check_imrmc(to_imrmc(made))
    assert truths == {"c1": 1, "c2": 0, "c3": 1, "c4": 0}
    assert len(scores) == 2 * 3 * 4 - 1
    assert scores["R2", "c3", "attacked"] == made.values[1, 1, 2]


def test_a_file_is_read_back_as_it_was(tmp_path: Path) -> None:
    made = ratings()
    (tmp_path / "a.imrmc").write_text(to_imrmc(made), encoding="utf-8")
    found = read_imrmc(tmp_path / "a.imrmc")
    assert (found.arms, found.readers, found.cases) == (made.arms, made.readers, made.cases)
    np.testing.assert_array_equal(found.truth, made.truth)
    np.testing.assert_array_equal(found.values, made.values)


def test_a_file_of_another_program_is_read(tmp_path: Path) -> None:
    """Words before the counts, spaces, numbers as names, the truth's modality 0, and the truth in the middle."""
    text = "Simulated\n\nNR: 1\nN0: 1\nN1: 1\nNM: 2\n\nAUC1: 0.5\n\nBEGIN DATA:\n-1, 1, 0, 0\n1,1,1,-0.5\n"
    text += "1,1,2,1.5e0\n-1,2,0,1\n1,2,1,3\n1,2,2,4\n"
    (tmp_path / "a.imrmc").write_text(text, encoding="utf-8")
    found = read_imrmc(tmp_path / "a.imrmc")
    assert (found.arms, found.readers, found.cases) == (("1", "2"), ("1",), ("1", "2"))
    assert found.values.tolist() == [[[-0.5, 3]], [[1.5, 4]]]
    assert found.truth.tolist() == [False, True]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("-1,1,0,0\n-1,2,0,1\n1,3,1,5\n", "truth of case 3"),
        ("-1,1,0,0\n1,1,1,5\n", "truth 0 and cases with the truth 1"),
        ("-1,1,0,0\n-1,2,0,1\n1,1,1,5\n1,1,1,6\n", "two ratings by 1 of case 1 in 1"),
        ("-1,1,0,0\n-1,2,0,1\n1,1,1,nan\n", "no finite number"),
        ("-1,1,0,0\n-1,2,0,1\n", "none at all"),
        ("-1,1,0\n", "no file of iMRMC"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, lines: str, words: str) -> None:
    (tmp_path / "a.imrmc").write_text(f"BEGIN DATA:\n{lines}", encoding="utf-8")
    with pytest.raises(FileFormatError, match=words):
        read_imrmc(tmp_path / "a.imrmc")


def test_a_comma_in_a_name_is_refused() -> None:
    made = ratings()
    with pytest.raises(InputError, match="parts its columns by commas"):
        to_imrmc(Ratings(made.arms, ("a,b", "R2", "R3"), made.cases, made.patients, made.truth, made.values))
