"""Freed memory goes back to the system."""

import platform
from collections.abc import Callable
from typing import Any

import psutil
import pytest

from napari_recon_robust.ground.progress import Progress, run
from napari_recon_robust.window import memory_trim
from napari_recon_robust.workbench.task import Task

BLOCK, BLOCKS = 100_000, 3_000  # bytes; each below the size from which glibc asks the system


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="others give it back by themselves")
def test_what_was_freed_between_what_is_kept_goes_back() -> None:
    process = psutil.Process()
    blocks: list[Any] = [b"x" * BLOCK for _ in range(BLOCKS)]
    for number in range(BLOCKS):
        if number % 100:
            blocks[number] = None
    before = process.memory_info().rss
    run(memory_trim.give_back())
    assert before - process.memory_info().rss > 0.5 * BLOCK * BLOCKS
    del blocks


def test_memory_is_given_back_once_after_the_last_job(
    jobs: Any, until: Callable[[Callable[[], object]], None], monkeypatch: pytest.MonkeyPatch, qtbot: Any
) -> None:
    given: list[bool] = []

    def give_back() -> Any:
        given.append(jobs.busy())
        yield Progress(1.0)

    def work() -> Any:
        for _ in range(5):
            yield Progress(0.5)

    monkeypatch.setattr(memory_trim, "give_back", give_back)
    monkeypatch.setattr(memory_trim, "_REST", 50)
    memory_trim.MemoryTrim(jobs)
    for _ in range(2):
        jobs.start(Task("Working", work(), lambda _: None))
        until(lambda: not jobs.working)
    until(lambda: given)
    qtbot.wait(200)
    assert given == [False]
