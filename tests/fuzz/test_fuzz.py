"""Mutated files give a result or one sentence; and what judges them notices what does not."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest

from napari_recon_robust.ground.errors import LONGEST, InputError, ReconRobustError

from . import __main__ as command
from . import formats, judge, odd
from .judge import Input, Verdict, Watched

ROOT = Path(__file__).parents[2]
ONE = Input("npy", "flipped", 0)
MUCH = 2**28  # bytes; the judge's own bound takes seconds to fill


def failures(tally: Path, *options: str) -> tuple[int, list[str]]:
    """How many inputs were judged, and those that failed, in a process that holds nothing else."""
    words = [sys.executable, "-m", "fuzz", "--json", "--tally", str(tally), *options]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)
    return found["inputs"], [
        f"{judge.Input(one['format'], one['kind'], one['number'])}: {one}" for one in found["failures"]
    ]


@pytest.mark.slow
@pytest.mark.parametrize("number", [100, pytest.param(500, marks=pytest.mark.thorough)])
def test_the_first_inputs_give_a_result_or_a_sentence(tmp_path: Path, number: int) -> None:
    count, failed = failures(tmp_path / "tally", "--inputs", str(number))
    assert (count, failed) == (number, [])


@pytest.mark.thorough
def test_what_ever_failed_fails_no_more(tmp_path: Path) -> None:
    count, failed = failures(tmp_path / "tally", "--stored")
    assert (count, failed) == (len(command.read_failed()), [])


def judged(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object], seconds: float = 20) -> Verdict:
    """The verdict on an input with which this happens."""
    monkeypatch.setattr(judge, "take", lambda one, folder: happens())
    with Watched(seconds) as process:
        return process.judge(ONE)


def raised(error: BaseException) -> Callable[[], object]:
    def happens() -> None:
        raise error

    return happens


@pytest.mark.slow
@pytest.mark.parametrize(
    ("happens", "result"),
    [
        (lambda: None, "ok"),
        (raised(InputError("the file is empty; give another.")), "own"),
        (raised(InputError("there is no file /home/a/b.h5")), "sentence"),
        (raised(KeyError("kspace")), "raw"),
        (raised(SystemExit()), "raw"),
        (raised(MemoryError()), "memory"),
        (os.abort, "crash"),
        (lambda: np.ones(MUCH // 4), "memory"),
        (lambda: os._exit(0), "crash"),
    ],
)
def test_verdicts(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object], result: str) -> None:
    monkeypatch.setattr(judge, "MEMORY", MUCH)
    assert judged(monkeypatch, happens).result == result


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ("two\nlines", "several lines"),
        ("x" * (LONGEST + 1), f"{LONGEST + 1} characters"),
        ("", "no words"),
        ("the file is empty.", ""),
    ],
)
def test_what_is_wrong_with_a_sentence(words: str, fault: str) -> None:
    class Said(ReconRobustError):
        def __str__(self) -> str:
            return words

    assert judge.wrong(Said(), Path("/in")) == fault


@pytest.mark.slow
def test_a_hang_is_ended_and_the_next_input_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge, "take", lambda one, folder: time.sleep(60 if one == ONE else 0))
    with Watched(0.3) as process:
        assert process.judge(ONE).result == "hang"
        assert process.judge(Input("npy", "flipped", 1)).result == "ok"


@pytest.mark.thorough
@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells how long a process waited for a processor")
def test_waiting_for_a_processor_is_no_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five processes on one processor, each with 0.3 s of work of its own: the first ends after about 1.5 s."""

    def happens() -> None:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        others = any(os.fork() == 0 for _ in range(4))
        ended = time.process_time() + (0.6 if others else 0.3)
        while time.process_time() < ended:
            pass
        if others:
            os._exit(0)

    assert judged(monkeypatch, happens, seconds=0.7).result == "ok"


@pytest.mark.slow
def test_a_tree_does_not_grow_beyond_memory() -> None:
    """Lists in lists that are made 500 times as long, again and again."""
    for number in range(300):
        tree = [[[[1, 2, 3] for _ in range(9)] for _ in range(9)]]
        assert len(json.dumps(odd.change_tree(tree, Random(number)), default=str)) < 10**8


@pytest.mark.slow
def test_a_frozen_study_is_the_same_in_each_process() -> None:
    first = judge._seed("frozen")[0]
    judge._seed.cache_clear()
    assert judge._seed("frozen")[0].keys() == first.keys()


def test_an_input_is_determined_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left_alone = replace(formats.FORMATS["npy"], open=lambda path: None, use=lambda opened: None)
    monkeypatch.setitem(formats.FORMATS, "npy", left_alone)
    contents = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        judge.take(ONE, folder)
        contents.append((folder / "scan.npy").read_bytes())
    assert contents[0] == contents[1]
