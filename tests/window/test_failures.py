"""What went wrong last: by whom it is taken back, and by whom not."""

import gc
from weakref import ref

import pytest

from napari_recon_robust.window.failures import Failures
from napari_recon_robust.workbench.task import Task


class Listening(Failures):
    """What was taken back is written down."""

    def __init__(self) -> None:
        self.taken_back: list[str] = []
        super().__init__(lambda sentence: self.note(sentence), self.taken_back.append)


@pytest.fixture
def failures() -> Listening:
    return Listening()


def task() -> Task[None]:
    return Task("Opening", iter(()), lambda _: None)


def test_a_lane_takes_back_its_own_failure_once(failures: Listening) -> None:
    failures.say("it failed.", "render")
    failures.recover_lane("measure")
    assert failures.taken_back == []
    failures.recover_lane("render")
    failures.recover_lane("render")
    assert failures.taken_back == ["render"]


def test_a_task_takes_back_its_own_failure_while_that_was_said_last(failures: Listening) -> None:
    first, other = task(), task()
    failures.say("it failed.", "foreground", first)
    failures.recover_task(other)
    assert failures.taken_back == []
    failures.recover_task(first)
    failures.recover_task(first)
    assert failures.taken_back == ["foreground"]
    failures.say("it failed.", "foreground", first)
    failures.say("the other failed.", "foreground", other)
    failures.recover_task(first)
    assert failures.taken_back == ["foreground"]


def test_what_failed_without_a_job_is_taken_back_without_one(failures: Listening) -> None:
    failures.say("it failed.", "render")
    failures.recover_without_job()
    assert failures.taken_back == []
    failures.note("Black and white must be numbers.")
    failures.recover_lane("render")
    assert failures.taken_back == []
    failures.recover_without_job()
    assert failures.taken_back == [""]


def test_a_refusal_is_true_until_its_lane_is_free_or_something_else_is_said(failures: Listening) -> None:
    failures.refuse("Saving has to wait.", "foreground")
    assert failures.refusal == "Saving has to wait."
    failures.recover_lane("render")
    assert failures.refusal
    failures.recover_lane("foreground")
    assert (failures.refusal, failures.taken_back) == ("", ["foreground"])
    failures.refuse("Saving has to wait.", "foreground")
    failures.note("Black and white must be numbers.")
    assert failures.refusal == ""


def test_a_failed_task_is_not_kept(failures: Listening) -> None:
    failed = task()
    seen = ref(failed)
    failures.say("it failed.", "foreground", failed)
    del failed
    gc.collect()
    assert seen() is None
