"""While the mouse holds a slider or a pad, the stack of steps knows it: a drag with pauses is one step of undo."""

from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QSlider, QWidget

from ..controls.pad import Pad
from ..workbench.undoing import Undoing


class SliderDrags(QObject):
    """Follows the mouse on sliders and pads."""

    def __init__(self, undoing: Undoing, parent: QObject) -> None:
        super().__init__(parent)
        self._undoing = undoing

    def follow(self, controls: QWidget) -> None:
        """Follow all sliders and pads among some controls."""
        for one in (*controls.findChildren(QSlider), *controls.findChildren(Pad)):
            one.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Look at presses and releases, which go on to the control."""
        if event is not None and event.type() in (QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonRelease):
            self._undoing.hold(event.type() == QEvent.Type.MouseButtonPress)
        return False
