from pathlib import Path

import numpy as np
import pytest

from napari_recon_robust.ground.errors import FileFormatError
from napari_recon_robust.reader_studies.exchange import compare, read_exchanged
from napari_recon_robust.reader_studies.rating_table import read_rating_table


def test_van_dykes_table_is_compared(shared: Path) -> None:
    found = compare(read_exchanged(shared / "data/readers/vandyke.csv"), "vandyke")
    (difference,) = [one for one in found.findings if one.arm == "1 − 2"]
    assert difference.estimate.interval == pytest.approx((-0.08795950, 0.00035885), abs=5e-9)


def test_imrmcs_table_is_read(tmp_path: Path) -> None:
    lines = ["readerID, caseID, modalityID, score", "truth,a,truth,0", "-1,b,truth,1", "x,a,one,0.5", "x,b,one,2"]
    (tmp_path / "a.csv").write_text("\n".join(lines), encoding="utf-8")
    found = read_rating_table(tmp_path / "a.csv")
    assert found is not None
    assert (found.readers, found.arms, found.cases) == (("x",), ("one",), ("a", "b"))
    np.testing.assert_array_equal(found.values, [[[0.5, 2]]])


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_a_table_with_semicolons_or_tabs_has_decimal_commas(tmp_path: Path, delimiter: str) -> None:
    rows = [f"{reader},{arm},{case},{case % 2},{case + 0.5}" for reader in "xy" for arm in "ab" for case in (1, 2)]
    lines = ["reader,treatment,case,truth,rating", *rows]
    (tmp_path / "a.csv").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "b.csv").write_text("\n".join(lines).replace(",", delimiter).replace(".", ","), encoding="utf-8-sig")
    plain, saved = (read_rating_table(tmp_path / name) for name in ("a.csv", "b.csv"))
    assert plain is not None
    assert saved is not None
    np.testing.assert_array_equal(plain.values, saved.values)
    (tmp_path / "a.csv").write_text("\n".join([*lines, 'x,a,3,1,"1,500"']), encoding="utf-8")
    with pytest.raises(FileFormatError, match="is no number"):
        read_rating_table(tmp_path / "a.csv")


def test_what_is_no_table_of_ratings(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    assert read_rating_table(tmp_path / "a.csv") is None
    (tmp_path / "a.csv").write_text("reader,treatment,case,truth,rating\n1,1,1,yes,3\n", encoding="utf-8")
    with pytest.raises(FileFormatError, match="a truth or a rating is no number"):
        read_rating_table(tmp_path / "a.csv")
    with pytest.raises(FileFormatError, match=r"there is no file none\.csv"):
        read_rating_table(tmp_path / "none.csv")


@pytest.mark.parametrize(
    "lines",
    [
        ["reader,treatment,case,truth,rating", "1,1,a,0,3", "1,1,b,1,4", "2,1,a,1,3"],
        ["readerID,caseID,modalityID,score", "truth,a,truth,0", "truth,b,truth,1", "truth,a,truth,1", "1,a,1,3"],
    ],
)
def test_a_case_has_one_truth(tmp_path: Path, lines: list[str]) -> None:
    (tmp_path / "a.csv").write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(FileFormatError, match="both truths, 0 and 1, of case a"):
        read_rating_table(tmp_path / "a.csv")
