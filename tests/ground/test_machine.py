import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from napari_recon_robust.ground import machine as module
from napari_recon_robust.ground.machine import has_ended, machine, runs

NUMBER = 999_999_999  # of no process

Become = Callable[..., str]


@pytest.fixture
def become(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Become:
    """Be another machine from now on, as far as it tells of itself; returns its name."""

    def become(node: str = "one", installed: str = 32 * "a", start: str = "first", container: str = "pid:[1]") -> str:
        monkeypatch.setattr(module.platform, "node", lambda: node)
        for name, text in (("_IDENTITY", installed), ("_START", start)):
            path = tmp_path / name
            path.write_text(f"{text}\n")
            monkeypatch.setattr(module, name, path)
        (tmp_path / "_CONTAINER").unlink(missing_ok=True)
        (tmp_path / "_CONTAINER").symlink_to(container)
        monkeypatch.setattr(module, "_CONTAINER", tmp_path / "_CONTAINER")
        return machine()

    return become


@pytest.mark.parametrize(
    "other",
    [
        {"node": "recon-robust-worker-7f9c6d5b8-xyz12"},
        {"node": "recon-robust-worker-7f9c6d5-b8abcde"},
        {"container": "pid:[2]"},
        {"installed": 32 * "b", "start": "second"},
    ],
)
@pytest.mark.parametrize("more", [{}, {"installed": ""}])
def test_of_another_machine_or_container_nothing_is_known(become: Become, other: dict, more: dict) -> None:
    here = {"node": "recon-robust-worker-7f9c6d5b8-abcde"}
    name = become(**here | more)
    assert name.replace("_", "").isalnum()
    assert "worker" not in name
    assert has_ended(name, NUMBER)
    assert not has_ended(name, os.getpid())
    assert become(**here | more | other) != name
    assert not has_ended(name, NUMBER)


def test_of_a_machine_that_was_started_anew_no_process_is_left(become: Become) -> None:
    name = become()
    become(start="second", container="pid:[2]")
    assert has_ended(name, os.getpid())


def test_two_machines_of_one_name_are_not_taken_for_one_that_was_started_anew(become: Become) -> None:
    """As containers are that have one name and no identity."""
    name = become(installed="")
    become(installed="", start="second")
    assert not has_ended(name, os.getpid())


def test_where_the_system_tells_no_more_its_name_serves(become: Become, monkeypatch: pytest.MonkeyPatch) -> None:
    name = become("one")
    for part in ("_IDENTITY", "_START", "_CONTAINER"):
        monkeypatch.setattr(module, part, Path("missing"))
    mine = machine()
    assert has_ended(mine, NUMBER)
    assert not has_ended(name, NUMBER)
    monkeypatch.setattr(module.platform, "node", lambda: "two")
    assert not has_ended(mine, NUMBER)


def test_a_name_of_an_earlier_version_is_that_of_another_machine(become: Become) -> None:
    become("one")
    assert not has_ended("one", NUMBER)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="only Linux tells")
def test_a_process_that_has_ended_runs_no_more_before_its_parent_asks() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it stays a zombie
    assert not runs(process.pid)
    process.wait()
    assert runs(os.getpid())
