"""The window from the command line: when the demonstration takes its picture."""

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from qtpy.QtCore import QRect, QSize
from qtpy.QtWidgets import QWidget

from napari_recon_robust.ground.progress import Job, Progress
from napari_recon_robust.window import launch
from napari_recon_robust.window.session import Session
from napari_recon_robust.workbench.task import Task

Until = Callable[[Callable[[], object]], None]


@pytest.mark.parametrize("lane", ["foreground", "measure", "render", "warm"])
def test_a_window_is_still_when_nothing_is_computed_for_it_and_it_was_drawn(
    standing: Session, until: Until, monkeypatch: pytest.MonkeyPatch, lane: str
) -> None:
    monkeypatch.setattr(launch, "_SETTLE", 10)
    may_end, looks, done = threading.Event(), [], []

    def computed() -> Job[None]:
        while not may_end.is_set():
            yield Progress(0.5, "Computing")

    def busy(of: str = "foreground") -> bool:
        looks.append(of)
        return was_busy(of)

    was_busy = standing.jobs.busy
    monkeypatch.setattr(standing.jobs, "busy", busy)
    standing.jobs.latest(Task("Computing", computed(), lambda _: looks.clear()), lane)
    launch.once_still(standing, lambda: done.append(len(looks)))
    until(lambda: done or len(looks) > 20)
    assert done == []
    may_end.set()
    until(lambda: done)
    assert done[0] >= 8, "all four lanes were looked at again after it, a moment later"


@pytest.mark.parametrize(("size", "expected"), [((1024, 768), (1024, 738)), ((2560, 1440), (1280, 800))])
def test_a_window_opens_within_the_screen(
    qtbot: Any, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int], expected: tuple[int, int]
) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    screen = SimpleNamespace(availableGeometry=lambda: QRect(10, 20, *size))
    monkeypatch.setattr(window, "screen", lambda: screen)
    monkeypatch.setattr(window, "frameSize", lambda: window.size() + QSize(0, 30))
    window.move(3000, 5)
    launch.fit_in_screen(window)
    assert (window.width(), window.height()) == expected
    assert (window.x(), window.y()) == (10 + size[0] - expected[0], 20)


def test_the_demonstration_ends_with_the_comparison_in_front(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    perturbing = SimpleNamespace(result=object(), finished=SimpleNamespace(disconnect=lambda _: done.append("once")))
    session: Any = SimpleNamespace(bench=SimpleNamespace(perturbing=perturbing), bring=done.append)
    monkeypatch.setattr(launch, "once_still", lambda _, finished: finished())
    launch._Demo(session, lambda: done.append("finished"))._on_finished()
    assert done == ["once", "Compare", "finished"]
