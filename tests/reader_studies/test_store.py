"""The file of a reader study as several openings of it see it."""

import os
import re
import sqlite3
import stat
from pathlib import Path
from typing import Any

import psutil
import pytest

from napari_recon_robust.ground.errors import FileFormatError
from napari_recon_robust.ground.writing import WritingError
from napari_recon_robust.reader_studies import audit
from napari_recon_robust.reader_studies.store import Store


def test_two_who_begin_a_file_at_once_begin_it_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one has looked, and found it empty, before the other begins it."""
    path, others, look = tmp_path / "answers.sqlite", list[Store](), Store.first

    def looked(self: Store, question: str, *values: Any) -> tuple[Any, ...] | None:
        found = look(self, question, *values)
        if found is None and not others:
            monkeypatch.setattr(Store, "first", look)
            others.append(Store(path, "study"))
        return found

    monkeypatch.setattr(Store, "first", looked)
    one = Store(path, "study")
    assert one.all("SELECT id FROM study") == [("study",)]
    with one.snapshot() as database:
        assert audit.verify(database).lines == 1
    for store in (one, *others):
        store.close()


@pytest.mark.parametrize("content", [b"", b"no database at all, but long enough to be taken for one" * 40])
def test_a_file_that_is_refused_is_closed(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "answers.sqlite"
    if content:
        path.write_bytes(content)
    else:
        Store(path, "another study").close()
    with pytest.raises(FileFormatError) as refused:
        Store(path, "study")
    assert refused.traceback, "which holds what was opened"
    assert str(path) not in [one.path for one in psutil.Process().open_files()]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_answers_and_their_log_are_for_their_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "answers.sqlite"
    store = Store(path, "study")
    modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in tmp_path.iterdir()}
    store.close()
    assert modes == dict.fromkeys([path.name, f"{path.name}-wal", f"{path.name}-shm"], 0o600)


def test_a_file_that_another_program_holds_is_not_said_to_be_damaged_or_the_disk_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_recon_robust.reader_studies.store._PATIENCE", 1)
    path = tmp_path / "answers.sqlite"
    store, other = Store(path, "study"), sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    words = re.escape("(database is locked); end the other program that has opened it")
    with pytest.raises(WritingError, match=f"cannot be written {words}, and send"), store.transaction():
        pass
    store.close()
    other.execute("ROLLBACK")
    other.execute("PRAGMA journal_mode=DELETE")
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(FileFormatError, match=f"{words}."):
        Store(path, "study")
    other.close()
