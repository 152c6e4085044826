"""Python's garbage is collected in the window's thread, and in no other."""

import gc

from qtpy.QtCore import QObject, QTimer

_PERIOD = 500  # ms


class Collecting(QObject):
    """Collects garbage in the window's thread between `begin` and `end`.

    Python collects in whichever thread happens to make objects. In that of a job it would delete widgets that nobody
    holds any more, which Qt allows in the window's thread only: the process may crash. Several may be under way, one
    for each window.
    """

    _under_way, _was_enabled = 0, True

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._timer = QTimer(self)
        self._timer.setInterval(_PERIOD)
        self._timer.timeout.connect(collect)

    def begin(self) -> None:
        """Collect here from now on."""
        if self._timer.isActive():
            return
        cls = type(self)
        if cls._under_way == 0:
            cls._was_enabled = gc.isenabled()
            gc.disable()
        cls._under_way += 1
        self._timer.start()

    def end(self) -> None:
        """Leave it to Python again, if no other window is under way."""
        if not self._timer.isActive():
            return
        self._timer.stop()
        cls = type(self)
        cls._under_way -= 1
        if cls._under_way == 0 and cls._was_enabled:
            gc.enable()


def collect() -> None:
    """Collect the oldest generation that is due, as Python does by itself."""
    for generation, (count, threshold) in reversed([*enumerate(zip(gc.get_count(), gc.get_threshold(), strict=True))]):
        if count > threshold > 0:
            gc.collect(generation)
            return
