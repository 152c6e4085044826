"""Python's garbage is collected in the window's thread, and in no other."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from qtpy.QtCore import QObject, QTimer

from ..ground.wanted import Wanted

_PERIOD = 500  # ms


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep Python from collecting by itself.

    It collects in whichever thread happens to make objects. In that of a job it would delete widgets that nobody holds
    any more, which Qt allows in the window's thread only: the process may crash.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    yield
    if was_enabled:
        gc.enable()


uncollected = Wanted(_uncollected)


class Collecting(QObject):
    """Collects garbage in the window's thread, and there only, between `begin` and `end`."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._timer = QTimer(self)
        self._timer.setInterval(_PERIOD)
        self._timer.timeout.connect(collect)

    def begin(self) -> None:
        """Collect here from now on."""
        if not self._timer.isActive():
            uncollected.begin()
            self._timer.start()

    def end(self) -> None:
        """Leave it to Python again, once no other window collects and no job runs."""
        if self._timer.isActive():
            self._timer.stop()
            uncollected.end()


def collect() -> None:
    """Collect the oldest generation that is due, as Python does by itself."""
    for generation, (count, threshold) in reversed([*enumerate(zip(gc.get_count(), gc.get_threshold(), strict=True))]):
        if count > threshold > 0:
            gc.collect(generation)
            return
