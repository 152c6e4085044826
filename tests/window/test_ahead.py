"""Looking ahead begins when nothing else is to be done, and ends for the user's hand."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_recon_robust.ground.progress import Job, Progress
from napari_recon_robust.window.session import Session
from napari_recon_robust.workbench import ahead

Until = Callable[[Callable[[], object]], None]


def scroll(review: Session, until: Until) -> None:
    """To the first slice and back, so that the last one is next."""
    acquisition = review.bench.acquisition
    for index in (0, 1):
        review.panels.navigation.go_to(index)
        until(lambda index=index: acquisition.slice is not None and acquisition.slice.index == index)


def test_the_next_slice_comes_while_nothing_else_is_to_be_done(review: Session, until: Until) -> None:
    scroll(review, until)
    acquisition = review.bench.acquisition
    until(lambda: acquisition.kept(2, acquisition.sampling) is not None)
    kept = acquisition.kept(2, acquisition.sampling)
    assert "ahead" not in review.docks[0].foot.message.text(), "nothing is said of it"
    review.panels.navigation.go_to(2)
    until(lambda: acquisition.slice is kept)


@pytest.mark.parametrize("act", ["key", "job"])
def test_it_stops_for_whatever_the_user_does(
    review: Session, until: Until, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    begun, closed = [], []

    def endless(*_: Any) -> Job[Any]:
        begun.append(True)
        try:
            while True:
                time.sleep(0.01)
                yield Progress(0.5)
        finally:
            closed.append(True)

    monkeypatch.setattr(ahead, "_look", endless)
    scroll(review, until)
    until(lambda: begun)
    monkeypatch.setattr(review.bench.ahead, "task", lambda: None)  # or it would begin again
    if act == "key":
        QTest.keyClick(review.panels.viewer.window._qt_viewer.canvas.native, Qt.Key.Key_Home)
    else:
        review.following.render()
    assert not review.ahead._under_way
    until(lambda: closed)
