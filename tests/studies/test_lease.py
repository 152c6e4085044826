import json
import os
import platform
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from helpers.leases import held
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.ground.machine import machine
from napari_recon_robust.ground.writing import WritingError
from napari_recon_robust.studies import lease as module
from napari_recon_robust.studies.lease import Lease

DEAD = 2**22 + 1  # larger than any process has
ROUNDS = int(os.environ.get("KILLS", "2")) * 20  # make kills: 400
# Takes the lease of each folder that it is told at the moment that it is told, and keeps it until it is told to go on.
RACER = """\
import sys, time
from pathlib import Path
from napari_recon_robust.studies.lease import Lease

print("ready", flush=True)
for line in sys.stdin:
    moment, folder = line.split(maxsplit=1)
    while time.time() < float(moment):
        pass
    with Lease(Path(folder.strip())).taken(join=True) as first:
        print(int(first), flush=True)
        sys.stdin.readline()
"""


@pytest.mark.slow
def test_of_two_processes_that_find_a_dead_run_one_gets_the_lease(tmp_path: Path) -> None:
    """Again and again at the same moment; in every second round the run before has ended, in the others it is dead."""
    command = [sys.executable, "-c", RACER]
    racers = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    try:
        assert [answer(one) for one in racers] == ["ready", "ready"]
        got = [0, 0]
        for number in range(ROUNDS):
            folder = tmp_path / str(number)
            died = held(folder, DEAD)
            if number % 2:
                died.rename(died.with_name("ended.json"))
            for one in racers[:: 1 if number % 4 < 2 else -1]:  # whoever is told first is ahead on a busy machine
                tell(one, f"{time.time() + 0.002} {folder}")
            answers = [answer(one) for one in racers]
            assert sorted(answers) == ["0", "1"], f"round {number}"
            got[answers.index("1")] += 1
            for one in racers:
                tell(one, "")
        assert min(got) > 0, "they never met"
    finally:
        for one in racers:
            one.kill()
            one.communicate()


def tell(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{line}\n")
    process.stdin.flush()


def answer(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_one_that_was_slow_to_look_finds_the_later_run(tmp_path: Path, monkeypatch) -> None:
    """It has seen that the first run is dead, then others ran, of which the last still does and has tidied up."""
    held(tmp_path, DEAD)
    later, slow = Lease(tmp_path), Lease(tmp_path)
    looked = module.os.listdir

    def listed(folder: Path) -> list[str]:
        monkeypatch.setattr(module.os, "listdir", looked)
        names = looked(folder)
        held(tmp_path, os.getppid(), number=3)
        shutil.rmtree(tmp_path / "runs" / "000001")
        return names

    monkeypatch.setattr(module.os, "listdir", listed)
    assert not slow._take("slow")
    assert not slow.held
    assert later.holder == {"host": "here", "machine": machine(), "process": os.getppid()}


def test_threads_of_one_process_do_not_take_each_other_for_dead(tmp_path: Path) -> None:
    with Lease(tmp_path).taken() as first:
        assert first
        with Lease(tmp_path).taken(join=True) as second:
            assert not second
        with pytest.raises(InputError, match="is being run already"), Lease(tmp_path).taken():
            pass
    assert Lease(tmp_path).holder is None
    with Lease(tmp_path).taken() as first:
        assert first
    assert os.listdir(tmp_path / "runs") == ["000002"]


@pytest.mark.parametrize("step", ["_said", "_forget_earlier"])
def test_an_interrupt_while_it_is_taken_blocks_nobody(tmp_path: Path, monkeypatch, step) -> None:
    """Neither this process, whose next run may follow at once, nor others, to which the process is alive."""

    def interrupted(*arguments: object) -> None:
        monkeypatch.undo()
        raise KeyboardInterrupt

    held(tmp_path, DEAD).rename(tmp_path / "runs" / "000001" / "ended.json")
    monkeypatch.setattr(Lease, "_alive", lambda self, number: None)
    monkeypatch.setattr(Lease, step, interrupted)
    with pytest.raises(KeyboardInterrupt), Lease(tmp_path).taken():
        pass
    assert os.listdir(tmp_path / "runs" / "000002") == ["ended.json"]
    with Lease(tmp_path).taken() as first:
        assert first


def test_a_lease_that_nobody_renews_is_taken_over(tmp_path: Path) -> None:
    """After ten minutes without a sign of life, of which there are many in that time."""
    assert module._RENEWED < 60
    file = held(tmp_path, 1, "another")
    for ago in (0, 540):
        os.utime(file, (time.time() - ago,) * 2)
        with Lease(tmp_path).taken(join=True) as first:
            assert not first
    os.utime(file, (time.time() - 660,) * 2)
    with Lease(tmp_path).taken() as first:
        assert first


def test_a_run_in_another_container_is_not_taken_for_a_dead_one_of_this_machine(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("platform.node", lambda: "recon-robust-worker-7f9c6d5b8-abcde")
    with Lease(tmp_path).taken():
        monkeypatch.setattr("platform.node", lambda: "recon-robust-worker-7f9c6d5b8-xyz12")
        monkeypatch.setattr(module, "_held", set())  # which no other process knows
        other = Lease(tmp_path)
        assert other.holder is not None
        assert other.holder["host"] == "recon-robust-worker-7f9c6d5b8-abcde"
        with pytest.raises(InputError, match="is being run already"), other.taken():
            pass


def test_a_run_of_an_earlier_version_is_not_taken_for_a_dead_one(tmp_path: Path) -> None:
    held(tmp_path, DEAD).write_text(json.dumps({"host": platform.node(), "process": DEAD}))
    assert Lease(tmp_path).holder is not None


def test_who_has_it_says_so_and_knows_when_it_was_lost(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(module, "_RENEWED", 0.01)
    lease, renewed = Lease(tmp_path), threading.Event()
    change = os.utime

    def renew(path: Path, **given: tuple[int, int]) -> None:
        """A renewal gives no times; writing the lease's folder does."""
        change(path, **given)
        if not given:
            renewed.set()

    monkeypatch.setattr(module.os, "utime", renew)
    with lease.taken():
        assert lease.held
        assert renewed.wait(60)
        held(tmp_path, 1, "another", number=2)
        assert not lease.held
    assert Lease(tmp_path).holder == {"host": "another", "machine": "another", "process": 1}, "which has it still"


def test_who_has_the_lease(tmp_path: Path) -> None:
    lease = Lease(tmp_path)
    assert lease.holder is None
    assert lease.place is None
    file = held(tmp_path, os.getppid())
    assert lease.holder == {"host": "here", "machine": machine(), "process": os.getppid()}
    assert lease.place == file.parent
    held(tmp_path, DEAD)
    assert lease.holder is None
    held(tmp_path, os.getpid())
    assert lease.holder is None, "an earlier process had this one's number, as after the restart of a container"
    for content in ("", "[]", '{"process": null}', '{"process": "one"}', f'{{"process": {2**70}}}'):
        file.write_text(content)
        assert lease.holder is None
    (tmp_path / "file").write_text("")
    assert Lease(tmp_path / "file").holder is None, "where the results should be is a file"


def test_where_no_run_can_be_written_it_is_said(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    with pytest.raises(WritingError, match="000001 cannot be written"), Lease(tmp_path).taken():
        pass
