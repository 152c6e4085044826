"""Locks that one process holds at a time."""

from pathlib import Path

import pytest

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
