"""How often somebody may ask."""

import time
from collections import OrderedDict, deque
from collections.abc import Callable

_MOST = 10_000  # who is remembered; the one who was quiet for longest is forgotten first


class Limit:
    """At most `count` times within `seconds`, for each name."""

    def __init__(self, count: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.count, self.seconds, self._clock = count, seconds, clock
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    def allows(self, name: str) -> bool:
        """Count one time, and return whether it is within the limit."""
        now = self._clock()
        times = self._times.setdefault(name, deque(maxlen=self.count))
        self._times.move_to_end(name)
        while len(self._times) > _MOST:
            self._times.popitem(last=False)
        if len(times) == self.count and now - times[0] < self.seconds:
            return False
        times.append(now)
        return True
