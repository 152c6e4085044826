"""A setting of the whole process that several threads and windows want at a time."""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack


class Wanted:
    """A setting that holds from the first `begin` to the last `end`, whichever threads call them.

    setting: makes the context within which the process has it; it is left in the thread of the last `end`.
    """

    def __init__(self, setting: Callable[[], AbstractContextManager[object]]) -> None:
        self._setting = setting
        self._lock = threading.Lock()
        self._wanted, self._kept = 0, ExitStack()

    def begin(self) -> None:
        """Want it."""
        with self._lock:
            if self._wanted == 0:
                self._kept.enter_context(self._setting())
            self._wanted += 1

    def end(self) -> None:
        """Want it no more; after the last one the process is as it was."""
        with self._lock:
            self._wanted -= 1
            if self._wanted == 0:
                self._kept.close()
