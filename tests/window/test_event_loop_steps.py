"""Steps and their pictures take turns, in order, and nothing is lost when one fails."""

import time

import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QObject, QPoint, QTimer
from qtpy.QtGui import QPaintEvent
from qtpy.QtWidgets import QApplication, QWidget

from napari_recon_robust.window.event_loop_steps import EventLoopSteps
from napari_recon_robust.window.session import Session


class Canvas(QWidget):
    """Writes down when it is painted."""

    def __init__(self, log: list[str]) -> None:
        super().__init__()
        self.log = log

    def paintEvent(self, _: QPaintEvent | None) -> None:
        self.log.append("picture")


@pytest.fixture
def log() -> list[str]:
    """What happened, in order."""
    return []


@pytest.fixture
def canvas(qtbot: QtBot, log: list[str]) -> Canvas:
    """A widget on the screen."""
    canvas = Canvas(log)
    qtbot.addWidget(canvas)
    with qtbot.waitExposed(canvas, timeout=60_000):
        canvas.show()
    log.append("shown")
    while log:  # until it is painted no more
        log.clear()
        qtbot.wait(50)
    return canvas


def test_the_window_answers_between_a_step_and_its_picture(qtbot: QtBot, canvas: Canvas, log: list[str]) -> None:
    turns, ticks = EventLoopSteps(canvas, canvas), QTimer(canvas)
    ticks.timeout.connect(lambda: log[-1:] != ["tick"] and log.append("tick"))
    ticks.start(2)

    def step() -> None:
        canvas.update()
        time.sleep(0.03)
        log.append("step")

    for _ in range(5):
        turns.later(step)
    qtbot.waitUntil(lambda: log.count("picture") == 5, timeout=60_000)
    assert "".join(one[0] for one in log).strip("t") == "t".join(["stp"] * 5)


def test_a_step_that_asks_for_another_is_seen_first(qtbot: QtBot, canvas: Canvas, log: list[str]) -> None:
    turns = EventLoopSteps(canvas, canvas)

    def step() -> None:
        canvas.update()
        log.append("step")
        if log.count("step") < 3:
            turns.later(step)

    turns.later(step)
    qtbot.waitUntil(lambda: log.count("picture") == 3, timeout=60_000)
    assert log == ["step", "picture"] * 3


def test_a_failed_step_leaves_the_canvas_and_the_others(qtbot: QtBot, canvas: Canvas, log: list[str]) -> None:
    turns = EventLoopSteps(canvas, canvas)

    def fail() -> None:
        raise ValueError

    turns.later(fail)
    turns.later(lambda: log.append("step"))
    with qtbot.captureExceptions() as raised:
        qtbot.waitUntil(lambda: "step" in log and "update" not in vars(canvas), timeout=60_000)
    assert [kind for kind, _, _ in raised] == [ValueError]


def test_nothing_is_called_once_the_owner_is_gone(qtbot: QtBot, canvas: Canvas, log: list[str]) -> None:
    owner = QObject()
    EventLoopSteps(canvas, owner).later(lambda: log.append("step"))
    owner.deleteLater()
    qtbot.wait(100)
    assert "step" not in log


def test_a_window_that_is_painted_meanwhile_has_no_hole_in_place_of_its_image(seen: Session, qtbot: QtBot) -> None:
    canvas = seen.panels.viewer.window._qt_viewer.canvas.native
    window = canvas.window()

    def darkest() -> int:
        corner, screen = canvas.mapToGlobal(QPoint(0, 0)), QApplication.primaryScreen()
        picture = screen.grabWindow(0, corner.x(), corner.y(), 40, 40).toImage()
        return min(picture.pixelColor(row, row).value() for row in range(40))

    qtbot.waitUntil(lambda: darkest() == 0, timeout=60_000)
    for _ in range(3):
        seen.event_loop_steps.later(window.repaint)
        qtbot.wait(150)
        assert darkest() == 0, "the canvas is black, the window is not"
