"""Random events by real input raise nothing, and what is shown is of one state after each of them."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from . import __main__ as command
from . import play
from .play import LENGTH, Verdict, minimised, missing

TESTS = Path(__file__).parents[1]


def verdicts(tally: Path, *options: str) -> list[Verdict]:
    """Of sequences that are played in a process of their own."""
    words = [sys.executable, "-m", "monkey", "--json", "--tally", str(tally), *options]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(words, cwd=TESTS, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    return [Verdict(**one) for one in json.loads(done.stdout)]


@pytest.mark.thorough
@pytest.mark.skipif(sys.platform.startswith("linux") and not os.environ.get("DISPLAY"), reason="needs a display")
def test_the_first_events_and_what_ever_failed_go_well(tmp_path: Path) -> None:
    seeds = [*range(100 // LENGTH), *command.read_failed()]
    played = verdicts(tmp_path / "tally", *(f"--only={seed}" for seed in seeds))
    assert [f"--only {one.seed}: {one.words}" for one in played if not one.passed] == []
    assert [(one.seed, one.events) for one in played] == [(seed, LENGTH) for seed in seeds]


def test_a_fault_is_told_by_its_error_and_the_innermost_line_of_ours() -> None:
    words = (
        "Traceback (most recent call last):\n"
        '  File "/a/tests/monkey/events.py", line 3, in take\n'
        '  File "/a/src/napari_recon_robust/window/session.py", line 7, in open\n'
        '  File "/a/site-packages/napari/viewer.py", line 9, in add\n'
        "    raise\n"
        "ValueError: no"
    )
    assert play.first_line(words) == "ValueError: no"
    assert play.where(words) == "window/session.py:7"


def test_only_what_the_fault_needs_is_left() -> None:
    def played(numbers: Iterable[int]) -> Verdict:
        return Verdict(0, 0, fault="both" if {3, 17} <= {*numbers} else "")

    assert minimised(played, list(range(40)), "both") == [3, 17]


def test_a_run_goes_on_with_the_seeds_that_were_not_played() -> None:
    found = missing({0, 2})
    assert [next(found) for _ in range(3)] == [1, 3, 4]


def test_memory_is_compared_within_the_process_that_played_most() -> None:
    first = [Verdict(seed, 100, megabytes=900 + seed, windows=seed) for seed in range(1, 5)]
    second = [Verdict(seed, 100, megabytes=800 + seed, windows=seed) for seed in range(1, 20)]
    assert play.grown(first) is None
    assert play.grown([*first, *second]) == (second[play.WARM], second[-1])
    assert second[-1].ours - second[play.WARM].ours == pytest.approx((1 - play.LEFT_BEHIND) * (19 - 1 - play.WARM))
