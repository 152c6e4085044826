import errno
import os
import signal
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from helpers.faults import fails_at, fails_from, killed, steps
from napari_recon_robust.ground import writing
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.ground.machine import machine
from napari_recon_robust.ground.progress import Cancelled, cancellable
from napari_recon_robust.ground.writing import WritingError, append, keep, new_folder, try_place, write

FOLDER = {"a.txt": b"new a", "b.txt": b"new b"}


def content(path: Path) -> dict[str, bytes]:
    """All files below a folder."""
    return {file.relative_to(path).as_posix(): file.read_bytes() for file in path.rglob("*") if file.is_file()}


def test_files_and_folders_are_written_with_the_folders_above_them(tmp_path: Path) -> None:
    write(tmp_path / "deep" / "file", b"one")
    write(tmp_path / "deep" / "file", memoryview(b"two"))
    (tmp_path / "deep" / "folder").mkdir()
    write(tmp_path / "deep" / "folder", FOLDER)
    assert content(tmp_path) == {
        "deep/file": b"two",
        "deep/folder/a.txt": b"new a",
        "deep/folder/b.txt": b"new b",
    }
    assert sorted(path.name for path in (tmp_path / "deep").iterdir()) == ["file", "folder"]
    assert len({file.stat().st_mtime_ns for file in (tmp_path / "deep" / "folder").iterdir()}) == 1


