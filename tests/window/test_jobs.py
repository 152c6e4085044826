"""Jobs in other threads: reported, cancelled, refused, and what goes wrong in them."""

import gc
import threading
from collections.abc import Callable
from typing import Any
from weakref import ref

import pytest

from helpers.jobs import counting, failing
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.ground.progress import Job, Progress
from napari_recon_robust.window.jobs import Jobs
from napari_recon_robust.workbench.task import Task

Until = Callable[[Callable[[], object]], None]


def test_cancelling_is_at_once_and_the_step_under_way_is_dropped(jobs: Jobs, until: Until) -> None:
    begun, go, closed = threading.Event(), threading.Event(), threading.Event()

    def stubborn() -> Job[str]:
        try:
            yield Progress(0.1, "first", 1)
            begun.set()
            go.wait(60)
            yield Progress(0.9, "second", 2)
        finally:
            closed.set()
        return "done"

    kept, previews, messages = [], [], []
    jobs.ended.connect(messages.append)
    jobs.start(Task("Searching", stubborn(), pytest.fail, previews.append, kept.append))
    until(lambda: previews and begun.is_set())
    jobs.cancel()
    assert (messages, kept) == (["Searching: cancelled."], [1])
    assert not jobs.busy()
    assert jobs.working, "its thread is at a step that nothing interrupts"

    said, second = [], []
    stop = threading.Event()
    stop.set()
    jobs.progressed.connect(lambda progress: said.append(progress.message))
    assert jobs.start(Task("Again", counting(stop, []), second.append))
    assert jobs.busy()
    assert "starts when the last step of what was cancelled has ended" in said[-1]
    assert not closed.is_set()
    go.set()
    until(lambda: second)
    assert second == ["done"]
    assert closed.is_set(), "one after the other"
    assert previews == [1]


def test_a_cancelled_own_model_is_left_behind_but_not_called_twice_at_once(jobs: Jobs, until: Until) -> None:
    model, done, said = object(), list[str](), list[str]()
    begun, go = threading.Event(), threading.Event()
    jobs.progressed.connect(lambda progress: said.append(progress.message))

    def stubborn() -> Job[None]:
        yield Progress(0.0)
        begun.set()
        go.wait(60)

    def quick() -> Job[str]:
        yield Progress(1.0)
        return "quick"

    jobs.latest(Task("Model", stubborn(), pytest.fail, models=[model]), "render")
    until(begun.is_set)
    jobs.replace(Task("TV", quick(), done.append), "render")
    until(lambda: done)
    assert not go.is_set(), "another method does not wait for it"
    assert jobs.working, "it is waited for when the window is closed"
    jobs.replace(Task("Model again", quick(), done.append, models=[model]), "render", 0.0)
    until(lambda: said)
    assert said == ["Model again: starts when the last step of what was cancelled has ended."]
    jobs.replace(Task("CG-SENSE", quick(), done.append), "render")
    until(lambda: len(done) == 2)
    jobs.latest(Task("Model again", quick(), done.append, models=[model]), "render")
    assert jobs.busy("render")
    go.set()
    until(lambda: len(done) == 3)
    assert not jobs.working


def test_what_waits_can_be_cancelled_too(jobs: Jobs, until: Until) -> None:
    go, messages = threading.Event(), []

    def stubborn() -> Job[None]:
        yield Progress(0.1)
        go.wait(60)

    jobs.start(Task("First", stubborn(), pytest.fail))
    jobs.cancel()
    jobs.start(Task("Second", failing(InputError("never started.")), pytest.fail))
    jobs.ended.connect(messages.append)
    jobs.cancel()
    assert messages == ["Second: cancelled."]
    go.set()
    until(lambda: not jobs.working)
    assert not jobs.sentences


