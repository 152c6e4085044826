"""Locks that one process holds at a time."""

import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from napari_recon_robust.ground import locks
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.ground.locks import locked


def test_a_lock_is_removed_where_the_work_fails_and_it_was_not_there(tmp_path: Path) -> None:
    new, old = tmp_path / "new.lock", tmp_path / "old.lock"
    old.touch()
    for path in (new, old):
        with pytest.raises(ZeroDivisionError), locked(path, "it is held"):
            _ = 1 / 0
    assert [path.name for path in tmp_path.iterdir()] == ["old.lock"]
    with locked(new, "it is held"):
        pass
    assert new.exists()


def test_a_lock_that_another_has_taken_meanwhile_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both have looked before there was a file."""
    monkeypatch.setattr("os.path.lexists", lambda path: False)
    with locked(tmp_path / "lock", "it is held"):
        for _ in range(2):
            with pytest.raises(InputError, match="it is held"), locked(tmp_path / "lock", "it is held"):
                pass


def test_a_lock_is_held_until_its_file_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the file of the next run would be removed, and a third one let in."""
    path, remove, tries = tmp_path / "lock", locks._remove, []

    def meanwhile(*arguments: Any) -> None:
        with pytest.raises(InputError, match="it is held"), locked(path, "it is held"):
            pass
        tries.append(path)
        remove(*arguments)

    monkeypatch.setattr(locks, "_remove", meanwhile)
    with pytest.raises(ZeroDivisionError), locked(path, "it is held"):
        _ = 1 / 0
    assert tries == [path]
    assert not path.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="there an open file is not removed")
def test_a_file_that_its_holder_removed_before_it_was_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, lock = tmp_path / "lock", locks._lock

    def late(file: int) -> None:
        monkeypatch.undo()
        path.unlink()
        lock(file)

    monkeypatch.setattr(locks, "_lock", late)
    with (
        locked(path, "it is held"),
        pytest.raises(InputError, match="it is held"),
        locked(path, "it is held"),
    ):
        pass


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.EAGAIN, "^it is held$"), (errno.EACCES, "^it is held$"), (errno.EROFS, "the disk is read-only")],
)
def test_a_lock_that_fails_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str) -> None:
    monkeypatch.setattr(locks, "_lock", failing(number))
    with pytest.raises(InputError, match=words), locked(tmp_path / "lock", "it is held"):
        pass


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_file_system_without_locks_refuses_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    with locked(tmp_path / "lock", "it is held") as held:
        assert held
    monkeypatch.setattr(locks, "_lock", failing(number))
    with locked(tmp_path / "lock", "it is held") as held:
        assert not held


def failing(number: int) -> Callable[[int], None]:
    def lock(file: int) -> None:
        raise OSError(number, os.strerror(number))

    return lock
