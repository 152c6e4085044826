"""Parts of a study's table that others may have damaged: one sentence, or rows that are run again."""

import json
import os
import random
from pathlib import Path

import polars
import pytest

from napari_recon_robust.ground.errors import FileFormatError
from napari_recon_robust.studies.rows import frame_of, once, packed, read_lines, read_rows

TYPES = {"trial": "String", "error": "String", "slice": "Int64", "budget": "Float64"}


def part(folder: Path, **columns: object) -> Path:
    path = folder / "part.parquet"
    polars.DataFrame({"trial": ["a", "b"], "error": [None, None], "slice": [0, 1]} | columns).write_parquet(path)
    return path


def test_sound_parts_are_read_whole_or_in_columns(tmp_path: Path) -> None:
    path = part(tmp_path)
    assert read_rows(path, types=TYPES)["slice"].to_list() == [0, 1]
    assert read_rows(path, "trial", "error").columns == ["trial", "error"]


def test_of_a_trial_the_first_valid_row_counts_or_else_the_last() -> None:
    rows = polars.DataFrame(
        {"trial": list("aaabb"), "error": ["it failed.", None, None, "first.", "second."], "slice": [0, 1, 2, 3, 4]}
    )
    assert dict(once(rows).select("trial", "slice").iter_rows()) == {"a": 1, "b": 4}


def test_a_bit_that_was_flipped_is_found_out(tmp_path: Path) -> None:
    """Numbers are stored as they are: most bits of them make another number, and no error."""
    path, draws = tmp_path / "part.parquet", random.Random(1)
    rows = [{"trial": str(number), "error": None, "budget": draws.random()} for number in range(200)]
    sound = packed(frame_of(rows, TYPES))
    path.write_bytes(sound)
    expected = read_rows(path, types=TYPES)
    assert expected["budget"].to_list() == [row["budget"] for row in rows]
    assert polars.read_parquet(path).equals(expected), "other programs read it too"
    said = list[str]()
    for _ in range(100):
        damaged = bytearray(sound)
        damaged[draws.randrange(len(damaged))] ^= 1 << draws.randrange(8)
        path.write_bytes(damaged)
        try:
            assert read_rows(path, types=TYPES).equals(expected)  # in the name of the checksum itself
        except FileFormatError as error:
            said.append(str(error))
    assert len(said) > 90
    assert all(words.endswith("remove it, and resume the study.") for words in said)


@pytest.mark.parametrize(
    ("columns", "name"),
    [
        ({"trial": [1, 2]}, "trial"),
        ({"trial": ["a", None]}, "trial"),
        ({"slice": ["0", "1"]}, "slice"),
        ({"budget": [[0.1], [0.2]]}, "budget"),
        ({"label_sex": [{"a": 1}, {"a": 2}]}, "label_sex"),
    ],
)
def test_what_no_study_writes_is_refused(tmp_path: Path, columns: dict[str, object], name: str) -> None:
    with pytest.raises(FileFormatError, match=f"part.parquet is no part of a study's table, by its column '{name}'"):
        read_rows(part(tmp_path, **columns), types=TYPES)


def test_a_part_without_errors_is_refused(tmp_path: Path) -> None:
    polars.DataFrame({"trial": ["a"]}).write_parquet(tmp_path / "part.parquet")
    with pytest.raises(FileFormatError, match="by its column 'error'"):
        read_rows(tmp_path / "part.parquet")


def test_a_part_without_a_column_that_is_needed_is_refused(tmp_path: Path) -> None:
    assert len(read_rows(part(tmp_path), types=TYPES, needed=["slice"])) == 2, "others may be missing"
    with pytest.raises(FileFormatError, match="by its column 'method_label'"):
        read_rows(part(tmp_path), types=TYPES, needed=["slice", "method_label"])


def test_what_is_no_file_is_told_apart_from_what_was_merged_meanwhile(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_rows(tmp_path / "part.parquet")
    (tmp_path / "part.parquet").symlink_to("nothing")
    with pytest.raises(FileFormatError, match="part.parquet is a link to a file that is not there"):
        read_rows(tmp_path / "part.parquet")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "lines.jsonl")
        with pytest.raises(FileFormatError, match="lines.jsonl is a pipe"):
            list(read_lines(tmp_path / "lines.jsonl"))


def test_a_part_with_more_rows_than_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("napari_recon_robust.studies.rows._length", lambda content: 10**13)
    with pytest.raises(FileFormatError, match=r"part.parquet needs .* of memory"):
        read_rows(part(tmp_path))


def test_damaged_lines_are_no_rows(tmp_path: Path) -> None:
    good = {"trial": "a", "slice": 1}
    lines = [good, {"trial": 1}, {"trial": "b", "slice": [0]}, ["a"], {"trial": "c", "slice": 2**64}]
    text = "\n".join([*map(json.dumps, lines), "[" * 10_000, '{"trial": "d"'])
    (tmp_path / "lines.jsonl").write_text(text)
    rows = list(read_lines(tmp_path / "lines.jsonl"))
    assert [row["trial"] for row in rows] == ["a", "c"]
    assert frame_of(rows, TYPES)["trial"].to_list() == ["a"]