def test_whoever_asked_is_told_that_there_will_be_no_result(jobs: Jobs, until: Until) -> None:
    told, done, stop = list[str](), list[str](), threading.Event()

    def task(label: str, job: Job[str]) -> Task[str]:
        return Task(label, job, done.append, given_up=lambda: told.append(label))

    jobs.latest(task("runs", counting(stop, [])), "measure")
    jobs.latest(task("waits", counting(stop, [])), "measure")
    jobs.cancel("measure")
    assert sorted(told) == ["runs", "waits"], "at once, whether it had begun or not"
    jobs.latest(task("fails", failing(InputError("no."))), "measure")
    until(lambda: "fails" in told)
    stop.set()
    jobs.latest(task("ends", counting(stop, [])), "measure")
    until(lambda: done)
    assert sorted(told) == ["fails", "runs", "waits"]


def test_what_something_newer_takes_the_place_of_goes_without_a_word(jobs: Jobs, until: Until) -> None:
    stop, shown, messages, done = threading.Event(), list[str](), list[str](), list[str]()
    stop.set()
    jobs.started.connect(shown.append)
    jobs.ended.connect(messages.append)
    jobs.latest(Task("TV", counting(threading.Event(), []), pytest.fail), "render", 0.0)
    until(lambda: shown)
    jobs.replace(Task("CG-SENSE", counting(stop, []), done.append), "render")
    until(lambda: done)
    assert (shown, messages) == (["TV"], [""]), "nobody has pressed Cancel"


def test_what_gives_way_is_replaced(jobs: Jobs, until: Until) -> None:
    stop, done = threading.Event(), []
    jobs.start(Task("Comparing", counting(threading.Event(), []), pytest.fail, gives_way=True))
    assert jobs.busy()
    assert jobs.free()
    assert jobs.start(Task("Searching", counting(stop, []), done.append))
    assert not jobs.free()
    stop.set()
    until(lambda: done)
    assert not jobs.sentences


def test_a_cancelled_job_may_be_followed_by_what_makes_use_of_it(jobs: Jobs, until: Until) -> None:
    finished = []

    def more(best: int) -> Task[Any]:
        stop = threading.Event()
        stop.set()
        return Task("Finishing", counting(stop, []), lambda result: finished.append((best, result)))

    previews: list[int] = []
    jobs.start(Task("Counting", counting(threading.Event(), []), pytest.fail, previews.append, more))
    until(lambda: previews)
    jobs.cancel()
    until(lambda: finished)
    assert finished[0][0] >= previews[-1]
    assert finished[0][1] == "done"


def test_a_second_job_is_refused_in_words(jobs: Jobs, until: Until) -> None:
    stop = threading.Event()
    assert jobs.start(Task("Worst-case noise", counting(stop, []), lambda _: None))
    assert not jobs.start(Task("Saving", counting(stop, []), pytest.fail))
    assert "worst-case noise is under way" in jobs.sentences[-1]
    assert jobs.start(Task("Rendering", counting(stop, []), lambda _: None), "render"), "another lane is free"
    stop.set()
    until(lambda: not jobs.busy() and not jobs.busy("render"))


def test_of_many_requests_the_first_and_the_latest_run(jobs: Jobs, until: Until) -> None:
    stop, done = threading.Event(), []
    for number in range(20):
        job = counting(stop, [])
        jobs.latest(Task("Rendering", job, lambda _, number=number: done.append(number)), "render")
    stop.set()
    until(lambda: not jobs.busy("render"))
    assert done == [0, 19]


def test_replacing_cancels_what_runs(jobs: Jobs, until: Until) -> None:
    stop, done = threading.Event(), []
    stop.set()
    jobs.latest(Task("Old", counting(threading.Event(), []), pytest.fail), "render")
    jobs.replace(Task("New", counting(stop, []), done.append), "render")
    until(lambda: done)


def test_a_result_that_cannot_be_accepted_is_said_too(jobs: Jobs, until: Until) -> None:
    def refuse(_: object) -> None:
        raise InputError("it does not fit; try another.")

    stop = threading.Event()
    stop.set()
    jobs.start(Task("Opening", counting(stop, []), refuse))
    until(lambda: not jobs.busy())
    assert jobs.sentences == ["It does not fit; try another."]


