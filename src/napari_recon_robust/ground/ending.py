"""A process that is asked to end does so when the step under way is done."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Asked = Callable[[], bool]
_TOGETHER = 3.0  # seconds within which several are one: `timeout` and SLURM signal a process and its group


@contextmanager
def asked_to_end(*signals: signal.Signals) -> Iterator[Asked]:
    """Whether the process was asked to end by one of these signals; a second Ctrl-C does what the first did before.

    SIGTERM is what SLURM sends before it kills. A second one, some seconds after the first, is as a Ctrl-C, so that
    what hangs can be ended. What is ignored, as Ctrl-C is in the background of a shell, stays so.
    In another than the main thread, where Python takes no signals, it is never asked.
    """
    asked, terminated = threading.Event(), list[float]()
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return

    def note(number: int, _: object) -> None:
        asked.set()
        if number == signal.SIGINT:
            signal.signal(number, before[signal.SIGINT])
            return
        terminated.append(time.monotonic())
        if terminated[-1] - terminated[0] > _TOGETHER:
            raise KeyboardInterrupt

    handlers = {each: signal.getsignal(each) for each in signals}
    # None is a handler that is not Python's, which could not be given back.
    before = {each: handler for each, handler in handlers.items() if handler not in (None, signal.SIG_IGN)}
    for each in before:
        signal.signal(each, note)
    try:
        yield asked.is_set
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
