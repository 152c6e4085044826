"""How long a case is read."""

from collections.abc import Callable
from typing import Any


class ReadingClock:
    """The times of one case in milliseconds: shown, first_action, and hidden, the sum of all pauses.

    Of several slices, also for how long each was shown. clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._case = ""
        self._times: dict[str, float] = {}
        self._seen = [0.0]
        self._paused: float | None = None
        self._left: dict[str, tuple[dict[str, float], list[float], float]] = {}  # of cases that wait, and since when

    @property
    def now(self) -> float:
        """The present time."""
        return 1000 * self._clock()

    def start(self, case: str = "", slices: int = 1) -> None:
        """Begin with another case; one that was left without an answer goes on, and was hidden in between."""
        if self._case:
            self._left[self._case] = self._times, self._seen, self.now if self._paused is None else self._paused
        fresh = {"shown": self.now, "hidden": 0.0}, slices * [0.0], self.now
        times, self._seen, since = self._left.pop(case, fresh)
        self._case, self._times = case, {**times, "hidden": times["hidden"] + self.now - since}

    def finish(self) -> None:
        """Note that the case is answered; when it is seen again its time begins anew."""
        self._case = ""

    def act(self) -> None:
        """Note that the reader did something, of which the first time counts."""
        self._times.setdefault("first_action", self.now)

    def leave(self, slice: int) -> None:
        """Note that a slice was shown until now; whatever time of the case was no other's is its own."""
        reading = self.now - self._times["shown"] - self._times["hidden"]
        self._seen[slice] += reading - sum(self._seen)

    def answered(self, slice: int = 0) -> dict[str, Any]:
        """The times of a case that is answered now, at a slice."""
        self.leave(slice)
        several = {"slice": slice, "seen": list(self._seen)} if len(self._seen) > 1 else {}
        return {**self._times, "answered": self.now, **several}

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