def test_an_image_that_takes_long_comes_to_the_foot_and_can_be_cancelled_there(jobs: Jobs, until: Until) -> None:
    """Others stay quiet, what is started by hand takes its place, and it comes back behind that."""
    shown: list[str] = []
    jobs.started.connect(shown.append)
    jobs.resumed.connect(lambda progress: shown.append(progress.message.partition(" ")[0]))
    stop = threading.Event()
    try:
        jobs.latest(Task("Preparing", counting(stop, []), lambda _: None), "prepare")
        jobs.latest(Task("Reconstructing", counting(stop, []), lambda _: None), "render", 0.05)
        until(lambda: shown == ["Reconstructing"])
        jobs.start(Task("Attacking", counting(stop, []), lambda _: None))
        until(lambda: shown == ["Reconstructing", "Attacking"])
        jobs.cancel_shown()
        assert not jobs.busy()
        assert jobs.busy("render")
        assert jobs.busy("prepare")
        until(lambda: shown[2:] == ["step"])
        jobs.cancel_shown()
        assert not jobs.busy("render")
        assert jobs.busy("prepare")
    finally:
        stop.set()


def test_an_image_goes_before_what_is_prepared_which_is_shown_behind_it(jobs: Jobs, until: Until) -> None:
    """So that no work is under way without a sign of it."""
    shown: list[str] = []
    jobs.started.connect(shown.append)
    jobs.resumed.connect(lambda progress: shown.append(progress.message.partition(" ")[0]))
    stops = [threading.Event() for _ in range(3)]
    try:
        jobs.latest(Task("Preparing", counting(stops[0], []), lambda _: None), "prepare", 0.1)
        until(lambda: shown == ["Preparing"])
        jobs.latest(Task("Reconstructing", counting(stops[1], []), lambda _: None), "render", 0.05)
        until(lambda: shown == ["Preparing", "Reconstructing"])
        jobs.latest(Task("Measuring", counting(stops[2], []), lambda _: None), "measure", 0.08)
        stops[1].set()
        until(lambda: not jobs.busy("render"))
        until(lambda: len(shown) > 3)
        assert shown[2:] == ["step", "Measuring"], (
            "what was shown comes back at once, and something more urgent takes it"
        )
        stops[2].set()
        until(lambda: shown[4:] == ["step"])
    finally:
        for stop in stops:
            stop.set()


def test_nothing_of_a_task_stays_after_it(jobs: Jobs, until: Until) -> None:
    """Such as the slice that it worked on: napari's workers are never freed, and this one would be by them."""
    stop, seen = threading.Event(), []
    for cancel in (False, True):
        stop.clear()
        task = Task("Counting", counting(stop, seen), lambda _: None)
        there = ref(task)
        jobs.start(task)
        del task
        until(lambda: seen)
        if cancel:
            jobs.cancel()
        stop.set()
        until(lambda: not jobs.working)
        gc.collect()
        assert there() is None


def test_an_error_goes_with_the_next_success_of_its_lane(jobs: Jobs, until: Until) -> None:
    def working() -> Job[None]:
        yield Progress(1.0)

    recovered: list[str] = []
    jobs.recovered.connect(recovered.append)
    jobs.latest(Task("Rendering", failing(InputError("no")), pytest.fail), "render")
    until(lambda: jobs.sentences)
    jobs.latest(Task("Reading", working(), lambda _: None), "measure")
    until(lambda: not jobs.working)
    assert not recovered, "another lane says nothing of it"
    for _ in range(2):
        jobs.latest(Task("Rendering", working(), lambda _: None), "render")
        until(lambda: not jobs.working)
    assert recovered == ["render"]


def test_an_error_that_needed_no_job_goes_with_the_next_success_that_needs_none(jobs: Jobs, until: Until) -> None:
    recovered: list[str] = []
    jobs.recovered.connect(recovered.append)
    jobs.latest(Task("Rendering", failing(InputError("no")), pytest.fail), "render")
    until(lambda: jobs.sentences)
    jobs.failures.recover_without_job()
    assert not recovered, "what a job could not do is not taken back by something else"
    jobs.failed.emit("Black and white must be numbers.")
    jobs.failures.recover_without_job()
    assert recovered == [""]
