"""What plays random events tells its faults, leaves out what they do not need, and goes on where it stopped."""

from collections.abc import Iterable

from . import play
from .play import Verdict, minimised, missing


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
