"""What a job does in its thread, and what goes wrong there."""

import os
import sys
import threading
from collections.abc import Callable

import pytest

from helpers.jobs import counting, failing
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.ground.progress import Job, Progress, run
from napari_recon_robust.window.jobs import Jobs
from napari_recon_robust.workbench.task import Task

Until = Callable[[Callable[[], object]], None]


def test_the_work_is_in_another_thread_and_its_result_in_this_one(jobs: Jobs, until: Until) -> None:
    stop, worked_in, accepted_in, previews = threading.Event(), [], [], []

    def accept(result: str) -> None:
        accepted_in.append((result, threading.current_thread()))

    jobs.start(Task("Counting", counting(stop, worked_in), accept, previews.append))
    until(lambda: len(previews) > 2)
    stop.set()
    until(lambda: accepted_in)
    assert accepted_in == [("done", threading.current_thread())]
    assert threading.current_thread() not in worked_in


def test_the_first_preview_does_not_wait_for_what_comes_next(jobs: Jobs, until: Until) -> None:
    previews: list[str] = []
    failed: list[str] = []
    jobs.failed.connect(failed.append)

    def job() -> Job[None]:
        yield Progress(0.0)
        yield Progress(0.3, preview="a first look")
        raise InputError("the rest is too much; take less.")

    jobs.start(Task("Reading", job(), lambda _: None, previews.append))
    until(lambda: failed)
    assert previews == ["a first look"]


def test_threads_take_short_turns_while_jobs_run(jobs: Jobs, until: Until) -> None:
    usual, seen, stop = sys.getswitchinterval(), [], threading.Event()

    def job() -> Job[None]:
        seen.append(sys.getswitchinterval())
        while not stop.is_set():
            yield Progress(0.0)

    jobs.start(Task("One", job(), lambda _: None))
    jobs.start(Task("Two", job(), lambda _: None), "other")
    until(lambda: len(seen) == 2)
    jobs.cancel("other")
    until(lambda: not jobs.busy("other"))
    assert max(seen) < usual / 5, "or the window waits for the whole turn of a job at every call into OpenGL"
    stop.set()
    until(lambda: sys.getswitchinterval() == usual)


def test_what_a_job_runs_to_its_end_is_cancelled_with_it(jobs: Jobs, until: Until) -> None:
    """As the fit of an untrained network of which an attack wants the image."""
    worked_in: list[threading.Thread] = []
    failed: list[str] = []
    jobs.failed.connect(failed.append)

    def attack() -> Job[str]:
        yield Progress(0.0, preview="the clean image")
        try:
            return run(counting(threading.Event(), worked_in))  # never ends by itself
        except Exception:
            return "taken for an error of the method"

    jobs.start(Task("Attacking", attack(), lambda _: None))
    until(lambda: worked_in)
    jobs.cancel()
    until(lambda: not jobs.busy())
    assert failed == []


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere threads have no priorities of their own")
def test_jobs_give_way_to_the_window(jobs: Jobs, until: Until) -> None:
    found: list[int] = []

    def job() -> Job[None]:
        found.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        yield Progress(1.0)

    window = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    for _ in range(3):  # in threads that are used again
        jobs.start(Task("Looking", job(), lambda _: None))
        until(lambda: not jobs.busy())
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == window
    assert found == [max(window, 10)] * 3


def test_no_gradients_in_the_worker(jobs: Jobs, until: Until) -> None:
    seen = []

    import torch

    def job() -> Job[None]:
        seen.append(torch.is_grad_enabled())
        yield Progress(1.0)

    jobs.start(Task("Looking", job(), lambda _: None))
    until(lambda: not jobs.busy())
    assert seen == [False]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied (1x2 and 3x4)"), "mat1 and mat2"),
        (RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 GB"), "ran out of memory"),
        (MemoryError(), "not enough memory"),
        (InputError("the budget is 7; give less."), "The budget is 7"),
        (InputError("slice 2 does not exist; choose another."), "Slice 2 does"),
        (InputError("two cases are compared, not 1."), "Two cases are"),
        (InputError("importing model.py failed (SyntaxError); mend it."), "Importing model.py failed"),
        (InputError("scans holds no scan; choose another folder."), "scans holds no scan"),
        (KeyError("surprise"), "KeyError"),
        (StopIteration(), "failed"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_every_error_is_said_and_nothing_hangs(jobs: Jobs, until: Until, error: Exception, words: str) -> None:
    jobs.start(Task("Reconstructing", failing(error), pytest.fail))
    until(lambda: not jobs.busy())
    (sentence,) = jobs.sentences
    assert words in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert jobs.start(Task("Again", failing(InputError("no.")), pytest.fail)), "the lane stays blocked"
    until(lambda: not jobs.busy())


def test_a_job_that_cannot_be_closed_leaves_its_lane_free(jobs: Jobs, until: Until) -> None:
    begun = threading.Event()

    def job() -> Job[None]:
        begun.set()
        try:
            while True:
                yield Progress(0.0)
        finally:
            raise RuntimeError("what it held is gone")

    jobs.start(Task("One", job(), lambda _: None))
    until(begun.is_set)
    jobs.cancel()
    until(lambda: not jobs.working)


def test_a_thread_whose_priority_cannot_be_set_works_all_the_same(
    jobs: Jobs, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: int) -> None:
        raise PermissionError(13, "not in this container")

    monkeypatch.setattr(os, "setpriority", refuse)
    accepted: list[str] = []
    stop = threading.Event()
    stop.set()
    jobs.start(Task("Counting", counting(stop, []), accepted.append))
    until(lambda: accepted)


def test_whatever_goes_wrong_in_a_thread_its_lane_is_free_again(
    jobs: Jobs, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also around the job, where superqt would report no end."""
    from napari_recon_robust.window import worker

    for error in (RuntimeError("no such thread"), OSError("no such thread")):

        def fail(error: Exception = error) -> None:
            raise error

        monkeypatch.setattr(worker, "_give_way", fail)
        said: list[str] = []
        jobs.failed.connect(said.append)
        jobs.start(Task("Counting", counting(threading.Event(), []), lambda _: None))
        until(lambda said=said: said)
        assert "no such thread" in said[0]
        assert not jobs.working