def test_a_link_and_the_mode_of_a_file_stay(tmp_path: Path) -> None:
    target, link = tmp_path / "elsewhere" / "file", tmp_path / "file"
    write(target, b"old")
    target.chmod(0o640)
    link.symlink_to(target)
    write(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    assert target.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(("name", "new"), [("file", b"new content"), ("folder", FOLDER)])
def test_each_step_of_writing_fails_in_turn(tmp_path: Path, name: str, new: bytes | dict[str, bytes]) -> None:
    """All but the last one, which brings to the disk that the file has its name; not every disk can."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"old")
    before = content(tmp_path)
    with steps() as taken:
        write(tmp_path / "other", new)
    assert taken.count("replace") == 1
    failing = range(taken.index("replace") + 1)
    for number in failing:
        if taken[number] == "fsync" and number + 1 == taken.index("replace") and name == "folder":
            continue  # that of the folder itself
        with steps(fails_at(number)), pytest.raises(WritingError) as raised:
            write(tmp_path / name, new)
        assert str(raised.value) == (
            f"{name} cannot be written to {tmp_path} (the disk is full); make room there, or name another folder."
        )
        assert {key: value for key, value in content(tmp_path).items() if not key.startswith("other")} == before
        assert not list(tmp_path.glob(".*"))


@pytest.mark.slow
@pytest.mark.parametrize("new", [b"new content", FOLDER])
def test_a_kill_at_each_step_leaves_the_old_or_the_new(tmp_path: Path, new: bytes | dict[str, bytes]) -> None:
    with steps() as taken:
        write(tmp_path / "undisturbed" / "it", new)
    for number in range(1, len(taken)):
        folder = tmp_path / str(number)
        if isinstance(new, bytes):
            write(folder / "it", b"old")
        else:
            folder.mkdir()
        before = content(folder)
        assert killed(lambda folder=folder: write(folder / "it", new), number - 1)
        left = {key: value for key, value in content(folder).items() if not key.startswith(".")}
        assert left in (before, content(tmp_path / "undisturbed"))
        if isinstance(new, bytes) or not (folder / "it").exists():
            write(folder / "it", new)
        else:
            write(folder / "next", b"")
            (folder / "next").unlink()
        assert content(folder) == content(tmp_path / "undisturbed")
        assert not list(folder.glob(".*"))


def test_a_new_folder_stands_in_its_place_when_it_is_complete(tmp_path: Path) -> None:
    place = tmp_path / "deep" / "folder"

    def fill(made: Path, *, stopped: bool) -> None:
        write(made / "sub" / "file", b"one")
        if stopped:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), new_folder(place) as made:
        fill(made, stopped=True)
    assert content(tmp_path) == {}
    assert not any(place.parent.iterdir())
    place.mkdir()
    with new_folder(place) as made:
        fill(made, stopped=False)
        assert content(place) == {}
    assert content(tmp_path) == {"deep/folder/sub/file": b"one"}
    with pytest.raises(WritingError, match="a folder that is not empty is in its place"), new_folder(place):
        pass
    assert content(tmp_path) == {"deep/folder/sub/file": b"one"}


def test_what_a_living_process_writes_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host = machine()
    mine = tmp_path / f".recon-robust-{host}-{os.getpid()}-abc"
    parent = tmp_path / f".recon-robust-{host}-{os.getppid()}-abc"
    another_machine = tmp_path / f".recon-robust-elsewhere{host}-999999999-abc"
    dead = tmp_path / f".recon-robust-{host}-999999999-abc"
    old = tmp_path / f".recon-robust-elsewhere{host}-1-old"
    others = [tmp_path / ".recon-robust", tmp_path / ".git"]
    for folder in (mine, parent, another_machine, dead, old, *others):
        folder.mkdir()
    os.utime(old, (time.time() - 2e5,) * 2)
    write(tmp_path / "file", b"")
    left = {path for path in tmp_path.iterdir() if path.is_dir()}
    assert left == {mine, parent, another_machine, *others}


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.ENOSPC, "(the disk is full); make room"),
        (errno.EDQUOT, "(your share of the disk is used up); make room"),
        (errno.EROFS, "(the disk is read-only); name another folder"),
        (errno.EACCES, "(you may not write there); name another folder"),
        (errno.EIO, f"({os.strerror(errno.EIO)}); name another folder"),
    ],
)
def test_a_place_is_tried_before(tmp_path: Path, code: int, words: str) -> None:
    for number in range(3):  # the hidden folder, the write, the fsync
        with steps(fails_at(number, code)), pytest.raises(InputError) as raised:
            try_place(tmp_path / "map.png")
        assert str(raised.value).startswith(f"map.png cannot be written to {tmp_path} ")
        assert words in str(raised.value)
    try_place(tmp_path / "deep" / "map.png")
    assert not content(tmp_path)
    assert [path.name for path in tmp_path.rglob("*")] == ["deep"]


def test_places_that_cannot_be_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(WritingError, match=r"cannot be written to .* \(a file is in the place of its folder\)"):
        try_place(tmp_path / "file" / "map.png")
    with pytest.raises(WritingError, match=r"\(its name is too long\); name it shorter"):
        try_place(tmp_path / (300 * "a"))
    (tmp_path / "map.png").mkdir()
    with pytest.raises(WritingError, match="a folder is in its place"):
        write(tmp_path / "map.png", b"")


def test_a_file_that_is_kept_from_writing_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "file", b"old")
    monkeypatch.setattr(os, "access", lambda *_: False)
    for attempt in (lambda: write(tmp_path / "file", b"new"), lambda: try_place(tmp_path / "file")):
        with pytest.raises(WritingError, match=r"file cannot be written to .* \(you may not write there\)"):
            attempt()
    assert content(tmp_path) == {"file": b"old"}


def test_a_folder_that_is_there_is_tried_within(tmp_path: Path) -> None:
    """Its own folder may be one where nobody writes."""
    folder = tmp_path / "folder"
    folder.mkdir()
    tried = []

    def act(_: int) -> None:
        tried.extend(path.parent for path in tmp_path.rglob(".recon-robust*"))

    with steps(act):
        try_place(folder)
    assert set(tried) == {folder}


def test_a_result_is_kept_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = tmp_path / "there"
    there.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(there))
    with steps(fails_at(1)), pytest.raises(WritingError) as raised:
        keep(tmp_path / "map.png", lambda path: write(path, b"map"))
    ((name, kept),) = content(there).items()
    assert kept == b"map"
    assert str(raised.value) == (
        f"map.png cannot be written to {tmp_path} (the disk is full); it is saved as {there / name} instead."
    )
    assert not (tmp_path / "map.png").exists()
    keep(tmp_path / "map.png", lambda path: write(path, b"map"))
    assert (tmp_path / "map.png").read_bytes() == b"map"
    with steps(fails_from(0)), pytest.raises(WritingError, match="make room there, or name another folder"):
        keep(tmp_path / "map.png", lambda path: write(path, b"map"))


def test_room_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writing.check_room(tmp_path / "case", 1)
    monkeypatch.setattr(writing.shutil, "disk_usage", lambda _: SimpleNamespace(free=2_000_000))
    writing.check_room(tmp_path / "case", 2_000_000)
    with pytest.raises(WritingError, match=r"\(it needs 3 MB, and 2 MB are free\); make room there"):
        writing.check_room(tmp_path / "case", 3_000_000)


def test_a_line_is_added_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    """The limit on a file's size stands for the disk's."""
    resource = pytest.importorskip("resource")
    file = tmp_path / "log.csv"
    append(file, "1,2\n")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, limits[1]))
        with pytest.raises(WritingError, match=r"log.csv cannot be written"):
            append(file, 100 * "3" + "\n")
        with pytest.raises(WritingError, match=r"\(it is larger than a file may be there\)"):
            write(tmp_path / "large", bytes(1000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    append(file, "3,4\n")
    assert content(tmp_path) == {"log.csv": b"1,2\n3,4\n"}


def test_what_a_cancelled_job_has_made_takes_no_place(tmp_path: Path) -> None:
    old = tmp_path / "report.html"
    write(old, b"old")
    with cancellable(lambda: True):
        for name, new in (("report.html", b"new"), ("case", {"case.json": b"{}"})):
            with pytest.raises(Cancelled):
                write(tmp_path / name, new)
    assert old.read_bytes() == b"old"
    assert [*tmp_path.iterdir()] == [old]
