"""How long a case is read."""

from collections.abc import Callable


class ReadingClock:
    """The times of one case in milliseconds: shown, first_action, and hidden, the sum of all pauses.

    clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._case = ""
        self._times: dict[str, float] = {}
        self._paused: float | None = None
        self._left: dict[str, tuple[dict[str, float], float]] = {}  # the times of cases that wait, and since when

    @property
    def now(self) -> float:
        """The present time."""
        return 1000 * self._clock()

    def start(self, case: str = "") -> None:
        """Begin with another case; one that was left without an answer goes on, and was hidden in between."""
        if self._case:
            self._left[self._case] = self._times, self.now if self._paused is None else self._paused
        times, since = self._left.pop(case, ({"shown": self.now, "hidden": 0.0}, self.now))
        self._case, self._times = case, {**times, "hidden": times["hidden"] + self.now - since}

    def finish(self) -> None:
        """Note that the case is answered; when it is seen again its time begins anew."""
        self._case = ""

    def act(self) -> None:
        """Note that the reader did something, of which the first time counts."""
        self._times.setdefault("first_action", self.now)

    def answered(self) -> dict[str, float]:
        """Return the times of a case that is answered now."""
        return {**self._times, "answered": self.now}

    @property
    def paused(self) -> bool:
        """Whether the clock stands."""
        return self._paused is not None

    def go_on(self) -> None:
        """End a pause without counting it, as for what is shown anew."""
        self._paused = None

    def pause(self) -> None:
        """Stop the clock, or let it go on; the time between is no reading."""
        if self._paused is None:
            self._paused = self.now
        else:
            self._times["hidden"] += self.now - self._paused
            self._paused = None
