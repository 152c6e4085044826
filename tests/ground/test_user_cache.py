"""The user's cache folder."""

import sys
from pathlib import Path

import pytest

from napari_recon_robust.ground.user_cache import cache_folder, cached, keep_cached


@pytest.mark.parametrize(
    ("platform", "variable", "expected"),
    [
        ("linux", "XDG_CACHE_HOME", "set/napari-recon-robust"),
        ("linux", None, "home/.cache/napari-recon-robust"),
        ("darwin", None, "home/Library/Caches/napari-recon-robust"),
        ("win32", "LOCALAPPDATA", "set/napari-recon-robust"),
        ("win32", None, "home/AppData/Local/napari-recon-robust"),
    ],
)
def test_it_lies_where_the_system_wants_it(
    platform: str, variable: str | None, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    if variable is not None:
        monkeypatch.setenv(variable, str(tmp_path / "set"))
    assert cache_folder() == tmp_path / expected


def test_what_is_kept_is_found_and_where_nothing_can_be_kept_nothing_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_recon_robust.ground.user_cache.cache_folder", lambda: tmp_path / "cache")
    assert cached("a/b") is None
    keep_cached("a/b", b"content")
    keep_cached("a/b", b"other")
    assert cached("a/b") == b"other"
    assert [path.name for path in (tmp_path / "cache" / "a").iterdir()] == ["b"]
    keep_cached("a/b/c", b"below a file")
    assert cached("a/b/c") is None
