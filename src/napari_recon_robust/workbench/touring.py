"""A tour in five steps on the packaged sample: each goes on when the user has done it."""

from collections.abc import Callable
from dataclasses import dataclass

from .review_part import Basis, ReviewPart

FLICKERED = "flicker"


@dataclass(frozen=True)
class Stop:
    """One step. place: the control that it points at, by a name. words: what is to be done, and what for."""

    place: str
    title: str
    words: str


STOPS = (
    Stop(
        "sample",
        "Open the sample",
        "Press “Open the sample”: a simulated brain, fully sampled, of which about a third of the lines is used.",
    ),
    Stop(
        "method",
        "Choose a method",
        "Choose another method, or turn a knob: the image beside the reference follows.",
    ),
    Stop(
        "region",
        "Choose a region",
        "Click a lesion in the list, or draw a region of your own with the tools below it.",
    ),
    Stop(
        "run",
        "Attack it",
        "Press “Run”: it searches, among all noise of this size, for what harms this region most.",
    ),
    Stop(
        "flicker",
        "Look at what was lost",
        "Hold the key g: clean and perturbed take turns in one panel. Then press q, which gives the window to the "
        "images; the key ? lists the others.",
    ),
)


class Touring(ReviewPart):
    """Where the tour is; None while it is not under way. Signal: `changed()`, another stop."""

    def __init__(self, basis: Basis) -> None:
        super().__init__(basis)
        self.number: int | None = None
        self._begun: object = None  # what was set when the stop was reached
        self._noted: set[str] = set()
        self._now.changed.connect(self._check)
        self._perturbing.finished.connect(self._check)

    @property
    def stop(self) -> Stop | None:
        """The present one."""
        return None if self.number is None else STOPS[self.number]

    def start(self) -> None:
        """Begin with the first step, or with the second where a scan is open."""
        self._reach(0)
        self._check()

    def leave(self) -> None:
        """End the tour."""
        self._reach(None)

    def skip(self) -> None:
        """Go on without having done what was asked for."""
        if self.number is not None:
            self._reach(self.number + 1 if self.number + 1 < len(STOPS) else None)

    def note(self, what: str) -> None:
        """Note that something was done that the workbench does not see, such as FLICKERED."""
        self._noted.add(what)
        self._check()

    def _reach(self, number: int | None) -> None:
        self.number = number
        self._begun, self._noted = self._set, set()
        self.changed.emit()

    @property
    def _set(self) -> object:
        return self._reconstruction.method

    def _check(self) -> None:
        """Go on as far as things are done."""
        if self.number is not None and self._done[STOPS[self.number].place]():
            self.skip()
            self._check()

    @property
    def _done(self) -> dict[str, Callable[[], bool]]:
        return {
            "sample": lambda: self._acquisition.slice is not None and self._reconstruction.method is not None,
            "method": lambda: self._begun is not None and self._set != self._begun,
            "region": lambda: self._regions.chosen_on(self._acquisition.index) is not None,
            "run": lambda: self._perturbing.current is not None,
            "flicker": lambda: FLICKERED in self._noted,
        }
