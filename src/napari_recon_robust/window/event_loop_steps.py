"""Does what takes long step by step: the window answers between two steps, and between a step and its picture."""

from collections.abc import Callable

from qtpy.compat import isalive
from qtpy.QtCore import QObject, QTimer
from qtpy.QtWidgets import QWidget

_ASKED = "update"  # the method of a widget by which a picture is asked for, also by vispy
_TURN = 6  # ms in which the event loop does whatever else has come, before the next step or its picture


class EventLoopSteps(QObject):
    """Calls functions in the order in which they come, each in a turn of the event loop of its own.

    canvas: is drawn after each of them in a turn of its own too; Qt would draw it at the end of the same one. The first
    image takes napari 0.2 s to add and software OpenGL 0.2 s to draw.
    """

    def __init__(self, canvas: QWidget, parent: QObject) -> None:
        super().__init__(parent)
        self._canvas = canvas
        self._waiting: list[Callable[[], None]] = []
        self._holding = self._held = False  # what the canvas is asked for, and whether there was any
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._take)
        self._coming = False

    def later(self, function: Callable[[], None]) -> None:
        """Call a function when what came before it is done and seen."""
        self._waiting.append(function)
        self._go_on()

    def _go_on(self) -> None:
        """Take the next turn a moment after the event loop went on: what was asked for so far is painted by then."""
        if not self._coming:
            self._coming = True
            QTimer.singleShot(0, self._wait)

    def _wait(self) -> None:
        self._timer.start(_TURN)

    def _take(self) -> None:
        self._coming = False
        if not isalive(self._canvas):
            return
        if self._holding:
            self._let_go()
        elif self._waiting:
            self._hold()
            try:
                self._waiting.pop(0)()
            finally:
                self._go_on()
        if self._waiting:
            self._go_on()

    def _hold(self) -> None:
        """Only note that the canvas is asked for a picture.

        Its updates stay enabled: a window that is painted while they are not leaves a hole in place of an OpenGL
        canvas, until it is painted again as a whole.
        """
        self._holding, self._held = True, False
        setattr(self._canvas, _ASKED, self._note)

    def _note(self) -> None:
        self._held = True

    def _let_go(self) -> None:
        self._holding = False
        delattr(self._canvas, _ASKED)
        if self._held:
            self._canvas.update()
