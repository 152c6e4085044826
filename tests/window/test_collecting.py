"""Garbage is collected in the window's thread only."""

import gc
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from qtpy.QtCore import QObject

from napari_recon_robust.ground.progress import Job, Progress
from napari_recon_robust.window.collecting import Collecting, collect
from napari_recon_robust.window.jobs import Jobs
from napari_recon_robust.workbench.task import Task

Until = Callable[[Callable[[], object]], None]


class Knot:
    """Holds itself, so that only a collection frees it. freed: takes the thread in which that happens."""

    def __init__(self, freed: list[int]) -> None:
        self.itself, self.freed = self, freed

    def __del__(self) -> None:
        self.freed.append(threading.get_ident())


@pytest.fixture
def window() -> Iterator[Callable[[], Collecting]]:
    """Makes windows that collect; they end with the test, or Python would collect no more in those that follow."""
    parent, opened = QObject(), list[Collecting]()

    def open_one() -> Collecting:
        opened.append(Collecting(parent))
        return opened[-1]

    yield open_one
    for collecting in opened:
        collecting.end()


def _litter(freed: list[int]) -> Job[None]:
    for _ in range(200):
        for _ in range(100):
            Knot(freed)
        yield Progress(0.0)


def test_a_job_that_makes_much_garbage_collects_none(
    window: Callable[[], Collecting], jobs: Jobs, until: Until
) -> None:
    freed: list[int] = []
    window().begin()
    jobs.start(Task("Making garbage", _litter(freed), lambda _: None))
    until(lambda: not jobs.busy())
    until(lambda: len(freed) > 10_000)
    assert {*freed} == {threading.get_ident()}


def test_a_job_that_outlives_its_window_collects_none(
    window: Callable[[], Collecting], jobs: Jobs, until: Until
) -> None:
    freed: list[int] = []
    collecting = window()
    collecting.begin()
    jobs.start(Task("Making garbage", _litter(freed), lambda _: None))
    collecting.end()
    until(lambda: not jobs.busy())
    assert {*freed} <= {threading.get_ident()}
    until(gc.isenabled)


def test_python_collects_again_after_the_last_window(window: Callable[[], Collecting]) -> None:
    assert gc.isenabled()
    one, two = window(), window()
    for _ in range(2):
        one.begin(), two.begin()
    one.end(), one.end()
    assert not gc.isenabled()
    two.end()
    assert gc.isenabled()


def test_the_oldest_generation_that_is_due_is_collected(monkeypatch: Any) -> None:
    collected: list[int] = []
    monkeypatch.setattr(gc, "collect", collected.append)
    monkeypatch.setattr(gc, "get_threshold", lambda: (700, 10, 10))
    for counts in ((700, 3, 3), (701, 3, 3), (701, 11, 3), (5, 11, 11)):
        monkeypatch.setattr(gc, "get_count", lambda counts=counts: counts)
        collect()
    assert collected == [0, 1, 2]
