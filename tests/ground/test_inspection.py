"""The process that opens HDF5 files first: what hangs or crashes there hurts nobody."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from napari_recon_robust.ground import inspection
from napari_recon_robust.ground.errors import FileFormatError
from napari_recon_robust.ground.inspection import Inspection
from napari_recon_robust.ground.machine import runs

MODULE = "napari_recon_robust.ground.hdf5_tree"


@pytest.fixture
def inspector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Inspection]:
    monkeypatch.setattr(inspection, "SECONDS", 2)
    made = Inspection(MODULE)
    yield made
    made.end()


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    path = tmp_path / "sound.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("kspace", data=np.ones((2, 3, 8, 8), np.complex64), chunks=(1, 1, 8, 8))
        file["ismrmrd_header"] = "<ismrmrdHeader/>"
        file.attrs["acquisition"] = "AXT2"
    return path


def spinning(sound: Path, word: bytes) -> Path:
    """The file with a free space of 0 bytes behind a word in a heap: HDF5 steps over it for ever."""
    content = bytearray(sound.read_bytes())
    behind = content.index(word) + -(-len(word) // 8) * 8
    content[behind + 8 : behind + 16] = bytes(8)
    path = sound.with_name("spinning.h5")
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("word", [b"AXT2", b"<ismrmrdHeader/>"])
@pytest.mark.slow
def test_a_file_on_which_the_library_spins(inspector: Inspection, sound: Path, word: bytes) -> None:
    inspector.check(sound)
    with pytest.raises(FileFormatError, match=r"spinning.h5 takes more than 2 s to look through"):
        inspector.check(spinning(sound, word))
    os.utime(sound)
    inspector.check(sound)  # in a process that was started anew


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere other signals")
def test_a_crash_is_said_and_the_next_file_is_opened(
    inspector: Inspection, sound: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inspector.check(sound)
    process = inspector._process
    assert process is not None
    process.send_signal(signal.SIGSTOP)  # so that it dies while it is asked
    os.utime(sound)
    write = process.stdin.write  # type: ignore[union-attr]

    def asked(text: str) -> int:
        process.send_signal(signal.SIGSEGV)
        process.send_signal(signal.SIGCONT)
        return write(text)

    monkeypatch.setattr(process.stdin, "write", asked)
    with pytest.raises(FileFormatError, match=r"sound.h5 makes its library crash"):
        inspector.check(sound)
    inspector.check(sound)


@pytest.mark.slow
def test_a_file_is_looked_through_once_until_it_changes(inspector: Inspection, sound: Path) -> None:
    inspector.check(sound)
    inspector.end()
    inspector.check(sound)
    assert inspector._process is None
    with h5py.File(sound, "r+") as file:
        file["link"] = h5py.ExternalLink("other.h5", "/data")
    with pytest.raises(FileFormatError, match="`link` in sound.h5 is a link into another file"):
        inspector.check(sound)


@pytest.mark.slow
def test_the_process_ends_with_the_one_that_it_works_for(sound: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from napari_recon_robust.ground.inspection import Inspection\n"
        f"one = Inspection({MODULE!r}); one.check(Path({str(sound)!r})); print(one._process.pid, flush=True)\n"
        "os.kill(os.getpid(), 9) if sys.argv[1] == 'kill' else None"
    )
    for how in ("kill", "end"):
        ended = subprocess.run([sys.executable, "-c", code, how], capture_output=True, text=True, check=False)
        pid, until = int(ended.stdout), time.monotonic() + 60
        while runs(pid) and time.monotonic() < until:
            time.sleep(0.05)
        assert not runs(pid)


def test_without_a_process_nothing_is_checked(
    inspector: Inspection, sound: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "nothing-that-could-be-started")
    inspector.check(sound)


@pytest.mark.slow
def test_a_good_file_waits_for_no_process_to_start(inspector: Inspection, sound: Path) -> None:
    inspector.check(sound)
    process = inspector._process
    assert process is not None
    for moment in range(5):
        os.utime(sound, (moment, moment))
        inspector.check(sound)
    assert inspector._process is process
    assert process.poll() is None


def test_the_parts_of_a_large_file_are_looked_at_once(
    inspector: Inspection, sound: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A 3-D scan of 65,000 acquisitions had more parts than were remembered, so that each pass read them all twice."""
    asked = list[str]()
    monkeypatch.setattr(inspection, "_answer", lambda process, question, path: asked.append(question))
    for _ in range(2):
        for number in range(2000):
            inspector.check(sound, ["kspace", [number], ""])
    assert len(asked) == 2000
